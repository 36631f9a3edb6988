"""The loss along a direction: weights are set, asked, and put back."""

import pytest
import torch
from small_models import same
from small_models import weights as state

from illusionkit.errors import TrainingError
from illusionkit.training.landscape import along, random_way, way, weights


@pytest.fixture
def model():
    torch.manual_seed(0)
    found = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 1))
    return found.requires_grad_(True)


def total(model):
    return lambda: sum(weight.sum().item() for weight in model.parameters())


def test_a_way_leads_from_start_to_end(model):
    start = weights(model)
    with torch.no_grad():
        model[0].weight += 1
    end = weights(model)
    found = way(start, end)
    assert torch.allclose(found["0.weight"], torch.ones(4, 3)) and not found["1.weight"].any()
    places = along(model, start, found, [0, 0.5, 1, 2], total(model))
    assert places == pytest.approx([places[0] + 12 * s for s in (0, 0.5, 1, 2)], abs=1e-5)


def test_the_weights_are_a_copy(model):
    found = weights(model)
    with torch.no_grad():
        model[0].weight.zero_()
    assert found["0.weight"].any()


def test_tied_weights_stand_once():
    one = torch.nn.Linear(3, 3)
    other = torch.nn.Linear(3, 3)
    other.weight = one.weight
    assert set(weights(torch.nn.Sequential(one, other))) == {"0.weight", "0.bias", "1.bias"}


def test_a_random_way_is_as_long_in_each_matrix_and_repeats(model):
    like = weights(model)
    like["1.bias"] = torch.zeros(1)
    one, again, other = (random_way(like, seed=seed) for seed in (1, 1, 2))
    for name, direction in like.items():
        assert one[name].norm().item() == pytest.approx(direction.norm().item(), abs=1e-5)
        assert one[name].equal(again[name])
    assert not one["0.weight"].equal(other["0.weight"])


def test_afterwards_the_model_is_as_it_was_even_if_the_loss_fails(model):
    before, start = state(model), weights(model)
    direction = random_way(start)
    along(model, start, direction, [-1, 1], total(model))
    assert same(before, state(model))

    def fails():
        raise ValueError("no loss")

    with pytest.raises(ValueError, match="no loss"):
        along(model, start, direction, [1], fails)
    assert same(before, state(model))


def test_at_0_the_origin_itself_is_asked(model):
    """Not origin + 0 · direction, which is no number where a direction is infinite."""
    start = weights(model)
    infinite = {name: torch.full_like(weight, torch.inf) for name, weight in start.items()}
    wanted = total(model)()
    assert along(model, start, infinite, [0], total(model)) == [wanted]


def test_no_place_no_loss(model):
    start = weights(model)
    assert along(model, start, start, [], total(model)) == []


def test_weights_of_another_model_are_refused(model):
    start = weights(model)
    less = {name: weight for name, weight in start.items() if name != "1.bias"}
    for origin, direction in ((less, start), (start, less), ({}, {})):
        with pytest.raises(TrainingError, match="weights of this model"):
            along(model, origin, direction, [0], total(model))

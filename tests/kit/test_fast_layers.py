"""Quick layers compute what the model's own do, and give the model back as it was."""

import copy
import math
import subprocess
import sys

import pytest
import torch
from small_models import without_dropout
from torch import nn

from illusionkit.models import encoders, fast_layers
from illusionkit.models.fast_layers import use_fast_layers

TOLERANCE = 2e-5  # relative, of fp32 results


def close(one, other, tolerance=TOLERANCE):
    """Tell whether two tensors differ by rounding only, measured by their norms."""
    return bool((one - other).norm() <= tolerance * other.norm() + 1e-12)


def inputs(lengths=(9, 4, 6, 1), *, vocabulary=1000):
    """Return padded token numbers, and which are no padding."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(5, vocabulary, (len(lengths), max(lengths)), generator=generator)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"input_ids": ids * mask, "attention_mask": mask.long()}


def learn(model, given):
    """Return logits and the gradient of each parameter for one batch."""
    model.zero_grad()
    logits = model(**given).logits
    labels = torch.arange(len(logits)) % logits.shape[1]
    nn.functional.cross_entropy(logits.float(), labels).backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return logits.detach(), found


def state(model):
    """Return what `use_fast_layers` may change: modules, their own attributes, and attentions."""
    modules = [(name, type(m), id(m), "forward" in vars(m)) for name, m in model.named_modules()]
    return modules, model.config._attn_implementation


@pytest.fixture
def with_dropout(small):
    """A small classifier with dropout, in training mode."""
    return encoders.classifier(3, str(small))[0].train()


@pytest.fixture
def without(still):
    """A small classifier without dropout, in training mode."""
    return encoders.classifier(3, str(still))[0].train()


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9, 1e-3])
def test_each_of_the_four_decisions_of_a_number_drops_with_probability_p(p):
    torch.manual_seed(0)
    kept, _ = fast_layers.keep((400_000,), p)
    for lane in kept.view(-1, 4).unbind(1):
        dropped, n = int((lane == 0).sum()), lane.numel()
        assert abs(dropped - n * p) <= 5 * math.sqrt(n * p * (1 - p))


def test_decisions_do_not_depend_on_each_other():
    torch.manual_seed(0)
    lanes = fast_layers.keep((400_000,), 0.5)[0].view(-1, 4).T.double()
    among = torch.corrcoef(torch.cat([lanes[:, 1:], lanes[:, :-1]])) - torch.eye(8)
    assert among.abs().max() < 5 / math.sqrt(lanes.shape[1])


@pytest.mark.parametrize("p", [0.1, 0.3, 1 / 65536, 0.9999])
def test_the_scale_makes_the_expectation_exact(p):
    _, scale = fast_layers.keep((4,), p)
    chance = round(p * 65536) / 65536
    assert scale * (1 - chance) == pytest.approx(1, abs=1e-15)
    assert abs(chance - p) <= 1 / 131072


def test_the_bounds_of_sixteen_bits_are_kept_and_dropped_as_they_should(monkeypatch):
    every = torch.arange(-32768, 32768, dtype=torch.int16).view(torch.int64)
    monkeypatch.setattr(torch.Tensor, "random_", lambda self, *bounds: self.copy_(every))
    for p in (1 / 65536, 0.1, 0.5, 65535 / 65536):
        kept, _ = fast_layers.keep((65536,), p)
        assert int((kept == 0).sum()) == round(p * 65536)


def test_all_64_bits_are_drawn():
    drawn = torch.empty(20_000, dtype=torch.int64).random_(-(2**63), None)
    for bit in range(64):
        share = ((drawn >> bit) & 1).double().mean()
        assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(20_000), bit


def test_dropout_scales_what_it_keeps_and_draws_anew_each_time():
    x = torch.rand(37, 51) + 1
    torch.manual_seed(1)
    first, second = fast_layers.dropout(x, 0.3), fast_layers.dropout(x, 0.3)
    torch.manual_seed(1)
    assert first.equal(fast_layers.dropout(x, 0.3))
    assert not first.equal(second)
    kept = first != 0
    assert torch.allclose(first[kept], x[kept] / (1 - round(0.3 * 65536) / 65536))


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 3, 7)])
def test_dropout_takes_any_shape(shape):
    assert fast_layers.dropout(torch.ones(shape), 0.5).shape == shape


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_the_gradient_of_dropout_is_its_mask_in_the_dtype_of_the_numbers(dtype):
    x = torch.ones(64, 16, dtype=dtype, requires_grad=True)
    out = fast_layers.dropout(x, 0.4)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    assert x.grad.equal(out)


def test_gradients_are_right_in_fp64():
    def fixed(function):
        def same_mask(*given):
            torch.manual_seed(5)
            return function(*given)

        return same_mask

    x = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(fixed(lambda x: fast_layers.dropout(x, 0.3)), [x])
    tensors = [torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    mask = torch.tensor([True, True, True, False]).expand(2, 1, 4, 4)

    def attention(q, k, v):
        return fast_layers.attend(nn.Identity(), q, k, v, mask, dropout=0.3, is_causal=False)[0]

    assert torch.autograd.gradcheck(fixed(attention), tensors)


# Products


@pytest.mark.parametrize("shape", [(6, 40), (3, 5, 40), (40,), (1, 40)])
@pytest.mark.parametrize("outputs", [7, 64])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_computes_the_same_and_so_do_its_gradients(shape, outputs, with_bias):
    torch.manual_seed(0)
    layer = nn.Linear(40, outputs, bias=with_bias)
    x = torch.randn(shape, requires_grad=True)
    results = []
    for compute in (nn.functional.linear, fast_layers.linear):
        out = compute(x, layer.weight, layer.bias)
        out.square().sum().backward()
        tensors = [x, *layer.parameters()]
        results.append([out.detach(), *(t.grad for t in tensors)])
        for tensor in tensors:
            tensor.grad = None
    for expected, found in zip(*results, strict=True):
        assert found.shape == expected.shape
        assert close(found, expected)


def test_linear_takes_numbers_that_do_not_lie_in_order():
    weight, x = torch.randn(8, 6).t(), torch.randn(5, 3, 8).transpose(0, 1)
    assert close(fast_layers.linear(x, weight, None), nn.functional.linear(x, weight))


@pytest.mark.parametrize("outputs", [4, 7])
def test_products_get_numbers_without_gaps(outputs, monkeypatch):
    # The first token of each row, as a pooler takes it: oneDNN needs a thousand times as long.
    given, product = [], fast_layers._product() or nn.functional.linear

    def watched(x, weight, bias):
        given.extend([x, weight])
        return product(x, weight, bias)

    monkeypatch.setattr(fast_layers, "_product", lambda: watched)
    fast_layers._linear_function.cache_clear()
    try:
        x, weight = torch.randn(5, 3, 6, requires_grad=True), torch.randn(outputs, 6)
        out = fast_layers.linear(x[:, 0], weight.requires_grad_(), None)
        out[:, :1].expand(5, outputs).sum().backward()
    finally:
        fast_layers._linear_function.cache_clear()
    assert len(given) == 6
    assert all(t.is_contiguous() or t.t().is_contiguous() for t in given)
    assert x.grad[:, 1:].eq(0).all()
    assert close(x.grad[:, 0], outputs * weight[0].expand(5, 6))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_linear_leaves_other_dtypes_alone(dtype):
    x, weight = torch.randn(4, 6, dtype=dtype), torch.randn(3, 6, dtype=dtype)
    assert fast_layers.linear(x, weight, None).equal(nn.functional.linear(x, weight))


def test_linear_works_without_rows_under_autocast_and_without_onednn(monkeypatch):
    weight, bias, x = torch.randn(3, 6), torch.randn(3), torch.randn(4, 6)
    assert fast_layers.linear(torch.empty(0, 6), weight, bias).shape == (0, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert fast_layers.linear(x, weight, bias).dtype == torch.bfloat16
    monkeypatch.setattr(fast_layers, "_product", lambda: None)
    assert fast_layers.linear(x, weight, bias).equal(nn.functional.linear(x, weight, bias))


def test_frozen_weights_get_no_gradient():
    layer = nn.Linear(4, 4).requires_grad_(False)
    x = torch.randn(2, 4, requires_grad=True)
    fast_layers.linear(x, layer.weight, layer.bias).sum().backward()
    assert layer.weight.grad is None
    assert close(x.grad, layer.weight.sum(0).expand(2, 4))


# Attention


def masks():
    """Return masks of four rows of nine tokens by name; each row attends to at least one token."""
    real = (torch.arange(9) < torch.tensor([9, 4, 6, 1])[:, None])[:, None, None, :]
    least = torch.finfo(torch.float32).min
    added = torch.zeros(real.shape).masked_fill(~real, least)
    return {
        "none": None,
        "bool": real.expand(4, 1, 9, 9),
        "one row of bool": real,
        "float": added.expand(4, 1, 9, 9),
        "float with infinity": torch.zeros(real.shape).masked_fill(~real, -torch.inf),
        "float, per head": added + torch.randn(4, 3, 9, 9),
    }


@pytest.mark.parametrize("name", masks())
@pytest.mark.parametrize("scaling", [None, 0.2])
def test_attention_computes_the_same_and_so_do_its_gradients(name, scaling, monkeypatch):
    torch.manual_seed(0)
    given = [torch.randn(4, 9, 3, 8).transpose(1, 2).requires_grad_() for _ in range(3)]
    # All is kept, so that nothing but dropout itself is left out of the quick way.
    monkeypatch.setattr(
        fast_layers, "keep", lambda shape, p: (torch.ones(shape, dtype=torch.uint8), 1.0)
    )
    mask, results = masks()[name], []
    sdpa = nn.functional.scaled_dot_product_attention(*given, attn_mask=mask, scale=scaling)
    ours, none = fast_layers.attend(
        nn.Identity(), *given, mask, dropout=0.1, scaling=scaling, is_causal=False
    )
    assert none is None
    assert ours.is_contiguous()
    for out in (sdpa.transpose(1, 2), ours):
        results.append([out, *torch.autograd.grad(out.square().sum(), given)])
    for expected, found in zip(*results, strict=True):
        assert close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", masks())
def test_attention_keeps_the_dtype_of_what_it_is_given(dtype, name):
    torch.manual_seed(0)
    given = [torch.randn(4, 3, 9, 8, dtype=dtype).requires_grad_() for _ in range(3)]
    mask, seen = masks()[name], []
    for tensors in (given, [t.detach().double().requires_grad_() for t in given]):
        torch.manual_seed(1)  # the same numbers are dropped
        out = fast_layers.attend(nn.Identity(), *tensors, mask, dropout=0.2, is_causal=False)[0]
        slopes = torch.autograd.grad(out.square().sum(), tensors)
        assert {t.dtype for t in (out, *slopes)} == {tensors[0].dtype}
        seen.append([t.double() for t in (out, *slopes)])
    for found, expected in zip(*seen, strict=True):
        error = (found - expected).norm() / expected.norm()
        assert error <= 8 * torch.finfo(dtype).eps


@pytest.mark.parametrize("causal", [True, False])
def test_attention_without_dropout_is_that_of_transformers(causal):
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    given = [torch.randn(2, 3, 5, 4) for _ in range(3)]
    expected, _ = sdpa_attention_forward(nn.Identity(), *given, None, is_causal=causal)
    assert fast_layers.attend(nn.Identity(), *given, None, is_causal=causal)[0].equal(expected)


def test_causal_attention_with_dropout_looks_at_nothing_that_comes_later():
    query, key, value = (torch.randn(2, 3, 5, 4) for _ in range(3))
    value.requires_grad_()
    out, _ = fast_layers.attend(nn.Identity(), query, key, value, None, dropout=0.1, is_causal=True)
    out[:, 0].sum().backward()
    assert value.grad[:, :, 1:].abs().max() == 0


def test_padding_gets_no_attention_at_all():
    given = [torch.randn(4, 3, 9, 8) for _ in range(2)]
    value = torch.randn(4, 3, 9, 8, requires_grad=True)
    mask = masks()["bool"]
    out, _ = fast_layers.attend(nn.Identity(), *given, value, mask, dropout=0.1, is_causal=False)
    out.sum().backward()
    assert value.grad[1, :, 4:].abs().max() == 0
    assert value.grad[1, :, :4].abs().max() > 0


def test_attention_drops_with_its_probability():
    torch.manual_seed(0)
    zeros, value = torch.zeros(64, 4, 16, 16), torch.eye(16).expand(64, 4, 16, 16)
    out, _ = fast_layers.attend(
        nn.Identity(), zeros, zeros, value, None, dropout=0.2, is_causal=False
    )
    share = (out == 0).double().mean()  # the value shows the chances of attention themselves
    assert abs(share - 0.2) < 5 * math.sqrt(0.2 * 0.8 / out.numel())
    assert out[out != 0].mean() == pytest.approx(1 / 16 / 0.8, rel=1e-3)


# Models


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_without_dropout_logits_and_gradients_are_the_models_own(without, attention):
    without.set_attn_implementation(attention)
    expected, slopes = learn(without, inputs())
    with use_fast_layers(without, "cpu"):
        found, quick_slopes = learn(without, inputs())
    assert close(found, expected)
    assert slopes.keys() == quick_slopes.keys()
    for name, slope in slopes.items():
        assert close(quick_slopes[name], slope) or slope.norm() < 1e-6, name


def test_so_are_those_of_the_packaged_model():
    model, tokenizer = without_dropout(5)
    given = tokenizer(["A fine film.", "No", "It was long, and " * 9], padding=True)
    given = dict(given.convert_to_tensors("pt"))
    model.train()
    expected, slopes = learn(model, given)
    with use_fast_layers(model, torch.device("cpu")):
        found, quick_slopes = learn(model, given)
    assert close(found, expected)
    whole, quick_whole = (
        torch.cat([g[n].flatten() for n in slopes]) for g in (slopes, quick_slopes)
    )
    assert close(quick_whole, whole)


def test_in_evaluation_nothing_is_dropped(with_dropout):
    with_dropout.eval()
    with torch.inference_mode():
        expected = with_dropout(**inputs()).logits
        with use_fast_layers(with_dropout, "cpu"):
            assert close(with_dropout(**inputs()).logits, expected)


def test_a_seed_fixes_logits_and_gradients_to_the_bit(with_dropout):
    results = []
    with use_fast_layers(with_dropout, "cpu"):
        for seed in (4, 4, 5):
            torch.manual_seed(seed)
            results.append(learn(with_dropout, inputs()))
    (one, slopes), (same, same_slopes), (other, _) = results
    assert one.equal(same)
    assert all(slopes[name].equal(same_slopes[name]) for name in slopes)
    assert not one.equal(other)


def test_dropout_means_the_same_as_the_models_own(with_dropout):
    def mean_loss():
        torch.manual_seed(0)
        with torch.no_grad():
            given = inputs((20,) * 16)
            losses = [with_dropout(**given).logits.square().mean() for _ in range(300)]
        return torch.stack(losses).double()

    usual = mean_loss()
    with use_fast_layers(with_dropout, "cpu"):
        ours = mean_loss()
    error = math.sqrt((usual.var() + ours.var()) / 300)
    assert usual.std() > 0
    assert abs(usual.mean() - ours.mean()) < 5 * error


def test_parameters_and_modules_stay_the_same_objects(with_dropout):
    before = state(with_dropout)
    names, ids = list(with_dropout.state_dict()), [id(p) for p in with_dropout.parameters()]
    optimizer = torch.optim.AdamW(with_dropout.parameters(), lr=0.1)
    weight = with_dropout.classifier.weight.detach().clone()
    with use_fast_layers(with_dropout, "cpu"):
        assert state(with_dropout) != before
        assert list(with_dropout.state_dict()) == names
        assert [id(p) for p in with_dropout.parameters()] == ids
        learn(with_dropout, inputs())
        optimizer.step()
    assert state(with_dropout) == before
    assert list(with_dropout.state_dict()) == names
    assert [id(p) for p in with_dropout.parameters()] == ids
    assert not with_dropout.classifier.weight.equal(weight)


def test_a_model_is_given_back_after_an_error_and_blocks_may_be_nested(with_dropout):
    before = state(with_dropout)
    with pytest.raises(KeyError), use_fast_layers(with_dropout, "cpu"):
        raise KeyError
    assert state(with_dropout) == before
    with use_fast_layers(with_dropout, "cpu"):
        inside = state(with_dropout)
        with use_fast_layers(with_dropout, "cpu"):
            assert state(with_dropout) == inside
        assert state(with_dropout) == inside
    assert state(with_dropout) == before


@pytest.mark.parametrize("device", ["cuda", "mps", torch.device("cuda", 1)])
def test_another_device_changes_nothing(with_dropout, device):
    before = state(with_dropout)
    with use_fast_layers(with_dropout, device):
        assert state(with_dropout) == before


@pytest.mark.parametrize("attention", ["sdpa", "eager", "flex_attention"])
def test_the_attention_is_changed_where_it_is_known_and_changed_back(with_dropout, attention):
    if not with_dropout._supports_attention_backend:
        pytest.skip("this version's BERT takes no other attention")
    with_dropout.config._attn_implementation = attention
    with use_fast_layers(with_dropout, "cpu"):
        expected = attention if attention == "flex_attention" else fast_layers.NAME
        assert with_dropout.config._attn_implementation == expected
    assert with_dropout.config._attn_implementation == attention


def test_a_model_that_shows_its_attention_keeps_it(with_dropout):
    if not with_dropout._supports_attention_backend:
        pytest.skip("this version's BERT takes no other attention")
    with_dropout.set_attn_implementation("eager")
    with_dropout.config.output_attentions = True
    with use_fast_layers(with_dropout, "cpu"):
        assert with_dropout.config._attn_implementation == "eager"
        shown = with_dropout(**inputs()).attentions
    assert len(shown) == 2
    assert shown[0].shape == (4, 2, 9, 9)


def test_attention_stays_where_transformers_has_no_place_for_it(with_dropout, monkeypatch):
    import transformers

    monkeypatch.delattr(transformers, "AttentionInterface")
    monkeypatch.setitem(sys.modules, "transformers.masking_utils", None)
    with use_fast_layers(with_dropout, "cpu"):
        assert with_dropout.config._attn_implementation == "sdpa"


def test_models_of_plain_layers_and_their_own_kinds_of_layers_work():
    class Own(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 4), Own(4, 4), nn.Dropout(0.5), nn.Dropout(0.9), nn.Dropout(1.0), nn.Dropout(0)
    )
    x = torch.ones(2000, 4)
    expected = model[1](model[0](x))
    with use_fast_layers(model, "cpu"):
        assert close(model[1](model[0](x)), expected)
        for layer, p in ((model[2], 0.5), (model[3], 0.9)):
            share = (layer(x) == 0).double().mean()
            assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / x.numel())
        assert (model[4](x) == 0).all()
        assert model[5](x).equal(x)


def test_a_layer_that_computes_its_own_way_keeps_it():
    layer = nn.Linear(2, 2)
    layer.forward = own = lambda x: x * 3
    with use_fast_layers(layer, "cpu"):
        assert layer(torch.ones(2)).equal(torch.full((2,), 3.0))
    assert layer.forward is own


def test_it_works_under_autocast_in_bf16(with_dropout, without):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected, slopes = learn(without, inputs())
        with use_fast_layers(without, "cpu"):
            found, quick_slopes = learn(without, inputs())
        with use_fast_layers(with_dropout, "cpu"):
            logits, some = learn(with_dropout, inputs())
    assert close(found.float(), expected.float(), 0.05)
    whole, ours = (torch.cat([g[n].flatten() for n in slopes]) for g in (slopes, quick_slopes))
    assert close(ours, whole, 0.1)
    assert logits.isfinite().all()
    assert all(slope.isfinite().all() and slope.dtype == torch.float32 for slope in some.values())


def test_gradient_checkpointing_gives_the_same_gradients(with_dropout):
    results = []
    with use_fast_layers(with_dropout, "cpu"):
        torch.manual_seed(1)
        results.append(learn(with_dropout, inputs()))
        with_dropout.gradient_checkpointing_enable()
        torch.manual_seed(1)
        results.append(learn(with_dropout, inputs()))
    (one, slopes), (other, other_slopes) = results
    assert one.equal(other)
    assert all(close(other_slopes[name], slopes[name]) for name in slopes)


def test_a_copy_made_after_the_block_is_a_usual_model(with_dropout):
    with use_fast_layers(with_dropout, "cpu"):
        learn(with_dropout, inputs())
    twin = copy.deepcopy(with_dropout).eval()
    assert twin(**inputs()).logits.equal(with_dropout.eval()(**inputs()).logits)


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="the option is one of glibc")
def test_memory_that_was_freed_is_not_asked_for_again():
    program = (
        "import resource, torch\n"
        "from illusionkit.models.fast_layers import keep_memory\n"
        "keep_memory()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(20): torch.ones(2**24)\n"
        "before = faults()\n"
        "for _ in range(10): torch.ones(2**24)\n"
        "print(faults() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1000  # each of the ten has 16,384 pages


def test_memory_is_left_alone_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(fast_layers.ctypes, "CDLL", lambda name: pytest.fail("no such library"))
    fast_layers.keep_memory()


def test_memory_is_left_alone_without_glibc(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(fast_layers.ctypes, "CDLL", missing)
    fast_layers.keep_memory()

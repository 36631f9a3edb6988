"""How sure a model is, how right it is, and what a temperature can do about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.domain_shift import mean_confidence
from illusionkit.illusions.evaluate import overconfidence as made
from illusionkit.illusions.material import sentences
from illusionkit.models import calibration
from illusionkit.models.calibration import temperature
from illusionkit.training import book_model, finetune

CLASSES, TRUE_T = 5, 1.7


def reviews(size: int, seed: int, units: int | None = None) -> pd.DataFrame:
    """Return so many sentences of five classes."""
    rng = np.random.default_rng(seed)
    unit = np.arange(size) if units is None else np.arange(size) % units
    texts = [f"sentence {seed} {row}" for row in range(size)]
    return pd.DataFrame({"text": texts, "label": rng.integers(CLASSES, size=size), "unit": unit})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model whose logits are noise, and labels that it would fit at a temperature of 1.7."""
    splits = {name: reviews(900, seed) for seed, name in enumerate(("train", "validation", "test"))}
    shift = reviews(1800, 7, units=90)
    logits: dict[str, Any] = {}
    for number, table in enumerate((*splits.values(), shift)):
        rng = np.random.default_rng([number, 1])
        drawn = rng.normal(size=(len(table), CLASSES)) * 2
        toss = rng.random(len(table))[:, None]
        table["label"] = (toss > softmax(drawn / TRUE_T, axis=1).cumsum(axis=1)).sum(axis=1)
        logits |= dict(zip(table["text"], drawn, strict=True))

    def probabilities(model: object, tokenizer: object, texts: list[str]) -> Any:
        return softmax(np.array([logits[text] for text in texts]), axis=1)

    loads = {"movie_reviews": lambda: None, "product_reviews": lambda: shift}
    monkeypatch.setattr(sentences, "_splits", lambda: splits)
    monkeypatch.setattr(corpora, "CORPORA", loads)
    monkeypatch.setattr(book_model, "finetuned", lambda: SimpleNamespace(model=0, tokenizer=0))
    monkeypatch.setattr(finetune, "probabilities", probabilities)
    sentences.sentences.cache_clear()
    yield splits
    sentences.sentences.cache_clear()


def test_the_score_is_what_is_said_where_it_is_said_and_what_is_so_elsewhere() -> None:
    facts = np.array([0, 1, 2]), np.array([0, 2, 2]), np.arange(3)
    assert made.RIGHT.score(Rows(*facts)) == pytest.approx(2 / 3)
    assert made.RIGHT.score(Rows(*facts, np.array([0.9, 0.6, 0.3]))) == pytest.approx(0.6)


def test_a_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, CLASSES)) * 3
    toss = rng.random(len(logits))[:, None]
    truth = (toss > softmax(logits / TRUE_T, axis=1).cumsum(axis=1)).sum(axis=1)
    assert temperature(logits, truth) == pytest.approx(TRUE_T, rel=0.03)
    assert temperature(logits * 2, truth) == pytest.approx(2 * TRUE_T, rel=0.03)


def test_at_the_fitted_temperature_the_mean_logit_of_the_truth_is_the_expected_one() -> None:
    rng = np.random.default_rng(3)
    logits, truth = rng.normal(size=(500, CLASSES)), rng.integers(CLASSES, size=500)
    logits[np.arange(500), truth] += 1
    chances = softmax(logits / temperature(logits, truth), axis=1)
    expected = (chances * logits).sum(axis=1).mean()
    assert expected == pytest.approx(logits[np.arange(500), truth].mean(), abs=1e-4)


def test_the_binned_error_by_hand() -> None:
    """Bins 0.5 to 0.6 and 0.9 to 1: |0.55 - 0.5| of two rows and |0.95 - 0| of one."""
    sure, right = np.array([0.52, 0.58, 0.95]), np.array([1, 0, 0])
    assert calibration.binned_error(sure, right) == pytest.approx((2 * 0.05 + 0.95) / 3)
    both = calibration.binned_error(sure, np.array([right, [1, 0, 1]]))
    assert both == pytest.approx([(2 * 0.05 + 0.95) / 3, (2 * 0.05 + 0.05) / 3])
    assert calibration.binned_error(np.array([1.0]), np.array([1])) == 0, "1 lies in the last bin"


def test_errors_of_either_sign_cancel_in_a_bin_and_not_between_bins() -> None:
    assert calibration.binned_error(np.array([0.55, 0.55]), np.array([1, 0])) == pytest.approx(0.05)
    far = calibration.binned_error(np.array([0.35, 0.65]), np.array([1, 0]))
    assert far == pytest.approx(0.65), "though the mean claim is the accuracy"


def test_the_surest_are_counted_and_one_row_is_the_least() -> None:
    sure, right = np.array([0.2, 0.9, 0.4, 0.8]), np.array([1.0, 1.0, 0.0, 0.0])
    assert [calibration.surest(sure, right, share) for share in (0.01, 0.25, 0.5, 1)] == [
        1,
        1,
        0.5,
        0.5,
    ]


def test_weights_bring_the_classes_to_the_shares_of_the_films(world: Any) -> None:
    films, truth = world["test"]["label"], np.array([0, 0, 0, 1, 2, 3, 4, 4])
    weights = sentences.to_films(truth)
    shares = np.bincount(truth, weights, minlength=CLASSES) / weights.sum()
    assert shares == pytest.approx(np.bincount(films, minlength=CLASSES) / len(films))


def test_accuracy_knows_no_temperature_and_confidence_falls_with_it(world: Any) -> None:
    trial = experiment("overconfidence-films")
    read = [trial.read(dose, seed=1) for dose in trial.knob.doses]
    assert len({reading.honest for reading in read}) == 1
    assert np.all(np.diff([reading.apparent for reading in read]) < 0)


def test_the_control_says_what_the_page_on_domains_would_say(world: Any) -> None:
    reading = experiment("overconfidence-films").read(seed=1, arm="control")
    table, logs = sentences.sentences("validation")
    films, film_logs = sentences.sentences("movie_reviews")
    judged = np.isin(films["unit"], reading.honest_rows.unit)
    told = mean_confidence(np.exp(logs), table["label"].to_numpy(), np.exp(film_logs[judged]))
    assert reading.apparent == pytest.approx(told, abs=1e-4)
    assert abs(reading.apparent - reading.honest) < 0.05
    assert reading.extras["temperature"] == pytest.approx(TRUE_T, rel=0.15)


def test_what_the_cure_learns_from_is_never_judged(world: Any) -> None:
    table, _ = sentences.sentences("product_reviews")
    assert len(table) == sentences.READ
    labelled, judged = made._dealt(table, np.random.default_rng(0))
    unit = table["unit"].to_numpy()
    assert len(labelled) == made.LABELLED
    assert not set(unit[labelled]) & set(unit[judged])
    trial = experiment("overconfidence-products")
    cured, shipped = trial.read(1, seed=2, arm="cured"), trial.read(1, seed=2)
    assert np.array_equal(cured.honest_rows.unit, shipped.honest_rows.unit)
    assert cured.extras["temperature"] == pytest.approx(TRUE_T, rel=0.3)
    assert cured.apparent < shipped.apparent


def test_a_calibrated_model_has_a_binned_error_all_the_same(world: Any) -> None:
    extras = experiment("overconfidence-films").read(TRUE_T, seed=1).extras
    assert 0.01 < extras["calibrated"] < extras["calibrated_hi"]
    assert (
        extras["binned_error"]
        < 0.09
        < experiment("overconfidence-films").read(0.5, seed=1).extras["binned_error"]
    )


def test_too_few_labelled_sentences_are_named(world: Any) -> None:
    table = reviews(made.LABELLED - 1, 5).assign(part="book")
    with pytest.raises(DataError, match="200 labelled sentences are needed and 199 are there"):
        made._dealt(table, np.random.default_rng(0))

"""The answers to the exercises of chapter 4."""

from __future__ import annotations

from functools import cache

from illusionkit.answers.answer import Answer, claimed


@cache
def _rows_scored() -> float:
    """Return how many test rows the source document's listing scores in its five epochs."""
    from illusionkit.training.book_model import tables

    book = tables()
    return float(5 * -(-len(book["train"]) // 32) * len(book["test"]))


@cache
def _short_batch() -> float:
    """Return the weight of a validation row in the last batch, over that of a row in a full one."""
    from illusionkit.training.book_model import tables

    return 32 / (len(tables()["validation"]) % 32)


@cache
def _fresh_curve() -> float:
    """Return the optimism of a misread curve at a seed that no table holds."""
    from illusionkit.illusions import experiment

    trial = experiment("misread-curve")
    return trial.optimism(trial.read(40, seed=100))


@cache
def _batch_noise() -> float:
    """Return the squared noise of a batch of 8 over that of a batch of 32, of 640 rows."""
    from illusionkit.illusions.tune.learning_rate import SIZES

    rows = SIZES["train"]
    small, large = ((1 - size / rows) / size for size in (8, 32))
    return small / large


@cache
def _other_rate() -> float:
    """Return the optimism at a learning rate and a seed that no table holds."""
    from illusionkit.illusions import experiment

    trial = experiment("learning-rate")
    return trial.optimism(trial.read(0.05, seed=100, arm="batches of 32"))


@cache
def _same_ratio() -> float:
    """Return in how many seeds batches of 128 at 0.1 beat batches of 32 at 0.03 on the holdout."""
    from illusionkit.illusions import results

    holdout = results("learning-rate").table.pivot(
        index="seed", columns=["arm", "dose"], values="honest"
    )
    return float((holdout["batches of 128", 0.1] < holdout["batches of 32", 0.03]).sum())


def _torn_head() -> float:
    """Return the rating with the least expected squared error, of two ratings in doubt."""
    return 0.4 * -2.6 + 0.6 * 2.6


def _nothing_masked() -> float:
    """Return the probability that none of 12 words is chosen for masking."""
    return 0.85**12


@cache
def _peeking_counter() -> float:
    """Return by how many nats word counts of the judged documents beat those of the others."""
    from illusionkit.models.encoders import encoder
    from illusionkit.training.pairs import PairBatches, read_pairs
    from illusionkit.training.pretraining import unigram_nats

    _, tokenizer = encoder()
    book = read_pairs()
    held, train = (PairBatches(tokenizer, book[place]) for place in ("held_out", "train"))
    judged = held.fixed()
    means = [unigram_nats(part.word_counts(), judged).mean() for part in (train, held)]
    return float(means[0] - means[1])


ANSWERS = {
    "rows-scored": Answer(_rows_scored, within=0.5),
    "short-batch": Answer(_short_batch, within=0.005),
    "nothing-masked": Answer(_nothing_masked, within=0.001),
    "shared-word": claimed("accuracy of the shared-word rule", 0.597, within=0.002),
    "peeking-counter": Answer(_peeking_counter, within=0.005),
    "fresh-curve": Answer(_fresh_curve, within=0.02),
    "batch-noise": Answer(_batch_noise, within=0.01),
    "other-rate": Answer(_other_rate, within=0.02),
    "torn-head": Answer(_torn_head, within=0.005),
    "same-ratio": Answer(_same_ratio, within=0.5),
}

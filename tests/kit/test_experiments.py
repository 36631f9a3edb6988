"""What holds of every registered experiment by construction, asked of each in the same words.

No encoder is run here and no learner is fitted, but for bad data: features are noise, and a
learner's answers depend on nothing but the rows and labels it was given, and on their order. Where
two readings agree, they were trained on the same rows. The confirm part is never read: one unit of
the book in twenty plays its part.
"""

import json
import pkgutil
from functools import cache
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from illusionkit import illusions
from illusionkit.data import archives, corpora, registry
from illusionkit.errors import DataError, DesignError
from illusionkit.experiment import task
from illusionkit.experiment.provenance import needed
from illusionkit.experiment.reading import DESIGNS
from illusionkit.experiment.spec import ARMS, KINDS
from illusionkit.illusions import experiment, experiments
from illusionkit.illusions.principle import apparent_error
from illusionkit.illusions.tune import learning_rate
from illusionkit.models import encoding, learners
from illusionkit.training import book_model, finetune

HEAVY = (
    "duplicate-leakage-finetuned", "training-score", "silent-bug", "pretraining-loss",
    "one-setting", "pretrained-weights",
    "fragility", "fragility-worst",
    "compression", "compression-rivals", "compression-chosen",
    "interpretability",
)  # fmt: skip
LIGHT = [name for name in experiments() if name not in HEAVY]
EACH = pytest.mark.parametrize("name", LIGHT)
LOADERS = {module: tuple(module.SOURCES) for module in registry.modules()}
SEED = 1


def cells(name):
    """Return the arms and doses that are read: every arm at the lowest and the highest dose."""
    trial = experiment(name)
    doses = {trial.knob.doses[0], trial.knob.doses[-1]}
    return [(arm, dose) for arm in trial.arms for dose in sorted(doses)]


def is_confirm(unit):
    """Tell whether a unit plays the confirm part; some units bear the name of their corpus."""
    return int(str(unit).split()[-1]) % 20 == 3


class World:
    """The data as the experiments see them here, and what was read, trained and judged."""

    def __init__(self, patch):
        self.parts, self.tasks, self.change = [], [], lambda table: table
        for module, names in LOADERS.items():
            for name in names:
                patch.setattr(module, name, self.loader(name, getattr(module, name)))
        rated = {name: getattr(corpora, name) for name in corpora.CORPORA}
        patch.setattr(corpora, "CORPORA", rated)
        patch.setattr(encoding, "features", features)
        patch.setattr(finetune, "probabilities", probabilities)
        patch.setattr(book_model, "finetuned", lambda: SimpleNamespace(model=None, tokenizer=None))
        reading = task.Task.reading
        patch.setattr(
            task.Task, "reading", lambda s, *a, **k: self.tasks.append(s) or reading(s, *a, **k)
        )

    def loader(self, name, load):
        """Return a loader that holds back some of the units for the part to confirm by."""

        def read(part="book"):
            self.parts.append((name, part))
            table = load()
            confirm = table["unit"] % 20 == 3  # as `is_confirm`
            table = table[confirm == (part == "confirm")].reset_index(drop=True)
            return self.change(table)

        read.__name__ = name
        return read


def features(texts):
    """Return noise for each text: nothing here may depend on what a text says."""
    encoding.require_texts(texts)
    return np.random.default_rng(len(texts)).normal(size=(len(texts), 384)).astype(np.float32)


def probabilities(model, tokenizer, texts):
    """Return noise in place of what the fine-tuned model says of each text."""
    encoding.require_texts(texts)
    return np.random.default_rng(len(texts)).dirichlet(np.ones(5), len(texts))


def forget():
    """Empty every memory that holds data or what came of them."""
    for module in [*map(vars, illusion_modules()), vars(book_model), vars(task)]:
        for value in module.values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def illusion_modules():
    """Return every module of the catalogue, those that several illusions share as well."""
    found = pkgutil.walk_packages(illusions.__path__, f"{illusions.__name__}.")
    return [import_module(each.name) for each in found]


@pytest.fixture(scope="module")
def data():
    with pytest.MonkeyPatch.context() as patch:
        forget()
        yield World(patch)
    forget()


def answers(train, labels, test, classes):
    """Return chances (tests, classes) that a training with these very rows and labels gives."""
    drawn = np.random.default_rng([*map(int, np.frombuffer(digest(train, labels), np.uint32))])
    return drawn.dirichlet(np.ones(classes), size=1 + int(np.max(test)))[test]


def digest(*arrays):
    import hashlib

    return hashlib.sha256(
        b"".join(np.asarray(a).astype(np.int64).tobytes() for a in arrays)
    ).digest()


@pytest.fixture(scope="module")
def world(data):
    """The world with learners that fit nothing."""

    def chances(self, train, labels, test):
        if len(set(labels.tolist())) < 2:
            raise ValueError("one class")  # as scikit-learn's
        return answers(train, labels, test, int(np.max(labels)) + 1)

    def predict(self, train, labels, test, extra=()):
        return chances(self, train, labels, test).argmax(axis=1)

    with pytest.MonkeyPatch.context() as patch:
        for learner in (learners.Probe, learners.CountedTexts):
            patch.setattr(learner, "chances", chances, raising=False)
            patch.setattr(learner, "predict", predict)
        patch.setattr(learners.CountedTexts, "__init__", lambda self, texts: None)
        data.reading = cache(lambda *cell: read(data, *cell))
        yield data


def read(world, name, arm, dose, part="book", seed=SEED):
    """Return a reading, and beside it the parts that were asked for and the task, if it had one."""
    world.parts.clear(), world.tasks.clear()
    reading = experiment(name).read(dose, seed, arm, part)
    return SimpleNamespace(
        reading=reading, parts=list(world.parts), task=world.tasks[0] if world.tasks else None
    )


def same(one, other):
    """Tell whether two readings are equal to the bit."""
    sides = ("apparent_rows", "honest_rows")
    plain = [
        [r.apparent, r.honest, json.dumps(dict(r.extras), sort_keys=True)]
        + [value.tobytes() for side in sides for value in arrays(getattr(r, side))]
        for r in (one, other)
    ]
    return plain[0] == plain[1]


def arrays(rows):
    values = [] if rows is None else vars(rows).values()
    return [np.asarray(v).astype(str) if v.dtype == object else v for v in values if v is not None]


def units(rows):
    return set(np.asarray(rows.unit).tolist())


# What a spec says, of all of them.


@pytest.mark.parametrize("name", experiments())
def test_a_spec_says_what_a_reader_needs(name):
    trial = experiment(name)
    assert trial.id == name
    assert trial.design in DESIGNS and trial.kind in KINDS
    assert set(trial.arms) & set(ARMS) or len(trial.arms) > 2
    assert trial.symptom.endswith(".") and 20 < len(trial.symptom) <= 90
    assert not set("0123456789") & set(trial.symptom.replace("99 %", ""))
    assert not trial.caught_by or (trial.caught_by.endswith(".") and len(trial.caught_by) <= 100)
    assert trial.null_dose is None or trial.null_dose in trial.knob.doses
    assert set(needed(trial)) <= set(archives.sources())
    assert ("vader" in needed(trial) or trial.kind in ("table", "mail", "text")) and needed(trial)
    json.dumps(trial.spec)


def test_a_page_on_an_illusion_names_the_check_that_shows_it():
    told = {trial.page for trial in experiments().values() if trial.caught_by}
    assert told == {trial.page for trial in experiments().values()}


def test_symptoms_are_told_apart():
    assert len({trial.symptom for trial in experiments().values()}) == len(experiments())


@pytest.mark.parametrize("name", experiments())
def test_what_is_no_arm_dose_or_seed_is_refused(name):
    trial = experiment(name)
    with pytest.raises(DesignError, match=f"'{name}' has no arm 'nobody'"):
        trial.read(arm="nobody")
    with pytest.raises(DesignError, match=f"'{trial.knob.name}' goes from"):
        trial.read(trial.knob.high * 2 + 1)
    with pytest.raises(DesignError, match="from 0 up"):
        trial.read(seed=-1, arm=trial.arms[0])


# What a reading is, of all that train in seconds.


@EACH
def test_every_arm_keeps_to_the_design(world, name):
    """`read` has checked the design; here the scores are those of the rows that are shown."""
    trial = experiment(name)
    for arm, dose in cells(name):
        reading = world.reading(name, arm, dose).reading
        assert reading.apparent == trial.metric.score(reading.apparent_rows)
        if reading.honest_rows is not None:
            assert reading.honest == trial.metric.score(reading.honest_rows)
        assert all(np.isfinite(value) for value in reading.extras.values())


@EACH
def test_where_nothing_is_planted_the_flawed_arm_is_another_arm(world, name):
    trial = experiment(name)
    if trial.null_dose is None or "flawed" not in trial.arms:
        return
    read_at = {arm: world.reading(name, arm, trial.null_dose).reading for arm in trial.arms}
    flawed = read_at.pop("flawed")
    sound = flawed.apparent == flawed.honest
    assert sound or any((r.apparent, r.honest) == (flawed.apparent, flawed.honest)
                        for r in read_at.values())  # fmt: skip
    high = world.reading(name, "flawed", trial.knob.doses[-1]).reading
    assert not same(flawed, high), (
        f"at seed {SEED} the flawed arm reads alike at its null and its highest dose: if the dose "
        "does something at other seeds, let an extra of the reading show what it changed"
    )


@EACH
def test_what_was_trained_on_was_used_and_never_judges_honestly(world, name):
    """Only a flaw that plants the judged rows trains on them, and only *paired-models* do that."""
    trial = experiment(name)
    for arm, dose in cells(name):
        told = world.reading(name, arm, dose)
        if told.task is None:
            continue
        used = set(told.reading.used_units.tolist())
        assert trained(told) <= used
        planted = trial.design == "paired-models" and arm == "flawed" and dose > 0
        judged = units(told.reading.honest_rows)
        # A shortened copy is no row, so it is trained on without being seen here.
        assert bool(trained(told) & judged) == (planted and name != "near-duplicate-leakage")
        assert trial.design != "fresh-sample" or not used & judged


@EACH
def test_the_holdout_of_a_fresh_sample_is_used_by_nobody(world, name):
    if experiment(name).design != "fresh-sample":
        return
    for arm, dose in cells(name):
        reading = world.reading(name, arm, dose).reading
        used = set(np.asarray(reading.used_units).tolist()) | units(reading.apparent_rows)
        assert used and not used & units(reading.honest_rows)


@EACH
def test_all_arms_are_judged_by_the_same_rows(world, name):
    """Where the truth is known there is one truth, and one set of rows that all scores are of."""
    told = [
        world.reading(name, arm, dose).reading
        for arm, dose in cells(name)
        if dose == experiment(name).knob.doses[-1]
    ]
    judges = [each.honest_rows or each.apparent_rows for each in told]
    known = experiment(name).design == "known-truth"
    assert not known or len({each.honest for each in told}) == 1
    for rows in judges[1:]:
        assert np.array_equal(rows.unit, judges[0].unit)


@EACH
def test_a_reading_repeats_itself_whatever_was_read_before(world, name):
    """Nothing outside decides a row: so any worker, in any order, reads the same."""
    import torch

    arm, dose = cells(name)[-1]
    first = world.reading(name, arm, dose).reading
    learning_rate._trained.cache_clear()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        before = torch.get_rng_state()
        assert same(first, read(world, name, arm, dose).reading)
        assert torch.equal(torch.get_rng_state(), before), "nor does it decide what comes after"


@EACH
def test_another_seed_draws_anew(world, name):
    arm, dose = cells(name)[-1]
    other = world.reading(name, arm, dose, "book", SEED + 1).reading
    assert not same(world.reading(name, arm, dose).reading, other)


@EACH
def test_the_book_never_meets_the_confirm_part(world, name):
    """Only the lines as shipped are drawn among all, and go on with the book's own."""
    for arm, dose in cells(name):
        told = world.reading(name, arm, dose)
        asked = {part for _, part in told.parts}
        assert asked <= {"book"} or name == "duplicates-as-shipped"
        for rows in (told.reading.apparent_rows, told.reading.honest_rows):
            assert rows is None or not any(is_confirm(unit) for unit in rows.unit)
        used = told.reading.used_units
        assert used is None or not any(is_confirm(unit) for unit in used)


@EACH
def test_a_confirmation_trains_on_the_book_and_judges_by_the_rest(world, monkeypatch, name):
    trial = experiment(name)
    monkeypatch.setattr(apparent_error, "REVIEWS", 100)  # as many as there are here
    for arm in trial.arms:
        told = world.reading(name, arm, trial.knob.doses[0], "confirm")
        reading = told.reading
        judge = reading.honest_rows or reading.apparent_rows  # the latter where truth is known
        judged = [is_confirm(unit) for unit in judge.unit]
        assert any(judged) and (all(judged) or name == "misread-curve")
        used = [] if reading.used_units is None else reading.used_units
        assert not any(is_confirm(unit) for unit in (trained(told) if told.task else used))


def trained(told):
    """Return the units of all rows that any model was trained on."""
    return {u for fit in told.task.fits for u in told.task.unit[fit.train].tolist()}


# Data that will not do.

TRUTHS = {
    "label": 1, "mean": 0.5, "ratings": (1,) * 20, "kind": "easy", "late_3": 0, "film": 1,
    "name": "one name",
}  # fmt: skip


def constant(table):
    """Return a table whose rows all say the same of the truth."""
    return table.assign(**{n: [value] * len(table) for n, value in TRUTHS.items() if n in table})


BAD = {
    "no row": lambda table: table.iloc[:0],
    "a dozen rows": lambda table: table.head(12),
    "one label": constant,
    "one unit": lambda table: table.assign(unit=0),
    "no label": lambda table: table.drop(columns=[n for n in TRUTHS if n in table]),
    "no unit": lambda table: table.drop(columns="unit"),
    "labels are missing": lambda table: table.assign(
        label=table["label"].where(table.index % 5 > 0)
    ),
}


@EACH
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("error::RuntimeWarning")  # the refusal comes first
def test_data_that_will_not_do_are_named(world, monkeypatch, bad, name):
    trial = experiment(name)
    monkeypatch.setattr(world, "change", BAD[bad])
    forget()
    try:
        with pytest.raises(DataError, match=f"'{name}' (can't be run|is judged by|has a group)"):
            trial.read(trial.knob.doses[0], SEED, trial.arms[0])
    finally:
        forget()

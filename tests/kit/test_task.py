"""A task remembers what was used; draws keep units whole; columns come from kept rows."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from illusionkit.errors import DataError
from illusionkit.experiment import draws, task
from illusionkit.experiment.derived import derive, group_gap
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.sweep import Cell, sweep
from illusionkit.experiment.task import Task, joined, read
from illusionkit.models.learners import Probe, ridge


def corpus(part="book", units=60, rows=4):
    """Return a made-up corpus; units of the parts differ."""
    unit = np.repeat(np.arange(units), rows) + (1000 if part == "confirm" else 0)
    text = [f"{part} {n}" for n in range(len(unit))]
    return pd.DataFrame({"text": text, "label": np.arange(len(unit)) % 2, "unit": unit})


@pytest.fixture
def worked():
    table = read(corpus, "book")
    features = np.random.default_rng(0).normal(size=(len(table), 5))
    return Task(table, Probe(features, ridge))


def test_the_confirm_part_is_read_on_demand_only():
    asked = []
    for part in ("book", "confirm"):
        table = read(lambda name: asked.append(name) or corpus(name), part)
        assert table["part"].unique().tolist() == list(dict.fromkeys(["book", part]))
    assert asked == ["book", "book", "confirm"]


def test_texts_are_encoded_part_by_part_and_kept(monkeypatch):
    asked = []

    def features(texts):
        asked.append(texts)
        return np.full((len(texts), 3), len(asked))

    monkeypatch.setattr("illusionkit.models.encoding.features", features)
    table, found = task.read_encoded(corpus, "confirm")
    assert task.read_encoded(corpus, "confirm")[1] is found
    assert [set(t.split()[0] for t in texts) for texts in asked] == [{"book"}, {"confirm"}]
    assert (found[:, 0] == np.where(table["part"] == "book", 1, 2)).all()
    task.read_encoded.cache_clear()


def test_sides_are_cut_by_whole_units_in_shares_and_numbers(worked):
    sides = worked.cut(np.random.default_rng(0), 0.3, 10)
    units = [set(worked.unit[side]) for side in sides]
    assert [len(each) for each in units] == [18, 10, 32]
    assert len(set.union(*units)) == 60 and sum(map(len, sides)) == 240
    some = np.arange(100, 160)
    assert sorted(np.concatenate(worked.cut(np.random.default_rng(0), 0.5, rows=some))) == list(
        some
    )


def test_a_confirmation_changes_the_holdout_and_nothing_else(worked):
    whole = Task(read(corpus, "confirm"), None)
    book = worked.cut(np.random.default_rng(1), 0.3, 0.2)
    confirm = whole.cut(np.random.default_rng(1), 0.3, 0.2)
    assert not whole.book[confirm[0]].any() and len(confirm[0]) == 240
    assert all(np.array_equal(one, other) for one, other in zip(book[1:], confirm[1:], strict=True))


def test_what_was_used_and_how_much_follows_by_itself(worked):
    holdout, dev, pool = worked.cut(np.random.default_rng(0), 0.3, 10)
    seen, held = worked.judge(pool[:50], dev, holdout)
    one = worked.reading(ACCURACY, seen, held, spread=1.0)
    used = {*worked.unit[pool[:50]], *worked.unit[dev]}
    assert set(one.used_units) == used and not used & set(held.unit)
    assert one.train_sizes is None and one.extras == {"spread": 1.0}
    labels = np.append(worked.label[pool[:30]], [0, 1])
    with pytest.raises(ValueError, match="inconsistent"):
        worked.judge(pool[:30], holdout, labels=labels)
    (other,) = worked.judge(pool[50:90], holdout)
    assert worked.reading(ACCURACY, held, other).train_sizes == (50, 40)


def test_who_trains_on_the_holdout_is_found_out(worked):
    holdout, pool = worked.cut(np.random.default_rng(0), 0.3)
    (held,) = worked.judge(np.append(pool, holdout[:1]), holdout)
    assert holdout[0] // 4 in worked.reading(ACCURACY, held, held).used_units


def test_several_sets_are_asked_about_after_one_training(worked):
    holdout, pool = worked.cut(np.random.default_rng(0), 0.3)
    both = worked.judge(pool, holdout[:20], holdout[20:])
    (whole,) = worked.judge(pool, holdout)
    assert len(worked.fits) == 2
    assert np.array_equal(joined(both).prediction, whole.prediction)
    assert np.array_equal(joined(both).unit, whole.unit)


def test_labels_may_be_others_than_the_tables(worked):
    rows = np.arange(240)
    turned = worked.predict(rows, rows, labels=1 - worked.label)
    assert np.array_equal(turned, 1 - worked.predict(rows, rows))
    truth = worked.rows(rows[:3], turned[:3], np.full(240, 7)).truth
    assert truth.tolist() == [7, 7, 7]


def test_a_table_with_a_hole_is_refused():
    with pytest.raises(DataError, match="column 'label' has 1 rows without a value"):
        Task(corpus().assign(label=[np.nan] + [1] * 239), None)


def test_turns_pools_and_sides_keep_units_whole():
    unit = np.repeat(np.arange(50), 3)
    turn = draws.turns(unit, np.random.default_rng(0))
    assert (turn.reshape(50, 3) == turn[::3, None]).all() and sorted(turn[::3]) == list(range(50))
    rows = np.arange(30, 150)
    pools = draws.pools(unit, rows, np.random.default_rng(0), held=0.25, judged=0.5)
    assert [len(pool) for pool in pools] == [30, 30, 60]
    assert sorted(np.concatenate(pools)) == list(rows)
    assert len(set.union(*(set(unit[pool]) for pool in pools))) == 40
    assert not all(np.array_equal(np.sort(pool), pool) for pool in pools)


def test_rows_are_dealt_once_and_the_judged_come_from_the_confirm_part_where_it_is_asked_for():
    book = np.arange(100) < 80
    one, two, last = draws.deal(np.ones(100, bool), np.random.default_rng(0), 20, 30, 40)
    assert [len(one), len(two), len(last)] == [20, 30, 40]
    assert len({*one, *two, *last}) == 90
    *others, judged = draws.deal(book, np.random.default_rng(0), 20, 30, 15)
    assert book[np.concatenate(others)].all() and not book[judged].any() and len(judged) == 15


def test_first_says_what_there_is_too_little_of():
    assert draws.first(np.arange(5), 3, "cats").tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="6 cats are needed and 5 are there"):
        draws.first(np.arange(5), 6, "cats")


def test_a_table_is_derived_from_the_rows_that_readings_kept(empty_cache):
    readings = sweep(synthetic.experiment(), doses=[0.0, 1.0], seeds=[0, 1], workers=1)
    drop = derive(
        readings,
        rows=lambda reading: len(reading.honest_rows.truth),
        drop=lambda reading: reading.apparent - reading.honest,
    )
    assert drop.columns.tolist() == ["arm", "dose", "seed", "rows", "drop"]
    assert len(drop) == len(readings) == 12 and (drop["rows"] == synthetic.UNITS).all()
    flawed = drop[(drop["arm"] == "flawed") & (drop["dose"] == 1)]
    assert flawed["drop"].tolist() == [
        readings[Cell("flawed", 1.0, s)].apparent - readings[Cell("flawed", 1.0, s)].honest
        for s in (0, 1)
    ]
    assert derive({}, drop=lambda reading: 0).columns.tolist() == ["arm", "dose", "seed", "drop"]


def test_the_gap_between_groups_by_hand():
    truth, said = np.array([1, 1, 0, 0, 1, 0]), np.array([1, 0, 0, 0, 1, 1])
    rows = Rows(truth, said, np.arange(6), group=np.array([0, 0, 1, 1, 1, -1]))
    assert group_gap(ACCURACY, rows) == pytest.approx(1 - 1 / 2)
    reading = Reading(1, 1, rows, rows)
    table = derive({Cell("flawed", 0.0, 0): reading},
                   gap=lambda r: group_gap(ACCURACY, r.honest_rows))  # fmt: skip
    assert table["gap"].tolist() == [0.5]
    for bad in (None, Rows(truth, said, np.arange(6)), Rows(truth, said, truth, group=0 * truth)):
        with pytest.raises(DataError, match="at least two groups"):
            group_gap(ACCURACY, bad)

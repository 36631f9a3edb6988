"""A reader's own data: labels and texts of every container, and parts that keep units whole."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.audit import roles
from illusionkit.data import own_columns
from illusionkit.data.corpora import movie_reviews, product_reviews
from illusionkit.data.duplicates import overlap
from illusionkit.errors import DataError
from illusionkit.training.batches import Settings, Split
from illusionkit.training.own_data import labelled
from illusionkit.training.own_parts import PARTS, parted

TEXTS = ["a fine film", "a dull film", "what a plot", "no plot at all", "well sung"]


def some_reviews(size):
    """Return movie reviews with their labels, drawn by lot."""
    table = movie_reviews()[["text", "label"]].sample(size, random_state=0)
    return table.reset_index(drop=True)


class Columns:
    """What looks like a `datasets.Dataset`: columns, a way to pandas, names of the classes."""

    def __init__(self, names=None, **columns):
        self.columns = columns
        self.features = {"label": type("ClassLabel", (), {"names": names})()} if names else {}

    def to_pandas(self):
        return pd.DataFrame(self.columns)


CONTAINERS = {
    "table": lambda labels: pd.DataFrame({"text": TEXTS, "label": labels}),
    "categories": lambda labels: pd.DataFrame({"text": TEXTS, "label": pd.Categorical(labels)}),
    "objects": lambda labels: pd.DataFrame(
        {"text": TEXTS, "label": pd.Series(list(labels), dtype=object)}
    ).set_index(pd.Index([7, 7, 3, 2, 1])),
    "strings": lambda labels: pd.DataFrame(
        {"text": TEXTS, "label": pd.Series(labels).astype("string")}
    ),
    "dataset": lambda labels: Columns(text=TEXTS, label=labels),
    "pairs": lambda labels: list(zip(TEXTS, labels, strict=True)),
    "split": lambda labels: Split(TEXTS, labels),
}


@pytest.mark.parametrize("made", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        ([1, 2, 3, 4, 5], ["1", "2", "3", "4", "5"], [0, 1, 2, 3, 4]),
        (["1", "0", "1", "1", "0"], ["0", "1"], [1, 0, 1, 1, 0]),
        (["1.0", "0.0", "1.0", "1.0", "0.0"], ["0", "1"], [1, 0, 1, 1, 0]),
        ([True, False, True, True, False], ["False", "True"], [1, 0, 1, 1, 0]),
        (["b", "a", "b", " b", "a "], ["a", "b"], [1, 0, 1, 1, 0]),
        ([10.0, 9.0, 9.0, 10.0, 0.5], ["0.5", "9", "10"], [2, 1, 1, 2, 0]),
        ([1234567, 1234568, 1234567, 1234567, 0], ["0", "1234567", "1234568"], [1, 2, 1, 1, 0]),
    ],
)
def test_labels_are_the_same_classes_in_every_container(made, labels, names, numbers):
    data = labelled(made(labels))
    assert data.names == names and data.labels.tolist() == numbers
    assert data.split() == Split(TEXTS, numbers)
    assert data.frame().to_dict("list") == {
        "text": TEXTS, "label": [names[k] for k in numbers]
    }  # fmt: skip
    assert data.split(np.array([3, 0])) == Split([TEXTS[3], TEXTS[0]], [numbers[3], numbers[0]])


def test_a_number_is_one_class_however_it_is_written_and_no_digit_is_lost():
    mixed = pd.Series([1, "1", "1.0", 1.0, " 1 "], dtype=object)
    names, (first, second) = own_columns.classes(mixed, pd.Series([2, 1]))
    assert names == ["1", "2"] and first.tolist() == [0] * 5 and second.tolist() == [1, 0]
    large = pd.Series([2**53, 2**53 + 1])
    assert own_columns.classes(large)[0] == ["9007199254740992", "9007199254740993"]
    words = pd.Series([1, "1.0", "good"], dtype=object)
    assert own_columns.classes(words)[0] == ["1", "good"]


@pytest.mark.parametrize("made", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([-1, 0, 1, -1, 0], "2 of 5 labels are missing or -1"),
        (["-1", "0", "1", "-1.0", "0"], "2 of 5"),
        ([None, "a", "b", "a", "b"], "1 of 5"),
        (["", "a", "b", "  ", "b"], "2 of 5"),
        ([np.nan, 1.0, 0.0, np.nan, 0.0], "2 of 5"),
        ([1, 1, 1, 1, 1], "one label"),
    ],
)
def test_rows_without_a_label_are_refused_and_counted(made, labels, says):
    with pytest.raises(DataError, match=says):
        labelled(made(labels))


def test_the_audit_and_the_training_number_labels_alike():
    table = some_reviews(400)
    data = labelled(table)
    names, (codes,) = roles.classes(table["label"])
    assert names == data.names and codes.tolist() == data.labels.tolist()


def test_a_dataset_brings_the_names_of_its_classes():
    data = labelled(Columns(names=["pos", "neg"], text=TEXTS, label=[0, 1, 1, 0, 0]))
    assert data.names == ["neg", "pos"] and data.labels.tolist() == [1, 0, 0, 1, 1]
    with pytest.raises(DataError, match="1 of 5 labels"):
        labelled(Columns(names=["pos", "neg"], text=TEXTS, label=[0, 1, 1, 0, -1]))


def test_blank_texts_are_left_out_and_counted():
    texts = ["a", None, "", "  ", pd.NA, float("nan"), "NA", "null", "b"]
    table = pd.DataFrame({"said": texts, "stars": [1, 9, 9, 9, 9, 9, 2, 1, 2]})
    data = labelled(table, text="said", label="stars")
    assert data.texts == ["a", "NA", "null", "b"] and data.labels.tolist() == [0, 1, 0, 1]
    assert data.names == ["1", "2"] and data.notes == (
        "5 of 9 rows have no text and are left out.",
    )
    assert data.table["stars"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("data", "asked", "says"),
    [
        (pd.DataFrame({"text": [1, "a", 2.5], "label": [0, 1, 0]}), {}, "2 of 3 entries"),
        (pd.DataFrame({"text": [["a"], "a"], "label": [0, 1]}), {}, "1 of 2 entries"),
        (pd.DataFrame({"text": [None, " "], "label": [0, 1]}), {}, "all 2 are blank"),
        ([("a", 0), ("b\ud800", 1)], {}, "lone surrogate"),
        ([("a", 0), ("b", "\ud800")], {}, "lone surrogate"),
        (pd.DataFrame({"text": TEXTS}), {}, "no column 'label' \\(label\\). There are: text"),
        (pd.DataFrame([["a", "b", 1]], columns=["text", "text", "label"]), {}, "One column"),
        (pd.DataFrame({"a": TEXTS, "b": TEXTS}), {"text": ["a", "b", "a"]}, "not 3"),
        (pd.DataFrame({"a": TEXTS, "b": [1, *TEXTS[1:]]}), {"text": ["a", "b"]}, "1 of 5 entries"),
        ([("a", "b", 1), ("a", 1)], {"text": ["a", "b"]}, r"1 of 2 .* triple \(a, b, label\)"),
        (pd.DataFrame({"text": TEXTS, "label": [[1], [2], [1], [2], [1]]}), {}, "is a list"),
        ({"train": 1, "test": 2}, {}, "not dict of train, test: name one"),
        ("a text", {}, "not str"),
        (["ab", "cd"], {}, "2 of 2 entries are no pair"),
        ([("a", 1), ("b", 2, 3)], {}, "1 of 2 entries are no pair"),
        ([], {}, "no pair"),
        (7, {}, "not int"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_said(data, asked, says):
    with pytest.raises(DataError, match=says):
        labelled(data, **asked)


def test_a_measured_amount_is_no_class_but_many_whole_numbers_are():
    many = pd.DataFrame({"text": [f"text {k}" for k in range(80)], "label": range(80)})
    assert len(labelled(many).names) == 80
    with pytest.raises(DataError, match=r"80 different numbers.*or learn the number"):
        labelled(many.assign(label=many["label"] + 0.5))


def test_a_whole_table_is_no_column():
    table = pd.DataFrame({"text": TEXTS})
    for wrong in (table, "text", np.zeros((2, 2))):
        with pytest.raises(DataError, match="One column, please"):
            own_columns.one_column(wrong)


# Parts.


@pytest.fixture(scope="module")
def reviews():
    return labelled(product_reviews()[["text", "label", "document"]])


def test_parts_keep_units_whole_and_hold_their_shares(reviews):
    parts = parted(reviews, group="document")
    rows = [getattr(parts, name) for name in PARTS]
    assert sorted(np.concatenate(rows)) == list(range(len(reviews.texts)))
    for left, right in ((0, 1), (0, 2), (1, 2)):
        assert not set(parts.unit[rows[left]]) & set(parts.unit[rows[right]])
        document = reviews.table["document"].to_numpy()
        assert not set(document[rows[left]]) & set(document[rows[right]])
    shares = [len(each) / len(reviews.texts) for each in rows]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.02)
    train, test = ([reviews.texts[k] for k in rows[place]] for place in (0, 2))
    assert not overlap(train, test).any()


def test_the_order_of_rows_changes_nothing_and_the_seed_does(reviews):
    def tested(data, seed=0):
        parts = parted(data, group="document", seed=seed)
        return sorted(data.texts[k] for k in parts.test)

    shuffled = labelled(reviews.table.sample(frac=1, random_state=1))
    assert tested(shuffled) == tested(reviews) == tested(reviews)
    assert tested(reviews, seed=1) != tested(reviews)


def test_near_copies_stay_together(reviews):
    table = reviews.table.head(600)
    slips = table.head(300).assign(text=table["text"].head(300).str.upper() + " !", document=-5)
    data = labelled(pd.concat([table, slips], ignore_index=True))
    unit = parted(data).unit
    assert (unit[600:] == unit[:300]).all()


def test_rows_without_a_group_are_units_of_their_own(reviews):
    table = reviews.table.head(1500).copy()
    table["document"] = table["document"].astype("Int64")
    table.loc[::3, "document"] = pd.NA
    parts = parted(labelled(table), group="document")
    assert parts.notes == ("500 rows have no 'document': each counts as one of its own.",)
    assert len(np.unique(parts.unit[::3])) > 480


def test_with_a_time_the_test_is_the_latest_part():
    table = some_reviews(1000)
    day = pd.Series(np.random.default_rng(0).permutation(1000) // 4)
    table = table.assign(day=(pd.Timestamp("2020-01-01") + pd.to_timedelta(day, "D")).astype(str))
    parts = parted(labelled(table), time="day")
    when = pd.to_datetime(table["day"]).to_numpy()
    assert when[parts.train].max() < when[parts.validation].min()
    assert when[parts.validation].max() < when[parts.test].min()
    assert len(parts.test) == pytest.approx(200, abs=6)
    assert len(parts.validation) == pytest.approx(100, abs=6)


def test_units_that_reach_over_a_border_keep_their_earliest_rows_only():
    table = some_reviews(400).assign(
        day=np.arange(400), user=[f"u{k}" for k in np.arange(400) // 2]
    )  # fmt: skip
    table.loc[[0, 399], "user"] = "old hand"
    table["day"] = table["day"].astype("Int64")
    table.loc[100, "day"] = pd.NA
    parts = parted(labelled(table), group="user", time="day")
    assert 399 not in np.concatenate([parts.train, parts.validation, parts.test])
    assert 100 not in np.concatenate([parts.train, parts.validation, parts.test])
    assert 0 in parts.train and 398 in parts.test
    assert parts.notes[0] == "1 rows have no moment and are left out."
    assert "later rows of theirs are left out" in parts.notes[1]
    for left, right in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not set(parts.unit[getattr(parts, left)]) & set(parts.unit[getattr(parts, right)])


def test_three_moments_are_enough_and_two_are_not():
    table = some_reviews(300)
    data = labelled(table.assign(year=[2001] * 10 + [2002] * 10 + [2003] * 280))
    parts = parted(data, time="year")
    assert len(parts.test) > 270 and len(parts.validation) >= 9 and len(parts.train) >= 9
    with pytest.raises(DataError, match="names 2 moments"):
        parted(labelled(table.assign(year=[2001] * 150 + [2002] * 150)), time="year")
    with pytest.raises(DataError, match="names 0 moments"):
        parted(labelled(table.assign(year="long ago")), time="year")


def test_every_class_is_trained_on():
    table = some_reviews(100)
    table["label"] = ["rare" if k in (3, 77) else "usual" for k in range(100)]
    for seed in range(10):
        data = labelled(table)
        assert set(data.labels[parted(data, seed=seed).train]) == {0, 1}


@pytest.mark.parametrize(
    ("change", "asked", "says"),
    [
        (lambda t: t.head(40), {}, "40 rows are (40|39) units.*50 are needed"),
        (lambda t: t.assign(g=np.arange(400) % 20), {"group": "g"}, "20 units"),
        (lambda t: t.assign(label=["x"] + ["y"] * 200 + ["z"] * 199), {}, "1 classes .* \\('x'\\)"),
        (lambda t: t, {"group": "nobody"}, "no column 'nobody' \\(group\\)"),
        (lambda t: t, {"time": "never"}, "no column 'never' \\(time\\)"),
        (lambda t: t.assign(g=np.minimum(np.arange(400), 60), d=range(400)),
         {"group": "g", "time": "d"}, "validation part has 0 rows"),
        (lambda t: t.assign(label=["x"] * 300 + ["y"] * 100, d=range(400)), {"time": "d"},
         "one class only: the others come later"),
    ],
)  # fmt: skip
def test_what_can_not_be_split_is_said(change, asked, says):
    table = some_reviews(400)
    with pytest.raises(DataError, match=says):
        parted(labelled(change(table)), **asked)


def test_a_giant_unit_is_trained_on():
    table = some_reviews(600).assign(g=np.arange(600))
    table.loc[table.index[:400], "g"] = 0
    data = labelled(table)
    parts = parted(data, group="g")
    assert set(parts.unit[parts.train]) >= {parts.unit[0]} and len(parts.test) > 90
    assert parts.notes == (
        "The largest unit has 400 rows: one group, or texts that are nearly copies.",
    )


def test_fit_reads_what_it_gives(small):
    from illusionkit.models import encoders
    from illusionkit.training.finetune import fit

    data = labelled(some_reviews(120))
    parts = parted(data)
    model, tokenizer = encoders.classifier(len(data.names), small)
    settings = Settings(epochs=1, max_tokens=16)
    fitted = fit(model, tokenizer, data.split(parts.train), data.split(parts.validation), settings)
    assert len(fitted.history) == 1

"""A reader's own data as what `fit` reads: containers of any kind.

`labelled` takes a DataFrame, a `datasets.Dataset`, a list of (text, label) or a `Split`, which
`own_parts` cuts into training, validation and test; `as_splits` is what `fit` makes of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import own_columns
from illusionkit.errors import DataError
from illusionkit.models.needs import require_texts
from illusionkit.training.batches import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_VALUES = 50
"""The most different fractions that are classes."""


@dataclass(frozen=True)
class Labelled:
    """Texts with their classes: ``texts``, ``labels`` (rows,) from 0, ``names`` of the classes.

    ``second`` holds the other text of each row where rows are pairs. ``table`` holds the same rows
    with all columns that were given, numbered from 0; ``notes`` say what was left out.
    """

    texts: list[str]
    labels: Array
    names: list[str]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()
    second: list[str] | None = None

    @property
    def wholes(self) -> list[str]:
        """Return each row's text, of a pair both: what tells copies."""
        if self.second is None:
            return self.texts
        return [f"{one}\n{other}" for one, other in zip(self.texts, self.second, strict=True)]

    def split(self, rows: Array | slice = slice(None)) -> Split:
        """Return all rows, or some, as what is trained or judged on."""
        places = np.arange(len(self.texts))[rows]
        second = None if self.second is None else [self.second[k] for k in places]
        return Split([self.texts[k] for k in places], self.labels[places].tolist(), second)

    def frame(self) -> pd.DataFrame:
        """Return columns ``text`` and ``label``, the name of the class: what it was made of."""
        return pd.DataFrame({"text": self.texts, "label": [self.names[k] for k in self.labels]})


def labelled(data: Any, *, text: str | Sequence[str] = "text", label: str = "label") -> Labelled:
    """Return texts and classes of a table, a `datasets.Dataset`, (text, label) pairs or a `Split`.

    ``text`` names the column of the texts, or two columns: then each row is a pair. Distinct
    labels, sorted, become the classes: see `own_columns.label_values`. Rows with a blank text are
    left out, and `Labelled.notes` says how many.

    Raises
    ------
    DataError
        No such container or column; texts that are none, labels that are missing or -1, one class
        only, or a label of more than `MOST_VALUES` fractions.
    """
    read = _read(data, text, label)
    values = own_columns.label_values(own_columns.named(read.table, label, "label"))
    _require_classes(values[0], label)
    names, (labels,) = own_columns.numbered(values)
    return Labelled(read.texts, labels, require_texts(names), read.table, read.notes, read.second)


@dataclass(frozen=True)
class _Read:
    """The texts of a table, the rows that have them, and what was left out."""

    texts: list[str]
    second: list[str] | None
    table: pd.DataFrame
    notes: tuple[str, ...]


def _read(data: Any, text: str | Sequence[str], label: str) -> _Read:
    names = [text] if isinstance(text, str) else list(text)
    if len(names) not in (1, 2):
        raise DataError(f"A row has one text, or two that are a pair, not {len(names)}.")
    table = _table(data, names, label)
    found = [own_columns.texts(own_columns.named(table, name, "text")) for name in names]
    there = np.logical_and.reduce([kept for _, kept in found])
    rows = np.flatnonzero(there)
    texts = []
    for cells, kept in found:
        at = dict(zip(np.flatnonzero(kept).tolist(), cells, strict=True))
        texts.append(require_texts([at[row] for row in rows]))
    blank = int((~there).sum())
    notes = (f"{blank:,} of {len(table):,} rows have no text and are left out.",) if blank else ()
    second = texts[1] if len(texts) == 2 else None
    return _Read(texts[0], second, table[there].reset_index(drop=True), notes)


def as_splits(
    model: PreTrainedModel, *parts: Any, text: str | Sequence[str] = "text", label: str = "label"
) -> tuple[Split, ...]:
    """Return what is trained and judged on as splits, whose classes are those of the model.

    `Split`s stay as they are. What else `labelled` takes, and what it gives, is read; the labels
    are the classes by the names in the model's config, or else their sorted names are put there.
    With one output labels are numbers. What is left out is told by a warning.

    Raises
    ------
    DataError
        As in `labelled`; splits beside tables; other classes than the model has.
    """
    if all(isinstance(part, Split) for part in parts):
        return parts
    if any(isinstance(part, Split) for part in parts):
        raise DataError("Both parts as tables, please, or both as splits.")
    read = [
        _of_labelled(part, label) if isinstance(part, Labelled) else _read(part, text, label)
        for part in parts
    ]
    for note in (note for part in read for note in part.notes):
        warnings.warn(note, stacklevel=3)
    columns = [own_columns.named(part.table, label, "label") for part in read]
    numbers = _amounts(columns) if model.config.num_labels == 1 else _numbered(model, columns)
    return tuple(
        Split(part.texts, labels.tolist(), part.second)
        for part, labels in zip(read, numbers, strict=True)
    )


def _of_labelled(part: Labelled, label: str) -> _Read:
    names = _objects([part.names[k] for k in part.labels])
    return _Read(part.texts, part.second, pd.DataFrame({label: names}), part.notes)


def _amounts(columns: Sequence[pd.Series]) -> list[Array]:
    """Return columns of labels as numbers, shape (rows,) each."""
    found = [
        pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        for column in columns
    ]
    strange = sum(int((~np.isfinite(amounts)).sum()) for amounts in found)
    if strange:
        raise DataError(
            f"{strange} labels are no finite numbers, and a model with one output learns numbers: "
            "leave those rows out, or make the model by encoders.classifier."
        )
    return found


def _numbered(model: PreTrainedModel, columns: Sequence[pd.Series]) -> list[Array]:
    """Return columns of labels as the classes of a model, whose config learns their names."""
    names, numbers = own_columns.numbered(own_columns.label_values(*columns))
    config = model.config
    known = {str(name): int(number) for name, number in (config.label2id or {}).items()}
    if known == {f"LABEL_{k}": k for k in range(len(known))}:
        if len(names) != config.num_labels:
            raise DataError(
                f"The labels are {len(names)} classes, and the model has {config.num_labels} "
                "outputs: make it by encoders.classifier with their names."
            )
        config.id2label = dict(enumerate(names))
        config.label2id = known = {name: number for number, name in enumerate(names)}
    strange = [name for name in names if name not in known]
    if strange:
        raise DataError(f"The model has no class {strange[:5]}: it knows {list(known)[:10]}.")
    place = np.array([known[name] for name in names])
    return [place[codes] for codes in numbers]


def one_text(names: Any) -> str:
    """Return the one name of a column of texts, or raise `DataError`: no pairs in the command."""
    given = list(names) if pd.api.types.is_list_like(names) else [names]
    if len(given) != 1:
        raise DataError(
            f"{len(given)} columns of text are named, and a row has one text here. Join them in "
            "one column, with the tokenizer's separator between them ([SEP] for BERT); "
            "training.fit takes two columns, as pairs."
        )
    return str(given[0])


def _table(data: Any, text: Sequence[str], label: str) -> pd.DataFrame:
    """Return what was given as a table."""
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Split):
        second = () if data.second is None or len(text) == 1 else (data.second,)
        data = list(zip(data.texts, *second, data.labels, strict=True))
    if hasattr(data, "to_pandas"):
        return _with_names(data, label)
    if isinstance(data, (str, bytes, Mapping)) or not pd.api.types.is_list_like(data):
        inside = f" of {', '.join(map(str, data))}: name one" if isinstance(data, Mapping) else ""
        raise DataError(
            "A table is wanted, a datasets.Dataset or a list of (text, label), not "
            f"{type(data).__name__}{inside}."
        )
    rows = list(data)
    wanted = [*text, label]
    strange = sum(not isinstance(row, (tuple, list)) or len(row) != len(wanted) for row in rows)
    if strange or not rows:
        form = f"{'pair' if len(wanted) == 2 else 'triple'} ({', '.join(wanted)})"
        raise DataError(f"{strange} of {len(rows)} entries are no {form}.")
    return pd.DataFrame({name: _objects([row[k] for row in rows]) for k, name in enumerate(wanted)})


def _objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)


def _with_names(data: Any, label: str) -> pd.DataFrame:
    """Return a `datasets.Dataset` as a table, with the names of the classes where it has them."""
    table = pd.DataFrame(data.to_pandas())
    known = getattr((getattr(data, "features", None) or {}).get(label), "names", None)
    if known and label in table:
        names = dict(enumerate(known))
        table[label] = _objects([names.get(value, value) for value in table[label]])
    return table


def _require_classes(values: pd.Series, label: str) -> None:
    """Raise unless a column of labels has classes, and no measured amounts."""
    found = values.unique().tolist()
    if len(found) > MOST_VALUES and any(isinstance(value, float) for value in found):
        raise DataError(
            f"'{label}' holds {len(found)} different numbers, fractions among them: that is an "
            "amount, and no class. Cut it into classes, at edges that were chosen before the look, "
            "or learn the number: training.fit with encoders.regressor."
        )

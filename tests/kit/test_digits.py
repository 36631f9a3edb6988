"""The digits: the documented images, one unit each, two parts, clear refusals.

Of the confirm part only units, marks and the documented totals are looked at, no score.
"""

import gzip
import hashlib

import numpy as np
import pytest

from illusionkit.data import archives, digits
from illusionkit.errors import DataError

PART = "4bd2848e3c304e39"
"""The first digits of a hash of which images are in the confirm part: it never moves."""


@pytest.fixture(scope="module")
def whole():
    """The table with both parts, before it is cut."""
    return digits._digits()


def test_the_documented_images_are_there(whole):
    assert len(whole) == 5000 and "5,000" in str(digits.digits.__doc__)
    assert whole["label"].value_counts().to_dict() == dict.fromkeys(range(10), 500)
    assert list(digits.digits().columns) == ["label", "unit", "pixels"]
    grey = digits.pixels(whole)
    assert grey.shape == (5000, digits.SIDE**2)
    assert grey.dtype == np.uint8 and grey.min() == 0 and grey.max() == 255


def test_a_unit_is_a_distinct_image(whole):
    assert whole["unit"].nunique() == whole["pixels"].nunique() == 5000


def test_a_digit_looks_like_its_label(whole):
    """A one has the least ink, and the mean image of a kind is nearest to its own."""
    grey, label = digits.pixels(whole).astype(float), whole["label"].to_numpy()
    means = np.stack([grey[label == kind].mean(axis=0) for kind in range(10)])
    assert means.sum(axis=1).argmin() == 1
    nearest = ((grey[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == label).mean() > 0.75


def test_the_confirm_part_never_moves(whole):
    confirm = (whole.sort_values("unit")["part"] == "confirm").to_numpy()
    assert abs(confirm.mean() - 0.1) < 3 * (0.09 / 5000) ** 0.5
    assert len(digits.digits()) + len(digits.digits("confirm")) == 5000
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PART


def test_pixels_are_read_in_order():
    table = digits.parse(packed([[*range(200), *[0] * 584, 7], [255] * 784 + [0]]))
    grey = digits.pixels(table)
    assert table["label"].tolist() == [7, 0]
    assert grey[0, :200].tolist() == list(range(200)) and set(grey[1]) == {255}


def test_an_image_of_another_size_is_refused(whole):
    short = whole.head(3).assign(pixels=lambda table: [*table["pixels"][:2], b"12"])
    with pytest.raises(DataError, match="784 pixels, row by row, and not 2"):
        digits.pixels(short)


def packed(rows):
    """Return rows of numbers as the archive holds them."""
    return gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode())


@pytest.mark.parametrize(
    ("shipped", "message"),
    [
        (b"no archive", "no compressed table of numbers"),
        (packed([[0] * 785])[:20], "no compressed table of numbers"),
        (gzip.compress(b"one,two"), "no compressed table of numbers"),
        (packed([[0] * 785, [0] * 784]), "no compressed table of numbers"),
        (packed([[0] * 784]), "784 grey values from 0 to 255"),
        (packed([[256, *[0] * 784]]), "784 grey values from 0 to 255"),
        (packed([[-1, *[0] * 784]]), "784 grey values from 0 to 255"),
        (packed([[0] * 784 + [10]]), "a digit from 0 to 9"),
        (packed([[0] * 784 + [-1]]), "a digit from 0 to 9"),
    ],
)
def test_another_file_is_refused(monkeypatch, shipped, message):
    monkeypatch.setattr(archives, "read", lambda source, member: shipped)
    with pytest.raises(DataError, match=f"digits: .*{message}"):
        digits._digits.__wrapped__()

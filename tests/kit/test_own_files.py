"""Tests of `illusionkit.data.own_files`: a file is whole, or as it was before."""

import pytest

from illusionkit.data.own_files import put
from illusionkit.errors import DataError


def test_a_file_is_written_and_written_over(tmp_path):
    path = tmp_path / "report.html"
    for content in ("first", "second, 第二"):
        put(path, content)
        assert path.read_text(encoding="utf-8") == content
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_where_nothing_can_be_written_the_place_is_named(tmp_path):
    path = tmp_path / "none" / "report.html"
    with pytest.raises(DataError, match=r"report\.html can't be written: No such file"):
        put(path, "text")


def test_a_full_disk_leaves_what_was_there(small_disk):
    path = small_disk / "report.html"
    put(path, "as it was")
    with pytest.raises(DataError, match="No space left"):
        put(path, "x" * 400_000)
    assert path.read_text(encoding="utf-8") == "as it was"
    assert [each.name for each in small_disk.iterdir()] == ["report.html"]

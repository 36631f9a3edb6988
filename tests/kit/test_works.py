"""The list of works as data: what is read, what is refused, and that it travels with the kit."""

import pytest

from illusionkit.data import travelling
from illusionkit.data import works as module
from illusionkit.data.works import entries, works
from illusionkit.errors import DataError

BIBTEX = r"""@article{one1999,
  author = {One, A.},
  title  = {Some {Words} on ``C'' and {$C_P$}'s Use},
  year   = {1999},
  doi    = {10.1000/182}
}

@misc{two2020,
  title  = {Two},
  year   = {2020},
  eprint = {2001.00001}
}

@misc{three2021,
  title = {Three},
  year  = {2021},
  note  = {arXiv:2101.00002}
}
"""


def test_an_entry_is_read_with_its_numbers_and_without_its_markup():
    one, two, three = entries(BIBTEX)
    assert one == {
        "key": "one1999", "title": "Some Words on C and C_P's Use", "year": 1999,
        "doi": "10.1000/182", "arxiv": "",
    }  # fmt: skip
    assert (two["doi"], two["arxiv"], three["arxiv"]) == ("", "2001.00001", "2101.00002")


@pytest.mark.parametrize("line", ["  title  = {Two},\n", "  year   = {2020},\n"])
def test_an_entry_without_title_or_year_is_named(line):
    with pytest.raises(DataError, match="two2020"):
        entries(BIBTEX.replace(line, ""))


def test_a_later_entry_changes_nothing_and_too_many_are_refused(tmp_path, monkeypatch):
    listed = tmp_path / "references.bib"
    listed.write_text(BIBTEX, encoding="utf-8")
    monkeypatch.setattr(module, "path", lambda: listed)
    before = works(2)
    listed.write_text(BIBTEX + BIBTEX.replace("1999", "1998"), encoding="utf-8")
    assert works(2).equals(before) and list(before["key"]) == ["one1999", "two2020"]
    for wrong in (0, 7):
        with pytest.raises(DataError, match="holds 6 works"):
            works(wrong)


def test_every_entry_of_the_book_is_read_and_none_stands_twice():
    text = module.path().read_text(encoding="utf-8")
    found = entries(text)
    assert len(found) == text.count("\n@") + text.startswith("@") > 90
    for column in ("key", "doi", "arxiv"):
        given = [row[column] for row in found if row[column]]
        assert len(given) == len(set(given)), column


def test_the_list_travels_with_the_package(root, tmp_path, monkeypatch):
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert '"references.bib" = "illusionkit/references.bib"' in project
    inside = tmp_path / "illusionkit" / "references.bib"
    inside.parent.mkdir()
    inside.write_text(BIBTEX, encoding="utf-8")
    monkeypatch.setattr(travelling, "files", lambda package: inside.parent)
    assert module.path() == inside

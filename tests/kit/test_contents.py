"""The contents as data: every page by its name, and the way from one to another."""

import pytest

from illusionkit.data import contents
from illusionkit.errors import DataError
from illusionkit.illusions import experiments


def test_every_page_of_the_contents_is_there_and_has_one_name():
    found = contents.pages()
    root = contents.path().parent
    assert found["atlas"] == "chapters/09-faq/atlas" and found["intro"] == "intro"
    for place in found.values():
        assert any((root / f"{place}.{kind}").is_file() for kind in ("ipynb", "md")), place
    assert len(contents.ENTRY.findall(contents.path().read_text("utf-8"))) == len(found)


def test_the_way_leads_up_and_down():
    seen_from = {"seen_from": "evaluate-and-deploy"}
    assert contents.link("test-reuse", **seen_from) == "evaluate-and-deploy/test-reuse.ipynb"
    assert contents.link("credit-risk", **seen_from) == "../06-applications/credit-risk.ipynb"
    assert contents.link("atlas", seen_from="atlas") == "atlas.ipynb"
    assert contents.link("atlas", seen_from="intro") == "chapters/09-faq/atlas.ipynb"
    assert contents.link("intro", seen_from="atlas") == "../../intro.ipynb"


def test_what_is_no_notebook_is_known_as_such():
    root = contents.path().parent
    plain = {name for name, place in contents.pages().items() if (root / f"{place}.md").is_file()}
    assert plain == set(contents.PLAIN)
    assert contents.link("glossary", seen_from="atlas") == "../../glossary.md"


def test_every_page_but_the_first_is_of_one_chapter():
    known = [page for pages in contents.chapters().values() for page in pages]
    assert known == [page for page in contents.pages() if page != "intro"]
    assert contents.chapters()["Resources"] == ["learning", "tools", "papers"]


def test_the_contents_travel_with_the_package(root):
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert '"_toc.yml" = "illusionkit/_toc.yml"' in project


def test_a_page_that_is_not_there_is_named():
    with pytest.raises(DataError, match="no page 'nowhere'"):
        contents.link("nowhere", seen_from="atlas")
    with pytest.raises(DataError, match="no page 'elsewhere'"):
        contents.link("atlas", seen_from="elsewhere")


def test_every_experiment_has_a_page_in_the_contents():
    assert {trial.page for trial in experiments().values()} <= set(contents.pages())

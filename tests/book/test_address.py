"""The repository's address is kept once, and every place that needs it agrees."""

from __future__ import annotations

import shutil
import subprocess
import sys
import types
from pathlib import Path

import address
import nbformat
import notebooks
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from IPython.testing.globalipapp import start_ipython

REAL, RESERVED = "https://github.com/ada/data-illusions", "https://data-illusions.invalid/book"


@pytest.fixture
def copy(tmp_path: Path, root: Path) -> Path:
    """A small book: the address, the text files, one notebook."""
    (tmp_path / "book").mkdir()
    for name in ("book/address.toml", "CITATION.cff"):
        shutil.copy(root / name, tmp_path / name)
    readme = "# A book\n\n<!-- address -->\n<!-- /address -->\n\nMore.\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One", id="title")])
    (tmp_path / "chapters" / "01").mkdir(parents=True)
    notebooks.write(page, tmp_path / "chapters" / "01" / "one.ipynb")
    assert address.main(["set", RESERVED], tmp_path) == 0
    return tmp_path


def test_every_place_of_the_book_agrees(root: Path) -> None:
    assert address.main(["check"], root) == 0
    assert all((root / name).is_file() for name in address.PLACES)


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff"])
def test_a_file_without_a_place_for_it_is_named(
    copy: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / name).write_text("# A book\n", encoding="utf-8")
    assert address.main(["check"], copy) == 2
    assert f"{name} has no place" in capsys.readouterr().err


def test_set_changes_every_place(copy: Path) -> None:
    assert address.main(["set", REAL + ".git/"], copy) == 0
    assert address.load(copy) == address.Address(REAL, "main")
    first = notebooks.read(copy / "chapters/01/one.ipynb").cells[0]
    assert f"git+{REAL}.git@main" in first.source
    for name in ("README.md", "CITATION.cff"):
        assert REAL in (copy / name).read_text(encoding="utf-8"), name
    assert ".invalid" not in (copy / "CITATION.cff").read_text(encoding="utf-8")


def test_set_can_be_taken_back_to_the_byte(copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    address.main(["set", REAL], copy)
    assert address.main(["set", RESERVED], copy) == 0
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff", "chapters/01/one.ipynb"])
def test_a_place_left_behind_is_seen(copy: Path, name: str) -> None:
    old = (copy / name).read_bytes()
    address.main(["set", REAL], copy)
    (copy / name).write_bytes(old)
    assert list(address.disagreeing(copy)) == [copy / name]
    assert address.main(["check"], copy) == 1


@pytest.mark.parametrize(
    "url",
    [
        "github.com/ada/book",
        "http://github.com/ada/book",
        "https://github.com",
        "https://ada:secret@github.com/ada/book",
        'https://github.com/ada/book";import os;"',
        "https://github.com/ada/my book",
        "https://localhost/ada/book",
        "https://github.com/ada/book?tab=readme",
        "",
    ],
)
def test_a_bad_address_is_refused_and_nothing_changes(copy: Path, url: str) -> None:
    before = (copy / "book/address.toml").read_bytes()
    assert address.main(["set", url], copy) == 2
    assert (copy / "book/address.toml").read_bytes() == before


def test_a_bad_branch_is_refused(copy: Path) -> None:
    assert address.main(["set", REAL, "--branch", 'main";x'], copy) == 2
    assert address.load(copy) == address.Address(RESERVED, "main")


def test_no_address_is_known_by_a_name_alone() -> None:
    for url in (RESERVED, "https://x.invalid:80/a/b"):
        assert not address.parse(url).known and "@" not in address.parse(url).install
    for url in (REAL, "https://x.invalid.org/a", "https://x.org/a.invalid/b"):
        assert address.parse(url).known and address.parse(url).install.endswith(".git@main")


def cell_of(place: address.Address) -> str:
    """Return the source of the first cell that a notebook gets."""
    return str(address.with_cell(nbformat.v4.new_notebook(), place).cells[0].source)


def test_the_first_cell_is_short_and_names_no_bare_package() -> None:
    source = cell_of(address.load())
    assert len(source.splitlines()) <= 15
    assert "install -q illusionkit" not in source
    compile(TransformerManager().transform_cell(source), "cell", "exec")


def run_first_cell(monkeypatch: pytest.MonkeyPatch, place: address.Address) -> list[str]:
    """Run the first cell with a `google.colab` module; return what `%pip` was given."""
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    shell = start_ipython()
    if shell is None:
        from IPython import get_ipython

        shell = get_ipython()
    lines: list[str] = []
    shell.register_magic_function(lines.append, "line", "pip")
    shell.run_cell(cell_of(place)).raise_error()
    return lines


def test_in_colab_it_installs_from_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ILLUSIONKIT_INSTALL", raising=False)
    lines = run_first_cell(monkeypatch, address.Address(REAL, "main"))
    assert lines == [f'install -q "git+{REAL}.git@main"']


def test_in_colab_a_wheel_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ILLUSIONKIT_INSTALL", "/content/illusionkit-0.1.0-py3-none-any.whl")
    lines = run_first_cell(monkeypatch, address.Address("https://x.invalid/book", "main"))
    assert lines == ['install -q "/content/illusionkit-0.1.0-py3-none-any.whl"']


def test_in_colab_an_unknown_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ILLUSIONKIT_INSTALL", raising=False)
    with pytest.raises(SystemExit, match="ILLUSIONKIT_INSTALL"):
        run_first_cell(monkeypatch, address.Address("https://x.invalid/book", "main"))


def test_outside_colab_the_first_cell_does_nothing(root: Path) -> None:
    source = TransformerManager().transform_cell(cell_of(address.load(root)))
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_while_unknown_no_page_has_a_button_to_nowhere(site: Path, root: Path) -> None:
    if address.load(root).known:
        pytest.skip("the address is known")
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "colab.research.google.com" not in text, page
        assert "executablebooks/jupyter-book" not in text, page


def test_once_known_the_buttons_appear(copy: Path) -> None:
    import tidy

    address.main(["set", REAL], copy)
    config = types.SimpleNamespace(html_theme_options={"launch_buttons": {"colab_url": ""}})
    tidy.use_address(types.SimpleNamespace(srcdir=copy), config)
    assert config.html_theme_options["repository_url"] == REAL
    assert config.html_theme_options["launch_buttons"]["colab_url"].startswith("https://colab")

"""The address of the repository: kept in book/address.toml, written everywhere it is needed.

    python book/address.py set https://github.com/OWNER/REPOSITORY [--branch main]
    python book/address.py write     # again, for instance after a new notebook was added
    python book/address.py check     # exit status 1 where a place disagrees

The built site reads it at each build (book/tidy.py). Written are the first cell of every notebook,
CITATION.cff, and the marked lines of README.md and CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CELL_ID, CELL_TAGS = "install-the-kit", ["remove-cell"]
URL = re.compile(r"https://[\w.-]+\.[a-z]{2,}(:\d+)?(/[\w.~-]+)+", re.IGNORECASE)
BLOCK = re.compile(r"(<!-- address -->\n).*?(<!-- /address -->)", re.DOTALL)
CITATION = re.compile(r"^()(?:# )?repository-code:.*()$", re.MULTILINE)
PLACES = {"README.md": BLOCK, "CONTRIBUTING.md": BLOCK, "CITATION.cff": CITATION}
WORDS = tomllib.loads(Path(__file__).with_name("address.toml").read_text(encoding="utf-8"))


class Address(NamedTuple):
    """A repository address: `url` without a trailing slash or `.git`, and the branch to show."""

    url: str
    branch: str

    @property
    def known(self) -> bool:
        """Whether a real address was set; the reserved one's host ends in `.invalid`."""
        return not re.match(r"[^/]+//[^/]+\.invalid[:/]", self.url)

    @property
    def install(self) -> str:
        """What pip is given to install the kit from the repository."""
        return f"git+{self.url}.git" + (f"@{self.branch}" if self.known else "")


def parse(url: str, branch: str = "main") -> Address:
    """Return the address after checking it; raise ValueError where it is none."""
    clean = url.strip().rstrip("/").removesuffix(".git")
    if not URL.fullmatch(clean):
        raise ValueError(f"not https://HOST/OWNER/NAME without password, query, anchor: {url!r}")
    if not re.fullmatch(r"[\w./-]+", branch):
        raise ValueError(f"not the name of a branch: {branch!r}")
    return Address(clean, branch)


def load(root: Path = notebooks.ROOT) -> Address:
    """Return the address that book/address.toml holds."""
    table = tomllib.loads((root / "book" / "address.toml").read_text(encoding="utf-8"))
    return parse(table["url"], table["branch"])


def with_cell(notebook: NotebookNode, address: Address) -> NotebookNode:
    """Return the notebook with its first cell inserted, or brought up to date."""
    if not notebook.cells or notebook.cells[0].get("id") != CELL_ID:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(id=CELL_ID))
    notebook.cells[0].source = WORDS["cell"].strip().replace("{install}", address.install)
    notebook.cells[0].metadata["tags"] = list(CELL_TAGS)
    return notebook


def disagreeing(root: Path = notebooks.ROOT) -> dict[Path, str]:
    """Return the files that do not hold the address, each with the text it should have.

    Raises ValueError for a text file without a place for it.
    """
    address, wanted = load(root), {}
    words = WORDS["known" if address.known else "unknown"]
    for path, place in ((root / name, place) for name, place in PLACES.items()):
        line = words["citation" if place is CITATION else "block"].format(url=address.url)
        if path.is_file() and not place.search(path.read_text(encoding="utf-8")):
            raise ValueError(f"{path.name} has no place for the address")
        if path.is_file():
            put = rf"\g<1>{line}\g<2>"  # an address holds no backslash
            wanted[path] = place.sub(put, path.read_text(encoding="utf-8"))
    for path in notebooks.pages(root):
        wanted[path] = notebooks.as_text(with_cell(notebooks.read(path), address))
    return {path: text for path, text in wanted.items() if path.read_text("utf-8") != text}


def main(argv: list[str] | None = None, root: Path = notebooks.ROOT) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="book/address.py")
    parser.add_argument("command", choices=("set", "write", "check"))
    parser.add_argument("url", nargs="?", default="", help="the address to set")
    parser.add_argument("--branch", default="main", help="the branch to set")
    asked, toml = parser.parse_args(argv), root / "book" / "address.toml"
    try:
        if asked.command == "set":
            lines = 'url = "{}"\nbranch = "{}"\n'.format(*parse(asked.url, asked.branch))
            kept = toml.read_text(encoding="utf-8")
            toml.write_text(re.sub(r"url = .*\nbranch = .*\n", lines, kept), encoding="utf-8")
        wrong = disagreeing(root)
    except ValueError as error:
        print(f"address.py: {error}", file=sys.stderr)
        return 2
    for path, text in wrong.items():
        print(f"{path.relative_to(root)}: held another address than book/address.toml")
        if asked.command != "check":
            path.write_text(text, encoding="utf-8", newline="\n")
    return 1 if wrong and asked.command == "check" else 0


if __name__ == "__main__":
    raise SystemExit(main())

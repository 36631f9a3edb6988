"""The address of the repository: kept in book/address.toml, written everywhere it is needed.

    python book/address.py show
    python book/address.py set https://github.com/OWNER/REPOSITORY [--branch main]
    python book/address.py write     # again, for instance after a new notebook was added
    python book/address.py check     # exit status 1 where a place disagrees

The built site reads the address at each build (book/tidy.py). The places written here are the
first cell of every notebook, CITATION.cff, and the marked lines of README.md and CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CELL_ID = "install-the-kit"
CELL_TAGS = ["remove-cell"]
MARKED = ("README.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"(<!-- address -->\n).*?(<!-- /address -->)", re.DOTALL)
CITATION = re.compile(r"^(# )?repository-code:.*$", re.MULTILINE)

CELL = """\
# In Google Colab this installs the book's helper package; anywhere else it does nothing.
import os
import sys

if "google.colab" in sys.modules:
    source = os.environ.get("ILLUSIONKIT_INSTALL", "{install}")
    if ".invalid" in source:
        raise SystemExit(
            "The book's public address is not set yet. Set the environment variable "
            "ILLUSIONKIT_INSTALL to a wheel of illusionkit or to a git+https address."
        )
    %pip install -q "$source"
"""

UNKNOWN = """\
> This book has no public address yet, so there is no *open in Colab* button: a button that
> leads nowhere would be worse than none. Run it from a copy, with the two commands. Who
> publishes it sets the address once, `python book/address.py set https://github.com/OWNER/NAME`,
> and every page, its first cell and the citation follow.
"""

KNOWN = """\
Repository: <{url}>. Every page has a rocket button that opens it in Colab, where its first
cell installs the helper package from this address.
"""


@dataclass(frozen=True)
class Address:
    """A repository address: `url` without a trailing slash or `.git`, and the branch to show."""

    url: str
    branch: str

    @property
    def known(self) -> bool:
        """Whether a real address was set; the reserved one ends in `.invalid`."""
        return not (urlsplit(self.url).hostname or "").endswith(".invalid")

    @property
    def install(self) -> str:
        """What pip is given to install the kit from the repository."""
        suffix = f"@{self.branch}" if self.known else ""
        return f"git+{self.url}.git{suffix}"

    @property
    def on_github(self) -> bool:
        """Whether Colab can open a notebook from here."""
        return urlsplit(self.url).hostname == "github.com"


def parse(url: str, branch: str = "main") -> Address:
    """Return the address after checking it; raise ValueError that says what is wrong."""
    clean = url.strip().rstrip("/").removesuffix(".git")
    parts = urlsplit(clean)
    if parts.scheme != "https":
        raise ValueError(f"the address must begin with https://, got {url!r}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"the address must hold no name, password, query or anchor: {url!r}")
    if not re.fullmatch(r"[\w.-]+\.[a-z]{2,}(:\d+)?", parts.netloc, re.IGNORECASE):
        raise ValueError(f"the address has no proper host name: {url!r}")
    if not re.fullmatch(r"(/[\w.~-]+)+", parts.path):
        raise ValueError(f"the address names no repository after the host: {url!r}")
    if not re.fullmatch(r"[\w./-]+", branch):
        raise ValueError(f"not the name of a branch: {branch!r}")
    return Address(clean, branch)


def load(root: Path = notebooks.ROOT) -> Address:
    """Return the address that book/address.toml holds."""
    table = tomllib.loads((root / "book" / "address.toml").read_text(encoding="utf-8"))
    return parse(table["url"], table["branch"])


def save(address: Address, root: Path = notebooks.ROOT) -> None:
    """Write the address into book/address.toml and keep its comments."""
    path = root / "book" / "address.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in (("url", address.url), ("branch", address.branch)):
        line = f'{key} = "{value}"'
        text = re.sub(rf"^{key} = .*$", lambda _, line=line: line, text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def cell_source(address: Address) -> str:
    """Return the source of the first cell of every notebook."""
    return CELL.format(install=address.install).rstrip("\n")


def with_cell(notebook: NotebookNode, address: Address) -> NotebookNode:
    """Return the notebook with its first cell inserted, or brought up to date."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.get("id") != CELL_ID:
        first = nbformat.v4.new_code_cell(id=CELL_ID)
        notebook.cells.insert(0, first)
    first.source = cell_source(address)
    first.metadata["tags"] = list(CELL_TAGS)
    return notebook


def citation_line(address: Address) -> str:
    """Return the line of CITATION.cff; a comment while the address is not known."""
    if address.known:
        return f'repository-code: "{address.url}"'
    return "# repository-code: not known yet, see book/address.toml"


def block_text(address: Address) -> str:
    """Return what stands between the address marks of README.md and CONTRIBUTING.md."""
    return KNOWN.format(url=address.url) if address.known else UNKNOWN


def expected_text(path: Path, address: Address) -> str | None:
    """Return what a text file should hold, or None where its place for the address is missing."""
    text = path.read_text(encoding="utf-8")
    if path.name == "CITATION.cff":
        pattern, replacement = CITATION, citation_line(address)
        return pattern.sub(lambda _: replacement, text) if pattern.search(text) else None
    if not BLOCK.search(text):
        return None
    return BLOCK.sub(lambda m: m[1] + block_text(address) + m[2], text)


def text_files(root: Path) -> list[Path]:
    """Return the text files that hold the address, as far as they exist."""
    return [p for p in (root / name for name in (*MARKED, "CITATION.cff")) if p.is_file()]


def disagreements(root: Path = notebooks.ROOT) -> list[str]:
    """Return one sentence for every place that does not hold the address; empty if all agree."""
    address, found = load(root), []
    for path in text_files(root):
        expected = expected_text(path, address)
        if expected is None:
            found.append(f"{path.relative_to(root)}: has no place for the address")
        elif expected != path.read_text(encoding="utf-8"):
            found.append(f"{path.relative_to(root)}: holds another address than address.toml")
    for path in notebooks.pages(root):
        cells = notebooks.read(path).cells
        if not cells or cells[0].get("id") != CELL_ID:
            found.append(f"{path.relative_to(root)}: does not start with the cell {CELL_ID!r}")
        elif cells[0].source != cell_source(address):
            found.append(f"{path.relative_to(root)}: its first cell holds another address")
    return found


def apply(root: Path = notebooks.ROOT) -> list[Path]:
    """Write the address into every place and return the files that changed."""
    address, changed = load(root), []
    for path in text_files(root):
        expected = expected_text(path, address)
        if expected is not None and expected != path.read_text(encoding="utf-8"):
            path.write_text(expected, encoding="utf-8")
            changed.append(path)
    for path in notebooks.pages(root):
        before = path.read_bytes()
        notebooks.write(with_cell(notebooks.read(path), address), path)
        if path.read_bytes() != before:
            changed.append(path)
    return changed


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="book/address.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="print the address")
    commands.add_parser("check", help="fail where a place disagrees")
    commands.add_parser("write", help="write the address into every place")
    setter = commands.add_parser("set", help="change the address everywhere")
    setter.add_argument("url")
    setter.add_argument("--branch", default="main")
    return parser


def main(argv: list[str] | None = None, root: Path = notebooks.ROOT) -> int:
    """Run the command line and return its exit status."""
    options = arguments().parse_args(argv)
    if options.command == "set":
        try:
            save(parse(options.url, options.branch), root)
        except ValueError as error:
            print(f"address.py: {error}", file=sys.stderr)
            return 2
    if options.command in ("set", "write"):
        for path in apply(root):
            print(f"changed {path.relative_to(root)}")
    if options.command == "show":
        print(load(root).url)
        return 0
    problems = disagreements(root)
    print("\n".join(problems), file=sys.stderr) if problems else print("the address agrees")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The hash of code: what it does changes the hash, what it looks like and is called does not."""

import importlib.util
import itertools
import os
import re
import subprocess
import sys
import textwrap
import types
from functools import partial

import pytest

from illusionkit.data import corpora
from illusionkit.meaning import code_hash

BASE = '''
"""A module."""

import enum
import functools
import re
from collections import OrderedDict as Ordered
from dataclasses import dataclass, field
from functools import cache, partial
from math import sqrt

from illusionkit.errors import DataError

LIMIT = 3
NAMES = {"a", "b", "c"}
WORD = re.compile("[a-z]+", re.ASCII)
SPAN = range(1, 7)
TABLE = {"one": (1, 2), "two": (3, 4)}
SOURCES = {"here": ("there", ("member",))}
INVERSE = lambda x: 1 / x

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

def twice(function):
    @functools.wraps(function)
    def inner(*given):
        return 2 * function(*given)
    return inner

def adder(amount):
    def add(x):
        return x + amount
    return add

add_five = adder(5)

@dataclass(frozen=True)
class Point:
    """A point."""

    x: float
    y: float = 1.0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        if self.x < 0:
            raise DataError(f"{self.x} is below 0")
        assert self.y is not None

    @property
    def length(self):
        return sqrt(self.x**2 + self.y**2)

    @classmethod
    def at(cls, x, **rest):
        return cls(x, **rest)

    @staticmethod
    def unit():
        return 1.0

    def nobody(self):
        return 0

ORIGIN = Point(0.0, 0.5)

class Shape:
    sides = 4
    colour = "none"

    def area(self):
        return self.width() ** 2

    def width(self):
        return self.sides

    def perimeter(self):
        return -1

    def __len__(self):
        return 7

    def __getitem__(self, place):
        return place + 1

    def __iter__(self):
        yield 8

    def __call__(self, x):
        return x * 9

class Square(Shape):
    def width(self):
        return super().width() + 1

class Judge:
    def __init__(self, rule):
        self._rule = rule

    def score(self, rows):
        return self._rule(rows) / 10

def judged(judge: Judge, rows: "list[Point]", start=LIMIT, *, weight=1.5):
    return judge.score(rows) * weight + start

@twice
def doubled(x):
    return x + 11

@cache
def data(part="book"):
    return [1, 2]

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

half = partial(pow, 0.5)

def clean(text, *, case=False, most=12):
    """Return a text."""
    # Why it is so.
    found = WORD.findall(text)
    total = [len(word) for word in found if word not in NAMES]
    return total[:most] if case else total

def unused():
    return 1

def run(dose, seed):
    """Return it all."""
    from collections import Counter as Tally

    def nested(value, /, by=2):
        nonlocal seed
        seed = seed + 1
        return value * by

    point = Point.at(1.0, y=2.0)
    shape: Shape = Square()
    if dose > LIMIT:
        known = ", ".join(TABLE)
        raise DataError(f"Too much: {known}")
    try:
        seed = seed + INVERSE(dose)
    except ZeroDivisionError as error:
        seed = len(str(error))
    with_words = f"{seed:>{dose}} words and {dose!r} more"
    return (
        clean("some words", case=True), judged(Judge(len), [], weight=2.5), doubled(dose), half(2),
        even(4), data(), nested(3, by=4), point.length, Point.unit(), shape.area(), shape.colour,
        Colour.RED, SPAN, TABLE["one"], SOURCES["here"], add_five(1), Tally("ab"), ORIGIN, Ordered,
        (lambda found: found + 1)(2), {k: v for k, v in TABLE.items()}, [n for n in SPAN if n % 2],
        with_words,
    )
'''
COUNTER = itertools.count()


@pytest.fixture
def hashed(tmp_path, monkeypatch):
    """Return the hash of ``run`` in a module of the kit with the given source."""

    def load(source, name="trial"):
        path = tmp_path / f"{name}{next(COUNTER)}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"illusionkit.{name}", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"illusionkit.{name}", module)
        spec.loader.exec_module(module)
        return code_hash(module.run)

    return load


def changed(*pairs, word=None):
    """Return the base with some texts exchanged, each of which must be in it."""
    source = BASE
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    if word is not None:
        old, new = word
        assert re.search(rf"\b{old}\b", source), old
        source = re.sub(rf"\b{old}\b", new, source)
    return source


NOTHING = {
    "a comment": [("# Why it is so.", "# Another reason.")],
    "a docstring": [('"""Return a text."""', '"""Return\n    much more.\n    """')],
    "no docstring": [('    """Return a text."""\n', "")],
    "a class's docstring": [('"""A point."""', '"""A better point."""')],
    "layout": [("found = WORD.findall(text)", "found = WORD.findall(\n        text,\n    )")],
    "brackets": [("return x + 11", "return (x + 11)")],
    "quotes": [("point = Point.at(1.0, y=2.0)", "point = Point.at(1.00, y=2.0)")],
    "a function nobody calls": [("def unused():\n    return 1\n", "")],
    "a method nobody calls": [
        ("def nobody(self):\n        return 0", "def other(self):\n        return 5")
    ],
    "a method more": [
        ("    def nobody", "    def somebody(self):\n        return LIMIT\n\n    def nobody")
    ],
    "an annotation": [("def even(n):", "def even(n: int) -> bool:")],
    "an annotation of a local": [("    found = WORD", "    found: list[str] = WORD")],
    "no annotation": [("shape: Shape = Square()", "shape = Square()")],
    "the words of an error": [('raise DataError(f"Too much: {known}")', 'raise DataError("No.")')],
    "an error's words in a class": [("is below 0", "is less than 0")],
    "the words of an assertion": [
        ("assert self.y is not None", 'assert self.y is not None, "no y"')
    ],
    "a cache": [("@cache\ndef data", "def data")],
    "another cache": [("@cache\ndef data", "@functools.lru_cache(maxsize=None)\ndef data")],
    "an entry of SOURCES": [("SOURCES = {", 'SOURCES = {"more": ("there", ()), ')],
    "the order of functions": [
        ("def unused():\n    return 1\n", ""),
        ("LIMIT = 3\n", "LIMIT = 3\ndef unused():\n    return 1\n"),
    ],
    "a constant written otherwise": [("LIMIT = 3", "LIMIT = 1 + 2")],
    "an import alias": [
        ("from math import sqrt", "from math import sqrt as root"),
        ("return sqrt(", "return root("),
    ],
    "an import as a module": [
        ("from math import sqrt", "import math"),
        ("return sqrt(", "return math.sqrt("),
    ],
    "an import moved inside": [
        ("from math import sqrt\n", ""),
        ("        return sqrt(", "        from math import sqrt\n        return sqrt("),
    ],
}
RENAMED = (
    ("word", "each"), ("point", "place_of_it"), ("error", "caught"),
    ("known", "names"), ("k", "key"), ("clean", "tidy"), ("even", "is_even"), ("Point", "Place"),
    ("Shape", "Figure"), ("Judge", "Referee"), ("LIMIT", "MOST"), ("TABLE", "ENTRIES"),
    ("twice", "two_times"), ("inner", "wrapped"), ("Tally", "Count"), ("INVERSE", "ONE_OVER"),
    ("data", "table_of_it"), ("total", "all_of_it"), ("nested", "inner_one"),
)  # fmt: skip
"""Names of functions, classes, constants and locals; those of parameters and members count."""

SOMETHING = {
    "a constant": [("LIMIT = 3", "LIMIT = 4")],
    "a set": [('{"a", "b", "c"}', '{"a", "b", "d"}')],
    "a regex": [('"[a-z]+"', '"[a-y]+"')],
    "the flags of a regex": [(", re.ASCII", "")],
    "a range": [("range(1, 7)", "range(1, 6)")],
    "a table": [('"two": (3, 4)', '"two": (3, 5)')],
    "the order of a table": [('{"one": (1, 2), "two": (3, 4)}', '{"two": (3, 4), "one": (1, 2)}')],
    "the key of a table": [('"one": (1, 2)', '"uno": (1, 2)')],
    "what is read of it": [('TABLE["one"]', 'TABLE["two"]')],
    "an enum's value": [("RED = 1", "RED = 3")],
    "an enum's member": [("Colour.RED", "Colour.BLUE")],
    "a decorator of ours": [("return 2 * function", "return 3 * function")],
    "no decorator": [("@twice\n", "")],
    "what is decorated": [("return x + 11", "return x + 12")],
    "a closure's constant": [("adder(5)", "adder(6)")],
    "a closure's code": [("return x + amount", "return x - amount")],
    "a partial": [("partial(pow, 0.5)", "partial(pow, 0.6)")],
    "the function of a partial": [("partial(pow, 0.5)", "partial(max, 0.5)")],
    "a lambda": [("lambda x: 1 / x", "lambda x: 2 / x")],
    "a lambda inside": [("lambda found: found + 1", "lambda found: found + 2")],
    "a field's default": [("y: float = 1.0", "y: float = 1.5")],
    "a field's factory": [("default_factory=list", "default_factory=tuple")],
    "the order of fields": [
        ("    x: float\n    y: float = 1.0\n", "    y: float\n    x: float = 1.0\n")
    ],
    "a field more": [("    tags: list", "    z: float = 0.0\n    tags: list")],
    "an instance of a dataclass": [("Point(0.0, 0.5)", "Point(0.0, 0.25)")],
    "what is checked at the start": [("if self.x < 0", "if self.x < -1")],
    "a property": [("self.x**2 +", "self.x**2 -")],
    "a class method": [("return cls(x, **rest)", "return cls(x + 1, **rest)")],
    "a static method": [("def unit():\n        return 1.0", "def unit():\n        return 2.0")],
    "an inherited method": [("return self.width() ** 2", "return self.width() ** 3")],
    "a method that is called by another": [
        ("return super().width() + 1", "return super().width()")
    ],
    "a method of the base": [("return self.sides\n", "return -self.sides\n")],
    "a class's attribute": [("sides = 4", "sides = 5")],
    "an inherited attribute": [('colour = "none"', 'colour = "some"')],
    "the base": [("class Square(Shape)", "class Square(Shape, Point)")],
    "__len__": [("return 7", "return 8")],
    "__getitem__": [("return place + 1", "return place + 2")],
    "__iter__": [("yield 8", "yield 9")],
    "__call__": [("return x * 9", "return x * 10")],
    "a method of what an annotation names": [("self._rule(rows) / 10", "self._rule(rows) / 20")],
    "a default argument": [("start=LIMIT", "start=2")],
    "a default given by name": [("weight=1.5", "weight=1.6")],
    "an argument given by name": [("weight=2.5", "weight=2.6")],
    "another name at a call": [("case=True", "most=True")],
    "a nested function": [("return value * by", "return value + by")],
    "a nested default": [("by=2", "by=3")],
    "nonlocal": [("        nonlocal seed\n        seed = seed + 1\n", "        seed = 1\n")],
    "mutual recursion": [("return n != 0 and even(n - 1)", "return n != 1 and even(n - 1)")],
    "a cached callee": [("return [1, 2]", "return [1, 3]")],
    "a condition of a comprehension": [("if n % 2", "if n % 3")],
    "what a comprehension gives": [("{k: v for", "{v: k for")],
    "the library's function": [("import sqrt", "import exp as sqrt")],
    "an import inside": [("import Counter as Tally", "import deque as Tally")],
    "a class of a library": [("import OrderedDict", "import UserDict")],
    "an f-string": [("words and", "words or")],
    "how a number is written": [("{dose!r}", "{dose!s}")],
    "a width": [(":>{dose}", ":<{dose}")],
    "the kind of an error": [("except ZeroDivisionError", "except ValueError")],
    "the order of statements": [
        ("    found = WORD.findall(text)\n", ""),
        ("    return total[:most]", "    found = WORD.findall(text)\n    return total[:most]"),
    ],
    "which of two locals": [("len(word) for word in found", "len(text) for word in found")],
    "the root": [("even(4),", "even(5),")],
}


KINDS = {
    "a value of an enum of texts": (
        "import enum\nclass E(str, enum.Enum):\n    A = 'one'\ndef run(x):\n"
        "    return E.A, list(E)\n",
        ("'one'", "'two'"),
    ),
    "a method of an enum": (
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self):\n        return 2\n"
        "def run(x):\n    return E(x).f()\n",
        ("return 2", "return 3"),
    ),
    "an enum's member that nobody names": (
        "import enum\nclass E(enum.IntEnum):\n    A = 1\n    B = 2\ndef run(x):\n"
        "    return sum(E)\n",
        ("B = 2", "B = 3"),
    ),
    "the default of a named tuple": (
        "from typing import NamedTuple\nclass T(NamedTuple):\n    a: int = 1\n"
        "def run(x):\n    return T()\n",
        ("int = 1", "int = 2"),
    ),
    "an instance of a dataclass with slots": (
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass D:\n    a: int = 1\n"
        "ONE = D(5)\ndef run(x):\n    return ONE.a\n",
        ("D(5)", "D(6)"),
    ),
    "a metaclass": (
        "class M(type):\n    def __call__(cls):\n        return 1\nclass C(metaclass=M):\n"
        "    pass\n"
        "def run(x):\n    return C()\n",
        ("return 1", "return 2"),
    ),
    "a method that a library calls": (
        "import json\nclass E(json.JSONEncoder):\n    def default(self, o):\n        return 1\n"
        "def run(x):\n    return json.dumps(x, cls=E)\n",
        ("return 1", "return 2"),
    ),
    "a method that is asked for by a text": (
        "class C:\n    def f(self):\n        return 1\n"
        "def run(x):\n    return getattr(C(), 'f')()\n",
        ("return 1", "return 2"),
    ),
    "a cached property": (
        "from functools import cached_property\nclass C:\n    @cached_property\n    def f(self):\n"
        "        return 1\ndef run(x):\n    return C().f\n",
        ("return 1", "return 2"),
    ),
    "a class inside": (
        "def run(x):\n    class C:\n        a = 1\n        def f(self):\n"
        "            return self.a\n"
        "    return C().f()\n",
        ("a = 1", "a = 2"),
    ),
    "an array": (
        "import numpy as np\nWEIGHTS = np.array([1.0, 2.0])\ndef run(x):\n    return WEIGHTS\n",
        ("2.0]", "2.5]"),
    ),
    "something that only its expression tells": (
        "import scipy.sparse\nEYE = scipy.sparse.eye(3)\ndef run(x):\n    return EYE\n",
        ("eye(3)", "eye(4)"),
    ),
    "a default that is a lambda": (
        "def run(x, f=lambda y: y + 1):\n    return f(x)\n",
        ("y + 1", "y + 2"),
    ),
    "the kind of an error that is raised": (
        "def run(x):\n    try:\n        raise KeyError(x)\n    except KeyError:\n"
        "        return 1\n",
        ("raise KeyError", "raise ValueError"),
    ),
    "a pattern that is matched": (
        "def run(x):\n    match x:\n        case [1, *rest]:\n            return rest\n",
        ("[1, *rest]", "[2, *rest]"),
    ),
    "a name that is bound in a condition": (
        "def run(x):\n    return [y for z in x if (y := z + 1)], y\n",
        ("z + 1", "z + 2"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_kind_of_code_it_is_it_counts(hashed, kind):
    source, (old, new) = KINDS[kind]
    assert old in source
    assert hashed(source) == hashed(f"# A comment.\n{source}")
    assert hashed(source.replace(old, new)) != hashed(source)


def test_a_wrapper_of_another_module_counts(hashed, monkeypatch):
    """A decorator that is called, not written above, leaves its trace in the function alone."""
    wrapper = (
        "import functools\ndef wrap(f):\n    @functools.wraps(f)\n    def inner(x):\n"
        "        return 1 + f(x)\n    return inner\ndef run(x):\n    return x\n"
    )
    source = "from illusionkit.wrapping import wrap\ndef f(x):\n    return x\nrun = wrap(f)\n"
    found = []
    for text in (wrapper, wrapper.replace("1 + f", "2 + f")):
        hashed(text, name="wrapping")
        found.append(hashed(source))
    assert found[0] != found[1]


@pytest.mark.parametrize("change", NOTHING)
def test_what_decides_no_number_leaves_the_hash(hashed, change):
    assert hashed(changed(*NOTHING[change])) == hashed(BASE)


@pytest.mark.parametrize("word", RENAMED, ids="{0[0]}".format)
def test_a_new_name_leaves_the_hash(hashed, word):
    assert hashed(changed(word=word)) == hashed(BASE)


@pytest.mark.parametrize("change", SOMETHING)
def test_what_may_decide_a_number_changes_the_hash(hashed, change):
    assert hashed(changed(*SOMETHING[change])) != hashed(BASE)


def test_all_names_at_once_and_another_module(hashed):
    source = BASE
    for old, new in RENAMED:
        source = re.sub(rf"\b{old}\b", new, source)
    assert hashed(source, name="elsewhere") == hashed(BASE)


def test_names_that_are_exchanged_at_one_end_only_change_the_hash(hashed):
    """Two parameters change names, and the call that gives one of them by name does not."""
    old = "def clean(text, *, case=False, most=12):"
    swapped = changed((old, "def clean(text, *, most=False, case=12):"))
    swapped = swapped.replace("total[:most] if case else", "total[:case] if most else")
    assert hashed(swapped) != hashed(BASE)


def test_names_that_stand_in_texts_count(hashed):
    """What ``getattr`` finds by a text changes with the name of the field."""
    source = """
    from dataclasses import dataclass

    @dataclass
    class Two:
        left: float = 1.0
        right: float = 2.0

    def run(name):
        return getattr(Two(), "left") + getattr(Two(), name)
    """
    swapped = source.replace("left: float", "_: float").replace("right: float", "left: float")
    assert hashed(swapped.replace("_: float", "right: float")) != hashed(source)


def test_a_function_that_is_called_by_names_unknown_counts_with_its_names(hashed):
    source = """
    def one(a, b):
        return a - b

    def run(choice):
        function = {"one": one}[choice]
        return function(a=1, b=2)
    """
    swapped = source.replace("def one(a, b)", "def one(b, a)").replace("a - b", "b - a")
    assert hashed(swapped) != hashed(source)


def test_lambdas_of_one_line_are_told_apart(hashed):
    source = "ONE, TWO = (lambda x: x), (lambda x: -x)\ndef run(x):\n    return {}(x)\n"
    assert hashed(source.format("ONE")) != hashed(source.format("TWO"))


def test_a_module_that_is_handed_on_counts_whole(hashed, monkeypatch):
    source = """
    from illusionkit.data import raters

    def run(x):
        return other(raters).classes(x)

    def other(module):
        return module
    """
    before = hashed(source)
    monkeypatch.setattr("illusionkit.data.raters.classes", unused)
    assert hashed(source) != before


def unused():
    """Stand where another function stood."""


def test_a_constant_assigned_by_another_module_counts(hashed, monkeypatch):
    source = "from illusionkit.data import corpora\ndef run(x):\n    return corpora.CLASS_EDGES\n"
    before = hashed(source)
    monkeypatch.setattr(corpora, "CLASS_EDGES", (0.0, 1.0))
    assert hashed(source) != before


def test_a_name_imported_from_a_neighbour_is_the_same(hashed):
    far = "from illusionkit.data.raters import classes\ndef run(x):\n    return classes(x)\n"
    near = "from .data.raters import classes\ndef run(x):\n    return classes(x)\n"
    inside = "def run(x):\n    from .data.raters import classes as found\n    return found(x)\n"
    assert hashed(far) == hashed(near) == hashed(inside)


def test_infrastructure_is_told_apart_and_not_looked_into(hashed, monkeypatch):
    source = "from illusionkit import cache\ndef run(x):\n    return cache.{}(x), cache.folder(x)\n"
    assert hashed(source.format("folder")) != hashed(source.format("digest"))
    other = source.format("part")
    before = hashed(other)
    monkeypatch.setattr(unused, "__module__", "illusionkit.cache")
    monkeypatch.setattr(unused, "__qualname__", "part")
    monkeypatch.setattr("illusionkit.cache.part", unused)
    assert hashed(other) == before


def test_a_loop_of_functions_and_of_values_ends(hashed):
    source = "LOOP = []\nLOOP.append(LOOP)\ndef run(x):\n    return LOOP, run(x)\n"
    assert re.fullmatch("[0-9a-f]{12}", hashed(source))


def test_partials_and_methods_can_be_roots(hashed):
    assert code_hash(partial(pow, 2)) != code_hash(partial(pow, 3))
    assert code_hash(Root(1).run) != code_hash(Root(2).run)
    assert code_hash(Root(1).run) == code_hash(Root(1).run)


class Root:
    """A method that is run."""

    def __init__(self, amount):
        self.amount = amount

    def run(self, x):
        """Return a number."""
        return x + self.amount


def test_a_helper_beside_a_function_of_a_readers_own_counts(tmp_path, monkeypatch):
    found = []
    for number in (1, 2):
        (tmp_path / f"own{number}.py").write_text(
            f"def helper(x):\n    return x + {number}\n\ndef run(x):\n    return helper(x)\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        found.append(code_hash(importlib.import_module(f"own{number}").run))
    assert found[0] != found[1]


def test_what_was_typed_at_a_prompt_counts_with_what_stands_inside_of_it():
    source = "def run(x):\n    return [y + {} for y in x], (lambda z: z)(x)"
    spaces = [{"__name__": "__main__"} for _ in range(3)]
    for number, space in zip((1, 1, 2), spaces, strict=True):
        exec(source.format(number), space)
    first, same, other = (code_hash(space["run"]) for space in spaces)
    assert first == same != other


def compiled(version, name):
    """Return a function such as Cython makes it: its type is named after Cython's version."""
    own = {"__get__": lambda self, *given: self, "__call__": lambda self, x: x}
    kind = type("cython_function_or_method", (), {**own, "__module__": f"_cython_{version}"})
    function = kind()
    function.__module__, function.__qualname__ = "library.core", name
    return function


def test_the_version_of_a_librarys_compiler_does_not_count(hashed, monkeypatch):
    library = types.ModuleType("library")
    monkeypatch.setitem(sys.modules, "library", library)
    found = []
    for version, name in (("3_0_11", "draw"), ("3_2_4", "draw"), ("3_2_4", "other")):
        library.draw = compiled(version, name)
        found.append(hashed("from library import draw\n\ndef run(x):\n    return draw(x)\n"))
    assert found[0] == found[1] != found[2]


def test_the_seed_of_pythons_own_hashes_does_not_count():
    program = (
        "from illusionkit.illusions import experiment\n"
        "from illusionkit.experiment.provenance import provenance\n"
        "print(provenance(experiment('mail-triage'))['code'])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1

"""Memory of freed tensors is kept, and nothing goes wrong where it can't be."""

import subprocess
import sys
from pathlib import Path

import pytest

from illusionkit import memory

PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(sys.platform != "linux", reason="the option is one of glibc")
def test_memory_that_was_freed_is_not_asked_for_again():
    program = (
        "import resource, torch\n"
        "from illusionkit.memory import keep_memory\n"
        "keep_memory()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(20): torch.ones(2**24)\n"
        "before = faults()\n"
        "for _ in range(10): torch.ones(2**24)\n"
        "print(faults() - before)\n"
    )
    assert printed(program) < 1000  # each of the ten has 16,384 pages


def large_pages():
    """Tell whether the system gives large pages to those who ask."""
    return PAGES.exists() and "[never]" not in PAGES.read_text()


@pytest.mark.skipif(not large_pages(), reason="the system has no large pages, or gives none")
def test_memory_comes_in_large_pages():
    program = (
        "import re, torch\n"
        "from illusionkit.memory import keep_memory\n"
        "keep_memory()\n"
        "held = torch.ones(2**26)\n"
        "found = re.search(r'AnonHugePages: +(\\d+)', open('/proc/self/smaps_rollup').read())\n"
        "print(int(found[1]) // 1024)\n"
    )
    assert printed(program) > 200  # of 256 MiB


def printed(program):
    """Return the number that a program prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_no_more_is_done_where_the_memory_does_not_suffice(monkeypatch):
    class Library:
        mallopt = staticmethod(lambda option, value: 1)

        @staticmethod
        def malloc(size):
            return None

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Library)
    memory.keep_memory.__wrapped__()  # neither madvise nor free is there to be called
    assert Library.malloc.restype is memory.ctypes.c_void_p


def test_memory_is_left_alone_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: pytest.fail("no such library"))
    memory.keep_memory.__wrapped__()


def test_memory_is_left_alone_without_glibc(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", missing)
    memory.keep_memory.__wrapped__()

"""Archives: fetched by the real pip from a local index, verified, repaired, read."""

import dataclasses
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from packages import left_in, tarred, zipped

from illusionkit import cache
from illusionkit.data import archives, client
from illusionkit.data.archives import Member, fetch, read, read_folder
from illusionkit.errors import ArchiveError, CacheError

TEXT = "one\nzwei\n三\n".encode()


@pytest.fixture
def tiny(index):
    """A wheel with a text in it."""
    return index.wheel("tinywheel", {"data/a.txt": TEXT}, {"a": ("data/a.txt", TEXT)})


def rename_pin(index, **changed):
    index.sources["tinywheel"] = dataclasses.replace(index.sources["tinywheel"], **changed)


def test_a_wheel_is_fetched_kept_and_read(tiny, empty_cache):
    assert read("tinywheel", "a") == TEXT
    assert fetch("tinywheel") == empty_cache / "archives" / tiny.file
    assert left_in(empty_cache) == [tiny.file]
    assert "tinywheel" not in sys.modules


def test_an_archive_in_the_cache_is_readable_by_others(tiny):
    assert fetch("tinywheel").stat().st_mode & 0o444 == 0o444


def test_an_sdist_is_prepared_with_the_pinned_tool_only(index, empty_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKEND_LOG", str(tmp_path / "backend.txt"))
    members = {"a": ("tinysource-1.0/a.txt", TEXT)}
    index.sdist({"tinysource-1.0/a.txt": TEXT}, members)
    assert read("tinysource", "a") == TEXT
    assert left_in(empty_cache) == ["tinysource-1.0.tar.gz"]
    assert (tmp_path / "backend.txt").exists()  # so the next test can fail


def test_set_up_code_of_a_foreign_sdist_never_runs(index, empty_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKEND_LOG", str(tmp_path / "backend.txt"))
    made = index.sdist({}, {})
    index.sources["tinysource"] = dataclasses.replace(made, sha256="0" * 64)
    with pytest.raises(ArchiveError, match="its hash is not the pinned one"):
        fetch("tinysource")
    assert not (tmp_path / "backend.txt").exists()
    assert left_in(empty_cache) == []


def test_a_foreign_build_tool_is_refused(index, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKEND_LOG", str(tmp_path / "backend.txt"))
    index.sdist({}, {})
    index.tool["sha256"] = "0" * 64
    with pytest.raises(ArchiveError, match="its hash is not the pinned one"):
        fetch("tinysource")
    assert not (tmp_path / "backend.txt").exists()


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "one bit"])
def test_a_broken_archive_in_the_cache_is_fetched_anew(tiny, damage):
    path = fetch("tinywheel")
    good = path.read_bytes()
    flipped = bytes([good[0] ^ 1]) + good[1:]
    path.write_bytes(
        {"truncated": good[:50], "empty": b"", "foreign": b"x" * 99, "one bit": flipped}[damage]
    )
    os.utime(path, ns=(1, 1))  # what the process remembers of the good file is of another state
    assert read("tinywheel", "a") == TEXT
    assert path.read_bytes() == good


def test_an_archive_with_the_wrong_hash_is_refused_by_pip(index, tiny, empty_cache):
    rename_pin(index, sha256="0" * 64)
    with pytest.raises(ArchiveError, match="pip refused the archive: its hash"):
        fetch("tinywheel")
    assert left_in(empty_cache) == []


def test_an_archive_with_the_wrong_hash_is_refused_without_pip(
    index, tiny, empty_cache, monkeypatch
):
    def bring(name, command, work, shown=None):
        (work / tiny.file).write_bytes(b"not what was asked for")

    monkeypatch.setattr(client, "_run", bring)
    with pytest.raises(ArchiveError, match=r"is not the pinned archive.*try again"):
        fetch("tinywheel")
    assert left_in(empty_cache) == []


def test_a_client_that_brings_nothing_is_named(tiny, monkeypatch):
    monkeypatch.setattr(client, "_run", lambda *a, **k: None)
    with pytest.raises(ArchiveError, match=r"brought no tinywheel-1.0.*Try again later"):
        fetch("tinywheel")


def test_a_member_with_the_wrong_hash_is_refused(index, tiny):
    rename_pin(index, members={"a": Member("data/a.txt", "0" * 64)})
    with pytest.raises(ArchiveError, match=r"data/a.txt in tinywheel.* is not the pinned file"):
        read("tinywheel", "a")


def test_a_member_that_the_archive_lacks_is_named(index, tiny):
    rename_pin(index, members={"b": Member("data/b.txt", "0" * 64)})
    with pytest.raises(ArchiveError, match=r"has no readable member data/b.txt"):
        read("tinywheel", "b")


def test_a_member_that_is_not_pinned_is_refused_before_anything_is_fetched(tiny, empty_cache):
    with pytest.raises(ArchiveError, match=r"no member 'z'. There are: a\."):
        read("tinywheel", "z")
    assert left_in(empty_cache) == []


def test_an_unknown_archive_is_named(tiny):
    with pytest.raises(ArchiveError, match=r"No archive is called 'x'. There are: tinywheel\."):
        fetch("x")


@pytest.mark.parametrize("inner", ["a.tar.gz", "a.zip"])
def test_a_nested_member_is_read_without_unpacking(index, inner):
    pack = tarred if inner.endswith("gz") else zipped
    nested = {inner: pack({"deep/b.txt": TEXT})}
    index.wheel("nest", nested, {"b": (f"{inner}!deep/b.txt", TEXT), "no": (f"{inner}!c", b"")})
    assert read("nest", "b") == TEXT
    with pytest.raises(ArchiveError, match="has no readable member c"):
        read("nest", "no")


def test_a_broken_nested_archive_is_named(index):
    broken = tarred({"b.txt": os.urandom(5000)})[:2000]
    index.wheel("nest", {"a.tar.gz": broken}, {"b": ("a.tar.gz!b.txt", TEXT)})
    with pytest.raises(ArchiveError, match=r"has no readable member b\.txt"):
        read("nest", "b")


def test_a_folder_inside_an_archive_is_no_member(index):
    archive = tarred({"d/x": b"1"})
    index.wheel("nest", {"a.tar.gz": archive}, {"d": ("a.tar.gz!d", b"")})
    with pytest.raises(ArchiveError, match="has no readable member d"):
        read("nest", "d")


def test_a_package_gone_from_the_index_is_one_clear_sentence(index, tiny, empty_cache):
    (index.folder / tiny.file).unlink()
    with pytest.raises(ArchiveError, match=r"could not fetch.*index hold it.*tinywheel") as caught:
        fetch("tinywheel")
    assert "\n" not in str(caught.value)
    assert left_in(empty_cache) == []


def test_without_a_network_the_cache_serves(tiny, request):
    fetch("tinywheel")
    request.getfixturevalue("no_network")
    assert read("tinywheel", "a") == TEXT


def test_without_a_network_and_cache_the_message_says_so(tiny, no_network):
    with pytest.raises(ArchiveError, match=r"Is there a network.*Archives once fetched are used"):
        fetch("tinywheel")


def test_a_python_without_pip_is_told_how_to_get_it(tiny, tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "v" / "bin" / "python"))
    with pytest.raises(ArchiveError, match="python -m ensurepip"):
        fetch("tinywheel")


def test_a_file_in_place_of_the_cache_folder(tiny, empty_cache):
    empty_cache.write_text("in the way")
    with pytest.raises(CacheError, match=r"can't be written.*set ILLUSIONKIT_CACHE"):
        fetch("tinywheel")
    assert empty_cache.read_text() == "in the way"


def test_a_read_only_cache_serves_what_it_holds(tiny, monkeypatch):
    fetch("tinywheel")

    def refuse(*arguments, **settings):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    monkeypatch.setattr(cache, "FileLock", refuse)
    assert read("tinywheel", "a") == TEXT


def test_a_read_only_cache_that_lacks_the_archive_is_named(tiny, monkeypatch):
    def refuse(*arguments, **settings):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(archives, "TemporaryDirectory", refuse)
    with pytest.raises(CacheError, match=r"can't be written.*set ILLUSIONKIT_CACHE"):
        fetch("tinywheel")


def test_a_disk_that_fills_keeps_nothing_and_the_next_run_repairs(tiny, empty_cache, monkeypatch):
    def half(pinned, work, tool):
        (work / pinned.file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(client, "download", half)
        with pytest.raises(CacheError, match=r"disk is full; free some space"):
            fetch("tinywheel")
    assert left_in(empty_cache) == []
    assert read("tinywheel", "a") == TEXT


def test_a_disk_that_is_really_full(index, small_disk, monkeypatch):
    content = os.urandom(300_000)
    index.wheel("big", {"b": content}, {"b": ("b", content)})
    index.wheel("small", {"s": TEXT}, {"s": ("s", TEXT)})
    monkeypatch.setenv("ILLUSIONKIT_CACHE", str(small_disk))
    with pytest.raises(CacheError, match=r"disk is full; free some space"):
        fetch("big")
    assert left_in(small_disk) == []
    assert read("small", "s") == TEXT


def test_what_a_killed_run_left_is_cleared(tiny, empty_cache):
    left = empty_cache / "archives" / f".part-{tiny.file}-abc"
    left.mkdir(parents=True)
    (left / tiny.file).write_bytes(b"half")
    (empty_cache / "archives" / f"{tiny.file}.lock").touch()  # as a killed run leaves it
    other = empty_cache / "archives" / ".part-other.whl-abc"  # may be at work just now
    other.mkdir()
    fetch("tinywheel")
    assert not left.exists()
    assert other.exists()


def test_a_stopped_run_stops_pip_and_leaves_nothing(tiny, empty_cache, monkeypatch):
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            started.append(self)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(client.subprocess, "Popen", Noted)
    monkeypatch.setattr(client, "_watched", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("tinywheel")
    assert started[0].returncode is not None
    assert left_in(empty_cache) == []


def test_the_size_of_what_came_is_told_while_folders_vanish(tmp_path):
    """pip moves its files about under the eyes of the progress bar."""
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            folder = tmp_path / "a" / "b" / "c"
            folder.mkdir(parents=True)
            (folder / "x.whl").write_bytes(b"12345")
            shutil.rmtree(tmp_path / "a")

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        seen = {client._size(tmp_path, "x.whl") for _ in range(1500)}
    finally:
        stop.set()
        worker.join()
    assert seen <= {0, 5}


def test_the_alternate_stands_in_with_the_same_member(index, empty_cache):
    index.wheel("second", {"moved/a.txt": TEXT}, {"a": ("moved/a.txt", TEXT)})
    first = index.wheel("first", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)}, alternate="second")
    (index.folder / first.file).unlink()
    assert read("first", "a") == TEXT
    assert left_in(empty_cache) == [index.sources["second"].file]


def test_an_alternate_in_the_cache_is_used_without_asking_again(index, empty_cache, monkeypatch):
    index.wheel("second", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)})
    first = index.wheel("first", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)}, alternate="second")
    (index.folder / first.file).unlink()
    fetch("first")
    monkeypatch.setattr(client, "_run", lambda *a, **k: pytest.fail("pip was asked"))
    assert read("first", "a") == TEXT


def test_an_alternate_never_lets_a_broken_archive_through(index, empty_cache):
    index.wheel("second", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)})
    first = index.wheel("first", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)}, alternate="second")
    fetch("second")
    (empty_cache / "archives" / first.file).write_bytes(b"broken")
    assert fetch("first").name == index.sources["second"].file


def test_neither_archive_nor_alternate(index):
    second = index.wheel("second", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)})
    first = index.wheel("first", {"a.txt": TEXT}, {"a": ("a.txt", TEXT)}, alternate="second")
    for pinned in (first, second):
        (index.folder / pinned.file).unlink()
    with pytest.raises(ArchiveError, match="could not fetch the archive"):
        fetch("first")


def fetch_in_child(sources, log, results):
    """Fetch the one archive, noting each call of pip (runs in a process of its own)."""
    run = client._run

    def noted(name, *arguments):
        with Path(log).open("a") as file:
            file.write(f"{name}\n")
        run(name, *arguments)

    archives.sources, client._run = (lambda: sources), noted
    results.put(read("tinywheel", "a"))


def test_two_processes_at_once_download_once(index, tiny, tmp_path, empty_cache):
    context = multiprocessing.get_context("spawn")
    results, log = context.Queue(), tmp_path / "pip.txt"
    asked = (index.sources, str(log), results)
    workers = [context.Process(target=fetch_in_child, args=asked) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [TEXT, TEXT]
    for worker in workers:
        worker.join(timeout=60)
    assert log.read_text() == "pip\n"
    assert left_in(empty_cache) == [tiny.file]


def test_every_pin_is_complete():
    for name, pinned in archives.sources().items():
        assert pinned.kind in ("wheel", "sdist", "npm"), name
        named = pinned.file.replace("_", "-").lower()  # a wheel's name has _ for -, and no capitals
        package = pinned.package.strip("@").replace("/", "-").lower()  # npm's scope: @scope/name
        assert named.startswith(f"{package}-{pinned.version}"), name
        assert pinned.licence, name
        assert pinned.citation, name
        assert pinned.size > 0, name
        hashes = [pinned.sha256, *(member.sha256 for member in pinned.members.values())]
        assert all(re.fullmatch("[0-9a-f]{64}", found) for found in hashes), name
        if pinned.alternate is not None:
            other = archives.source(pinned.alternate)
            assert other.alternate is None, f"{name}: an alternate of an alternate"
            assert set(pinned.members) <= set(other.members), name


def test_every_pinned_member_is_what_its_pin_says():
    for name, pinned in archives.sources().items():
        for member, wanted in pinned.members.items():
            whole = read_folder if "/*" in wanted.path else read
            assert whole(name, member), f"{name} {member}"

"""The cache: nothing half-written stays, nothing broken is trusted, nothing is pickled."""

import io
import pickle
import threading
import zipfile

import numpy as np
import pytest
from packages import left_in

from illusionkit import cache
from illusionkit.errors import CacheError

MADE = {"unit": np.arange(30), "name": np.array(["ä", "三", ""]), "score": np.array([0.1, np.nan])}


@pytest.fixture
def counted(empty_cache):
    """A function that gets ``MADE`` through the cache, and the list of times it was made."""
    made = []

    def make():
        made.append(1)
        return MADE

    return lambda key="key": cache.arrays("kind", key, make), made


def same(found):
    return set(found) == set(MADE) and all(
        np.array_equal(found[name], MADE[name], equal_nan=name == "score") for name in MADE
    )


def stored():
    return cache.folder("kind") / "key.npz"


def test_arrays_are_made_once(counted):
    get, made = counted
    assert same(get())
    assert same(get())
    assert len(made) == 1
    assert left_in(cache.folder("kind")) == ["key.npz"]


def test_afresh_neither_reads_nor_stores(counted):
    get, made = counted
    assert same(get("one"))
    with cache.afresh("kind"):
        assert same(get("one"))
        assert same(get("two"))
    assert len(made) == 3
    assert left_in(cache.folder("kind")) == ["one.npz"]
    get("one")
    assert len(made) == 3


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_truncated_file_is_made_anew(counted, size):
    get, made = counted
    get()
    stored().write_bytes(stored().read_bytes()[:size])
    assert same(get())
    assert len(made) == 2
    assert same(get())
    assert len(made) == 2


def test_no_broken_byte_is_trusted_and_none_raises(counted):
    """Every byte of the file is damaged in turn."""
    get, _ = counted
    get()
    good = stored().read_bytes()
    for place in range(len(good)):
        broken = bytearray(good)
        broken[place] ^= 0xFF
        stored().write_bytes(broken)
        found = cache._load(stored(), "key")
        assert found is None or same(found), f"byte {place} of {len(good)}"


def test_an_array_lost_from_the_file_is_noticed(counted):
    get, made = counted
    get()
    with zipfile.ZipFile(stored()) as old:
        kept = {name: old.read(name) for name in old.namelist() if name != "unit.npy"}
    with zipfile.ZipFile(stored(), "w") as new:
        for name, content in kept.items():
            new.writestr(name, content)
    assert same(get())
    assert len(made) == 2


def test_a_file_written_under_another_key_is_made_anew(counted):
    get, made = counted
    get("k" * 40 + "one")
    get("k" * 40 + "two")  # falls on the same file name
    assert len(made) == 2


class Bomb:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle of the cache was opened",))


@pytest.mark.parametrize("form", ["pickle", "npy", "npz"])
def test_a_pickle_in_the_cache_is_never_opened(counted, form):
    get, made = counted
    get()
    buffer = io.BytesIO()
    bomb = np.array([Bomb()], dtype=object)
    key, names = np.array("key"), np.array(["unit"])
    if form == "pickle":
        pickle.dump(Bomb(), buffer)
    elif form == "npy":
        np.save(buffer, bomb, allow_pickle=True)
    else:
        np.savez(buffer, __key__=key, __names__=names, unit=bomb)
    stored().write_bytes(buffer.getvalue())
    assert same(get())
    assert len(made) == 2


def test_a_plain_array_in_place_of_the_file_is_made_anew(counted):
    get, _ = counted
    get()
    with stored().open("wb") as file:
        np.save(file, np.arange(3))
    assert same(get())


def test_texts_of_a_table_are_kept_without_pickle(empty_cache):
    def make():
        return {"group": np.array(["a", "bcd"], dtype=object)}

    cache.arrays("kind", "key", make)
    kept = cache.arrays("kind", "key", lambda: pytest.fail("made twice"))
    assert kept["group"].tolist() == ["a", "bcd"]
    assert not kept["group"].dtype.hasobject


def test_objects_are_refused_and_nothing_is_written(empty_cache):
    with pytest.raises(TypeError, match="'x' holds objects; the cache holds numbers and texts"):
        cache.arrays("kind", "key", lambda: {"x": np.array([{}], dtype=object)})
    assert left_in(empty_cache) == []


def test_two_at_once_make_once(empty_cache):
    made, ready = [], threading.Barrier(2)

    def make():
        made.append(1)
        return MADE

    def get():
        ready.wait()
        cache.arrays("kind", "key", make)

    workers = [threading.Thread(target=get) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 1


def test_a_read_only_cache_serves_what_it_holds(counted, monkeypatch):
    get, _ = counted
    get()

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "FileLock", refuse)
    assert same(get())
    with pytest.raises(CacheError, match="can't be written, or set ILLUSIONKIT_CACHE"):
        get("another")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(28, "the disk is full; free some space"), (30, "can't be written"), (13, "can't be written")],
)
def test_a_write_that_fails_leaves_nothing_and_the_next_run_repairs(
    counted, monkeypatch, number, reason
):
    get, _ = counted

    def half(file, **arrays):
        file.write(b"half")
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(cache.np, "savez_compressed", half)
        with pytest.raises(CacheError, match=f"{reason}.*set ILLUSIONKIT_CACHE.*Nothing that was"):
            get()
    assert left_in(cache.folder()) == []
    assert same(get())
    assert left_in(cache.folder()) == ["key.npz"]


def test_another_error_is_not_dressed_up(tmp_path):
    with pytest.raises(OSError, match="Input/output") as caught, cache.explained(tmp_path):
        raise OSError(5, "Input/output error")
    assert not isinstance(caught.value, CacheError)


def test_a_file_in_place_of_the_folder(tmp_path, monkeypatch):
    (tmp_path / "c").write_text("in the way")
    monkeypatch.setenv("ILLUSIONKIT_CACHE", str(tmp_path / "c"))
    for parts in ((), ("kind",)):
        with pytest.raises(CacheError, match="can't be written, or set ILLUSIONKIT_CACHE"):
            cache.folder(*parts)


def test_what_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), cache.replacing(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["a.csv"]


def test_a_digest_knows_where_a_part_ends():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")
    assert cache.digest("ab", b"c") == cache.digest(b"ab", "c")
    assert cache.digest("") != cache.digest()

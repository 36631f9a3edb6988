"""What the tests of the kit share: an empty cache, a local package index, counted runs."""

import pytest
from packages import Index


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """An empty cache folder of this test's own."""
    monkeypatch.setenv("ILLUSIONKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path, monkeypatch, empty_cache):
    """A local package index, the only one that pip asks, beside an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Index(folder, monkeypatch)


@pytest.fixture
def no_network(monkeypatch):
    """A pip that reaches nothing: its index refuses every connection."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "2")


@pytest.fixture
def run_log(tmp_path, monkeypatch):
    """The file in which `synthetic` notes every reading it runs."""
    monkeypatch.setenv("SYNTHETIC_LOG", str(tmp_path / "runs.txt"))
    return tmp_path / "runs.txt"

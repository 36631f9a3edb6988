"""What the tests of the kit share: caches, a local package index, counted runs, models, pins."""

import dataclasses
import os
import shutil
import subprocess

import numpy as np
import pytest
from packages import Index
from small_models import save_small

from illusionkit.data import archives
from illusionkit.models import encoders

USERS_CACHE = os.environ.get("ILLUSIONKIT_CACHE")


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


@pytest.fixture
def fresh_cache(empty_cache):
    """A cache of this test's own: it holds the fetched archives, and nothing made from them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("ILLUSIONKIT_CACHE")
        if USERS_CACHE:
            patched.setenv("ILLUSIONKIT_CACHE", USERS_CACHE)
        fetched = archives.fetch("minilm")
    (empty_cache / "archives").mkdir(parents=True)
    (empty_cache / "archives" / fetched.name).symlink_to(fetched)
    return empty_cache


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(asked, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def packaged():
    """The packaged encoder and its tokenizer; a test leaves them as they are."""
    return encoders.encoder()


@pytest.fixture(scope="session")
def tokenizer(packaged):
    """The tokenizer of the packaged encoder."""
    return packaged[1]


@pytest.fixture(scope="session")
def small(tmp_path_factory, tokenizer):
    """The folder of a small BERT, quick to train."""
    return save_small(tmp_path_factory.mktemp("small"), tokenizer)


@pytest.fixture(scope="session")
def still(tmp_path_factory, tokenizer):
    """The folder of a small BERT without dropout."""
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return save_small(tmp_path_factory.mktemp("still"), tokenizer, **none)


@pytest.fixture
def repin(monkeypatch):
    """Return a function that gives one member of the rated sentences another pinned hash."""

    def change(member):
        source = archives.source
        members = dict(source("vader").members)
        members[member] = dataclasses.replace(members[member], sha256="0" * 64)
        pinned = dataclasses.replace(source("vader"), members=members)
        monkeypatch.setattr(
            archives, "source", lambda name: pinned if name == "vader" else source(name)
        )

    return change


@pytest.fixture
def made_up_features(monkeypatch):
    """Features that tell a little of the class, so that no test waits for the encoder."""
    from illusionkit.data import corpora, tables
    from illusionkit.training import book_model

    label = {
        text: k
        for part in tables.PARTS
        for text, k in corpora.movie_reviews(part)[["text", "label"]].itertuples(index=False)
    }

    def features(texts):
        known = np.eye(len(corpora.CLASS_NAMES))[[label[text] for text in texts]]
        noise = np.random.default_rng(len(texts)).normal(size=(len(texts), 64))
        noise[:, 5] = 1e-33 * noise[:, 6]  # the encoder has features that hardly vary
        return np.hstack([noise[:, 5:], known + noise[:, :5]]).astype(np.float32)

    monkeypatch.setattr("illusionkit.models.encoding.features", features)
    book_model.units.cache_clear()
    yield
    book_model.units.cache_clear()

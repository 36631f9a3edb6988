"""Frozen features: what the encoder gives, kept on disk, and no broken file is trusted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from packages import left_in

from illusionkit import cache
from illusionkit.errors import DataError
from illusionkit.models import encoders, encoding
from illusionkit.models.encoding import encode

TEXTS = [
    "A film of rare beauty.",
    "Dull.",
    "The plot is thin, and what there is of it was seen many times before, with better actors.",
    "Dull.",
    "I laughed once.",
]
ODD = {
    "empty": "",
    "blank": " \n\t",
    "only emoji": "😀🎉🔥",
    "NUL": "\0\0",
    "long": "very " * 20_000,
    "one long word": "x" * 100_000,
    "hostile": "<script>alert(1)</script><img src=x onerror=alert(1)>\u2028&lt;",
    "special tokens": "[CLS] [SEP] [PAD] [MASK]",
    "right to left": "שלום\u202eabc",
    "Chinese": "这部电影很好看",
}


def one_by_one(texts, model, tokenizer):
    """Encode without batches, as one would write it down."""
    import torch

    found = []
    with torch.no_grad():
        for text in texts:
            inputs = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
            found.append(model(**inputs).last_hidden_state[0].mean(dim=0).numpy())
    return np.stack(found)


def test_features_are_the_mean_of_the_last_layer(packaged):
    found = encoding.features(TEXTS)
    assert found.shape == (len(TEXTS), 384)
    assert found.dtype == np.float32
    assert np.abs(found - one_by_one(TEXTS, *packaged)).max() < 1e-5
    assert np.array_equal(found[1], found[3])


def test_many_batches_give_what_one_text_gives(small, monkeypatch):
    model, tokenizer = encoders.encoder(str(small))
    monkeypatch.setattr(encoding, "MAX_TOKENS", 64)
    monkeypatch.setattr(encoding, "BATCH", 3)
    texts = [f"{'word ' * (n * 7 % 11)}{n}" for n in range(20)]
    assert (
        np.abs(encode(texts, model, tokenizer) - one_by_one(texts, model, tokenizer)).max() < 1e-5
    )


def test_an_odd_text_is_encoded_and_disturbs_no_other(packaged):
    found = encode([*TEXTS, *ODD.values()], *packaged)
    assert np.isfinite(found).all()
    assert np.abs(found[: len(TEXTS)] - one_by_one(TEXTS, *packaged)).max() < 1e-5
    alone = one_by_one(list(ODD.values()), *packaged)
    assert np.abs(found[len(TEXTS) :] - alone).max() < 1e-5


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "at least one text"),
        ([None], r"1 of 1 are no texts, the first one number 0 \(NoneType\)"),
        (["good", 3.5, 2], r"2 of 3 are no texts, the first one number 1 \(float\)"),
        ([b"bytes"], r"number 0 \(bytes\)"),
        (pd.Series(["good", None, pd.NA]), "2 of 3 are no texts"),
        (pd.DataFrame({"text": ["good"]}), "One column of texts is needed, not a table"),
        ("one text", "A list of at least one text is needed"),
        (["good", "half \ud83d"], "Text 1 holds half a character"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(empty_cache, texts, message):
    with pytest.raises(DataError, match=message):
        encoding.features(texts)
    assert not empty_cache.exists()


@pytest.fixture
def counted(small, empty_cache, monkeypatch):
    """A small encoder in place of the packaged one, and the number of texts of each batch."""
    batches = []
    monkeypatch.setattr(encoding, "MAX_TOKENS", 64)
    loaded = encoders.encoder(str(small))
    loaded[0].register_forward_pre_hook(
        lambda model, arguments, named: batches.append(len(named["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr(encoders, "encoder", lambda name: loaded)
    return batches


def stored():
    """Return the one file of features in the cache."""
    (name,) = left_in(cache.folder("features"))
    return cache.folder("features") / name


def test_texts_are_encoded_once(counted):
    first = encoding.features(TEXTS)
    assert counted == [len(TEXTS)]
    assert np.array_equal(encoding.features(tuple(TEXTS)), first)
    assert counted == [len(TEXTS)]
    assert first.shape == (len(TEXTS), 32)


def test_another_order_text_or_model_is_encoded_anew(counted, packaged, monkeypatch):
    import torch

    encoding.features(TEXTS)
    encoding.features(TEXTS[::-1])
    encoding.features([*TEXTS[:-1], "I laughed twice."])
    encoding.features(["".join(TEXTS)])
    assert len(counted) == 4
    with torch.no_grad():
        encoders.encoder("")[0].encoder.layer[1].output.dense.bias[0] += 1e-6
    encoding.features(TEXTS)
    assert len(counted) == 5
    encoding.features(TEXTS)
    assert len(counted) == 5


def test_the_vocabulary_is_part_of_the_key(small):
    model, tokenizer = encoders.encoder(str(small))
    before = encoding.fingerprint(model, tokenizer)
    assert encoding.fingerprint(*encoders.encoder(str(small))) == before
    tokenizer.add_tokens(["whodunnitish"])
    assert encoding.fingerprint(model, tokenizer) != before


def test_other_code_encodes_anew(counted, monkeypatch):
    encoding.features(TEXTS)
    monkeypatch.setattr(encoding, "code_hash", lambda *roots: "another way to encode")
    encoding.features(TEXTS)
    assert len(counted) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "pickle"])
def test_a_damaged_file_is_made_anew(counted, damage):
    first = encoding.features(TEXTS)
    content = bytearray(stored().read_bytes())
    content[len(content) // 2] ^= 0xFF
    spoilt = {"cut": content[:200], "empty": b"", "flipped": content, "pickle": b"\x80\x04N."}
    stored().write_bytes(spoilt[damage])
    assert np.array_equal(encoding.features(TEXTS), first)
    assert len(counted) == 2
    assert np.array_equal(encoding.features(TEXTS), first)
    assert len(counted) == 2


def test_the_file_of_another_model_is_not_trusted(counted):
    """What one model gave is put where another model's features belong."""
    first = encoding.features(TEXTS)
    foreign = {"__key__": "of another model", "__names__": ["features"], "features": first + 1}
    np.savez_compressed(stored(), **foreign)
    assert np.array_equal(encoding.features(TEXTS), first)
    assert len(counted) == 2


WORKER = """
import os, signal, sys, time
from types import SimpleNamespace
import numpy as np
from illusionkit import cache
from illusionkit.models import encoding, encoders

def encode(texts, model, tokenizer):
    with open(sys.argv[1], "a") as log:
        log.write("encoded\\n")
    time.sleep(0.5)
    return np.arange(6, dtype=np.float32).reshape(3, 2)

def die(file, **arrays):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

encoders.encoder = lambda name: (SimpleNamespace(device="meta"), None)
encoding.fingerprint = lambda model, tokenizer: "weights"
encoding.encode, encoding.code_hash = encode, lambda *roots: "code"
if sys.argv[2] == "die":
    cache.np.savez_compressed = die
print(encoding.features(["a", "b", "c"]).tolist())
"""
MADE = "[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]"


@pytest.fixture
def worker(tmp_path, empty_cache):
    """A function that starts a process which wants the same features as all others."""
    log = tmp_path / "log.txt"
    log.touch()

    def start(how="live"):
        command = [sys.executable, "-c", WORKER, str(log), how]
        environment = {**os.environ, "ILLUSIONKIT_CACHE": str(empty_cache)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    return start, lambda: len(Path(log).read_text().splitlines())


def test_two_processes_at_once_encode_once(worker):
    start, encoded = worker
    both = [start(), start()]
    assert [process.communicate()[0].strip() for process in both] == [MADE, MADE]
    assert encoded() == 1


def test_a_run_killed_while_it_writes_is_repaired_by_the_next(worker, empty_cache):
    start, encoded = worker
    killed = start("die")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    (half,) = left_in(empty_cache)
    assert half.startswith(".part-")
    assert start().communicate()[0].strip() == MADE
    assert encoded() == 2
    (whole,) = left_in(empty_cache)
    assert not whole.startswith(".")
    assert start().communicate()[0].strip() == MADE
    assert encoded() == 2

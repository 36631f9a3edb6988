"""The encoders: real, verified, the same every time; a broken folder is named, never run."""

import json
import pickle
import random
import shutil
import socket
import stat
import time

import numpy as np
import pytest
from packages import left_in
from small_models import same, save_small, weights

from illusionkit import cache
from illusionkit.data import archives
from illusionkit.errors import CacheError, ModelError
from illusionkit.models import encoders
from illusionkit.models.encoding import encode

NEAR = (
    ("The acting is superb.", "A wonderful performance by the whole cast."),
    ("The battery died after two days.", "It would not hold its charge."),
    ("Taxes should be lower.", "The government takes too much of our income."),
)


def test_the_packaged_encoder_is_a_real_bert(packaged):
    model, tokenizer = packaged
    assert type(model).__name__ == "BertModel"
    assert model.num_parameters() == 22_713_216
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (6, 384)
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings == 30_522
    assert not model.training
    assert str(model.device) == "cpu"
    assert {str(tensor.dtype) for tensor in model.parameters()} == {"torch.float32"}
    assert model.config._attn_implementation == "sdpa"


def test_what_means_the_same_lies_nearer_than_what_does_not(packaged):
    found = encode([text for pair in NEAR for text in pair], *packaged)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosine = unit @ unit.T
    pairs = [cosine[2 * i, 2 * i + 1] for i in range(len(NEAR))]
    rest = [cosine[i, j] for i in range(6) for j in range(6) if i // 2 != j // 2]
    assert min(pairs) > max(rest) + 0.1


def test_a_word_is_known_by_its_sense(packaged):
    texts = ["He sat on the river bank.", "She robbed the bank.", "The water's edge was muddy."]
    river, money, edge = encode(texts, *packaged)
    assert np.dot(river, edge) > np.dot(money, edge)


def test_every_load_gives_the_same(packaged):
    model, tokenizer = encoders.encoder()
    assert same(weights(model), weights(packaged[0]))
    assert tokenizer.get_vocab() == packaged[1].get_vocab()
    assert np.array_equal(encode(NEAR[0], model, tokenizer), encode(NEAR[0], *packaged))


def test_it_loads_without_any_network(fresh_cache, monkeypatch):
    def refuse(*arguments):
        pytest.fail("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    model, _ = encoders.encoder()
    assert model.num_parameters() == 22_713_216
    folder = fresh_cache / "models" / "minilm"
    assert left_in(folder) == sorted(encoders.FILES.values())
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o644 for name in left_in(folder))


def pinned(folder):
    """Tell of each file whether it holds the pinned bytes."""
    members = archives.source("minilm").members
    names = encoders.FILES.items()
    return [archives.holds(folder / name, members[key].sha256) for key, name in names]


@pytest.fixture
def unpacked(fresh_cache):
    """The packaged encoder's files as copies that a test may spoil."""
    return encoders.packaged_folder()


def test_a_file_that_was_changed_is_unpacked_anew(unpacked):
    for name in encoders.FILES.values():
        content = (unpacked / name).read_bytes()
        middle = len(content) // 2
        for spoilt in (content[:middle], b"", content[:middle] + b"?" + content[middle + 1 :]):
            (unpacked / name).write_bytes(spoilt)
            assert not all(pinned(unpacked))
            assert encoders.packaged_folder() == unpacked
            assert all(pinned(unpacked)), name
            if name == encoders.FILES["weights"]:
                break  # a second to unpack: once is enough
        (unpacked / name).unlink()
        encoders.packaged_folder()
        assert all(pinned(unpacked)), name
    assert left_in(unpacked) == sorted(encoders.FILES.values())


def test_what_a_killed_run_left_is_cleared_away(unpacked):
    half = unpacked / f"{cache.part(unpacked / 'config.json')}abc.json"
    half.write_text("half")
    (unpacked / "config.json").unlink()
    encoders.packaged_folder()
    assert left_in(unpacked) == sorted(encoders.FILES.values())


def test_a_disk_that_fills_leaves_nothing_half(unpacked, monkeypatch):
    (unpacked / "config.json").write_text("spoilt")

    def fill(path, content):
        path.open("wb").close()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(type(unpacked), "write_bytes", fill)
        with pytest.raises(CacheError, match="the disk is full; free some space"):
            encoders.packaged_folder()
    assert left_in(unpacked) == sorted(encoders.FILES.values())
    assert all(pinned(encoders.packaged_folder()))


def test_a_cache_that_can_only_be_read_serves(unpacked, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "FileLock", refuse)
    assert encoders.packaged_folder() == unpacked


@pytest.mark.parametrize("name", ["bert-base-cased", "no-such/model", "./nowhere", ""])
@pytest.mark.parametrize("load", [encoders.encoder, lambda name: encoders.classifier(2, name)])
def test_without_a_hub_the_message_says_what_to_do(name, load):
    with pytest.raises(ModelError) as caught:
        load(name)
    text = str(caught.value)
    assert text.startswith(f"'{name}' is no folder and could not be loaded from a model hub.")
    assert "use the packaged encoder (leave the name out)" in text
    assert "unset HF_HUB_OFFLINE and check the name" in text


def test_a_hub_that_can_not_be_reached_is_told_the_same_way(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # it asks six times
    with pytest.raises(ModelError, match=r"use the packaged encoder \(leave.*127\.0\.0\.1:9"):
        encoders.encoder("bert-base-cased")


@pytest.fixture
def hub(tmp_path, monkeypatch, small):
    """A hub's local copy that holds a small model as bert-base-cased, at two revisions."""
    from huggingface_hub import constants

    place = tmp_path / "hub" / "models--bert-base-cased"
    for revision in (encoders.REVISIONS["bert-base-cased"], "0" * 40):
        shutil.copytree(small, place / "snapshots" / revision)
    spoilt = place / "snapshots" / ("0" * 40) / "config.json"
    spoilt.write_text("the newest revision was loaded")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return place


def test_a_hub_name_loads_the_same_way_at_its_pinned_revision(hub, small):
    model, tokenizer = encoders.encoder("bert-base-cased")
    wanted, _ = encoders.encoder(str(small))
    assert same(weights(model), weights(wanted))
    assert len(tokenizer) == 30_522
    assert encoders.classifier(4, "bert-base-cased")[0].config.num_labels == 4


def test_a_revision_is_a_full_commit():
    assert all(len(name) == 40 and int(name, 16) for name in encoders.REVISIONS.values())


def drop(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:100_000])


def edit(**changed):
    def change(folder):
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))

    return change


def shorter_vocabulary(folder):
    file = folder / "tokenizer.json"
    table = json.loads(file.read_text(encoding="utf-8"))
    words = table["model"]["vocab"]
    table["model"]["vocab"] = {word: words[word] for word in words if words[word] < 28_996}
    file.write_text(json.dumps(table), encoding="utf-8")


def pickled(folder):
    """Leave weights in the old form only: a pickle, which can run code."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


class Bomb:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


SPOILT = {
    "no weights": (drop("model.safetensors"), "holds no complete model.*model.safetensors"),
    "weights in a pickle": (pickled, "holds no complete model.*model.safetensors"),
    "empty weights": (put("model.safetensors", b""), "holds no complete model.*undamaged"),
    "truncated weights": (cut("model.safetensors"), "holds no complete model.*undamaged"),
    "fewer layers": (
        edit(num_hidden_layers=3),
        "not complete: 16 are missing.*Get the model again",
    ),
    "smaller embeddings": (edit(vocab_size=1000), "holds no complete model"),
    "no configuration": (drop("config.json"), "holds no complete model.*config.json"),
    "broken configuration": (put("config.json", b"{"), "holds no complete model.*config.json"),
    "a list for configuration": (put("config.json", b"[]"), "holds no complete model"),
    "unknown kind": (edit(model_type="nonsense"), "holds no complete model"),
    "no vocabulary": (drop("tokenizer.json"), "has no vocabulary: tokenizer.json is missing"),
    "no tokenizer": (drop("tokenizer.json", "tokenizer_config.json"), "has no vocabulary"),
    "broken vocabulary": (put("tokenizer.json", b"{"), "holds no complete model"),
    "foreign vocabulary": (put("tokenizer.json", b'{"a": 1}'), "holds no complete model"),
    "smaller vocabulary": (shorter_vocabulary, "has 28996 words, but its model knows 30522"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_folder_that_is_no_whole_model_is_refused(small, tmp_path, name):
    spoil, message = SPOILT[name]
    folder = shutil.copytree(small, tmp_path / "model")
    spoil(folder)
    for load in (encoders.encoder, lambda place: encoders.classifier(2, place)):
        with pytest.raises(ModelError, match=message):
            load(str(folder))


def test_a_vocabulary_larger_than_the_model_is_refused(tmp_path, tokenizer):
    folder = save_small(tmp_path / "model", tokenizer, vocab_size=29_000)
    with pytest.raises(ModelError, match="has 30522 words, but its model knows 29000: they do not"):
        encoders.encoder(str(folder))


def test_embeddings_that_were_rounded_up_are_no_fault(tmp_path, tokenizer):
    folder = save_small(tmp_path / "model", tokenizer, vocab_size=30_528)
    assert encoders.encoder(str(folder))[0].get_input_embeddings().num_embeddings == 30_528


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"holds no complete model: it needs config\.json"):
        encoders.encoder(str(tmp_path))


def test_a_tuned_model_comes_back_with_its_head(small, tmp_path):
    model, tokenizer = encoders.classifier(3, str(small), seed=5)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, _ = encoders.tuned(tmp_path)
    assert same(weights(again), weights(model))
    assert not again.training


def test_a_loaded_model_does_not_change_with_its_file(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "model")
    model, _ = encoders.encoder(str(folder))
    before = weights(model)
    file = folder / "model.safetensors"
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.write(bytes(size))
    assert same(weights(model), before)


def test_a_tuned_model_without_its_head_is_refused(small):
    with pytest.raises(ModelError, match=r"2 are missing, the first is classifier\.bias"):
        encoders.tuned(small)


@pytest.mark.parametrize("changed", [{}, {"model_type": "spy"}])
def test_code_that_comes_with_a_model_is_never_run(small, tmp_path, changed):
    folder = shutil.copytree(small, tmp_path / "model")
    kinds = ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer")
    edit(auto_map={kind: "spy.Spy" for kind in kinds}, **changed)(folder)
    (folder / "spy.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Spy: pass\n")
    if changed:
        with pytest.raises(ModelError, match="custom code"):
            encoders.encoder(str(folder))
    else:
        assert type(encoders.encoder(str(folder))[0]).__module__.startswith("transformers.")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("number", [1, 0, -3])
def test_one_label_is_no_classifier(number):
    with pytest.raises(ModelError, match=f"at least 2 labels, not {number}"):
        encoders.classifier(number)


def test_the_head_is_drawn_from_the_seed_and_the_rest_is_the_encoder(packaged):
    first, again, other = (weights(encoders.classifier(5, seed=seed)[0]) for seed in (1, 1, 2))
    assert same(first, again)
    differ = {name for name in first if not first[name].equal(other[name])}
    assert differ == {"classifier.weight"}  # its bias starts at 0
    assert first["classifier.weight"].shape == (5, 384)
    for name, tensor in weights(packaged[0]).items():
        assert first[f"bert.{name}"].equal(tensor)


def test_the_callers_random_numbers_stay_as_they_are(small):
    import torch

    def state():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = state()
    encoders.classifier(3, str(small), seed=9)
    encoders.encoder(str(small))
    assert state() == before

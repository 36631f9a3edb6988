"""*The* fine-tuned model: trained once, the same ever after, and never half there."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packages import left_in
from small_models import same, weights

from illusionkit import cache
from illusionkit.data import corpora
from illusionkit.errors import CacheError, ModelError, TrainingError
from illusionkit.models import encoders
from illusionkit.training import batches, book_model
from illusionkit.training.batches import Settings, Split
from illusionkit.training.book_model import SEALED, SHARES, Spec, splits
from illusionkit.training.finetune import fit, probabilities

TINY = Settings(epochs=1, batch_size=16, learning_rate=1e-3, max_tokens=16)
TEXTS = [f"{'good' if n % 2 else 'bad'} film number {n}" for n in range(64)]
FEW = {
    "train": Split(TEXTS[:40], [n % 2 for n in range(40)]),
    "validation": Split(TEXTS[40:52], [n % 2 for n in range(12)]),
    "test": Split(TEXTS[52:], [n % 2 for n in range(12)]),
}


def few(corpus):
    return FEW


@pytest.fixture
def spec(small, empty_cache, monkeypatch):
    """What is trained in a second, in an empty cache."""
    monkeypatch.setitem(batches.BUDGETS, "tiny", TINY)
    monkeypatch.setattr(book_model, "splits", few)
    return Spec(name=str(small), budget="tiny")


@pytest.fixture
def trainings(spec, monkeypatch):
    """The settings of each training that was run."""
    noted = []
    train = book_model._train

    def note(spec, folder, key):
        noted.append(spec.settings)
        train(spec, folder, key)

    monkeypatch.setattr(book_model, "_train", note)
    return noted


def folder():
    (found,) = cache.folder("models").glob("finetuned-*[!k]")
    return found


def judged(found):
    return probabilities(found.model, found.tokenizer, FEW["test"].texts, TINY)


def test_it_is_trained_once_and_the_same_ever_after(spec, trainings):
    first = book_model.finetuned(spec)
    again = book_model.finetuned(spec)
    assert len(trainings) == 1
    assert same(weights(first.model), weights(again.model))
    assert np.array_equal(judged(first), judged(again))
    assert first.history.equals(again.history)
    assert first.origin == again.origin
    assert not first.model.training
    assert str(first.model.device) == "cpu"


def test_it_is_what_fit_makes_of_the_spec(spec):
    found = book_model.finetuned(spec)
    model, tokenizer = encoders.classifier(2, spec.name, seed=spec.seed)
    fitted = fit(model, tokenizer, FEW["train"], FEW["validation"], spec.settings)
    assert same(weights(found.model), weights(model))
    kept = ["epoch", "train_loss", "validation_loss", "validation_accuracy"]
    assert np.allclose(found.history[kept], fitted.history[kept], rtol=1e-12, atol=0)
    assert list(found.history) == list(fitted.history)
    assert found.origin["best_epoch"] == str(fitted.best_epoch)
    assert found.origin["precision"] == fitted.precision


def test_the_test_split_is_not_trained_on(spec, monkeypatch):
    untold = {**FEW, "test": None}
    monkeypatch.setitem(globals(), "FEW", untold)
    book_model.finetuned(spec)


def test_another_seed_or_budget_is_another_model(spec, trainings, monkeypatch):
    monkeypatch.setitem(batches.BUDGETS, "other", Settings(**{**vars(TINY), "epochs": 2}))
    specs = [
        spec,
        Spec(name=spec.name, budget="tiny", seed=1),
        Spec(name=spec.name, budget="other"),
    ]
    found = [weights(book_model.finetuned(one).model) for one in specs]
    assert len(trainings) == 3
    assert [settings.seed for settings in trainings] == [0, 1, 0]
    assert not any(same(found[i], found[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    for one in specs:
        book_model.finetuned(one)
    assert len(trainings) == 3


def test_other_code_trains_anew(spec, trainings, monkeypatch):
    book_model.finetuned(spec)
    monkeypatch.setattr(book_model, "code_hash", lambda *roots: "changed")
    book_model.finetuned(spec)
    assert len(trainings) == 2


def test_everything_that_is_read_is_sealed(spec):
    book_model.finetuned(spec)
    assert set(left_in(folder())) - {"origin.json"} == set(SEALED)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, "changed") for name in (*SEALED, "origin.json")),
        *((name, "cut") for name in ("model.safetensors", "origin.json")),
        *((name, "gone") for name in ("model.safetensors", "tokenizer.json", "origin.json")),
    ],
)
def test_a_damaged_folder_is_trained_anew(spec, trainings, name, damage):
    first = book_model.finetuned(spec)
    file = folder() / name
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[content.index(b'"key": "') + 8 if name == "origin.json" else -9] ^= 1
        file.write_bytes(content)
    again = book_model.finetuned(spec)
    assert len(trainings) == 2
    assert np.array_equal(judged(first), judged(again))
    book_model.finetuned(spec)
    assert len(trainings) == 2
    assert len(left_in(cache.folder("models"))) == len(SEALED) + 1


@pytest.mark.parametrize("seal", ["[]", "null", "{}", '{"key": 1, "weights": 2}', "\x00"])
def test_a_seal_that_says_nothing_is_no_seal(spec, trainings, seal):
    book_model.finetuned(spec)
    (folder() / "origin.json").write_text(seal)
    book_model.finetuned(spec)
    assert len(trainings) == 2


def test_a_file_in_place_of_the_folder(spec, trainings):
    book_model.finetuned(spec)
    place = folder()
    for file in place.iterdir():
        file.unlink()
    place.rmdir()
    place.write_text("in the way")
    with pytest.raises(CacheError, match="can't be written"):
        book_model.finetuned(spec)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_stops_half_way_leaves_nothing(spec, trainings, monkeypatch, error):
    def stop(*arguments, **named):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(book_model.json, "dumps", stop_at_the_seal(stop))
        with pytest.raises((CacheError, KeyboardInterrupt)):
            book_model.finetuned(spec)
    assert left_in(cache.folder("models")) == []
    assert [path for path in cache.folder("models").iterdir() if path.is_dir()] == []
    assert judged(book_model.finetuned(spec)).shape == (12, 2)


def stop_at_the_seal(stop):
    """Fail at the last file that is written, when all the others are there."""
    dumps = book_model.json.dumps
    return lambda table, **named: stop() if "weights" in table else dumps(table, **named)


def test_a_cache_that_can_only_be_read_serves(spec, monkeypatch):
    first = book_model.finetuned(spec)

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "FileLock", refuse)
    assert np.array_equal(judged(book_model.finetuned(spec)), judged(first))
    with pytest.raises(CacheError, match="can't be written, or set ILLUSIONKIT_CACHE"):
        book_model.finetuned(Spec(name=spec.name, budget="tiny", seed=1))


def test_another_user_of_the_machine_can_read_it(spec):
    book_model.finetuned(spec)
    assert folder().stat().st_mode & 0o777 == 0o755


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
import test_finetuned as t
from illusionkit.training import batches, book_model

train = book_model.fit
def fit(*arguments):
    with open(sys.argv[3], "a") as log:
        log.write("trained\\n")
    return train(*arguments)

batches.BUDGETS["tiny"], book_model.splits = t.TINY, t.few
book_model.fit, book_model.code_hash = fit, lambda *roots: "the same"
print(t.judged(book_model.finetuned(t.Spec(name=sys.argv[2], budget="tiny"))).tolist())
"""


def test_two_processes_at_once_train_once(small, empty_cache, tmp_path):
    log = tmp_path / "log.txt"
    environment = {**os.environ, "ILLUSIONKIT_CACHE": str(empty_cache)}
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WORKER, here, str(small), str(log)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    found = [process.communicate()[0] for process in both]
    assert found[0] == found[1] != ""
    assert log.read_text().splitlines() == ["trained"]


def test_what_a_killed_run_left_is_cleared_away(spec):
    book_model.finetuned(spec)
    half = cache.folder("models", f"{cache.part(folder())}xyz")
    (half / "model.safetensors").write_bytes(b"half")
    other = cache.folder("models", ".part-finetuned-another-xyz")  # its owner may be at work
    (folder() / "origin.json").unlink()
    book_model.finetuned(spec)
    assert not half.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (Spec(budget="huge"), TrainingError, "No budget is called 'huge': small, full"),
        (Spec(corpus="novels"), TrainingError, "No corpus is called 'novels'. There are: chinese"),
        (Spec(name="./nowhere"), ModelError, "is no folder and could not be loaded"),
        (Spec(seed=-1), TrainingError, "a seed from 0 on"),
    ],
)
def test_a_spec_that_can_not_be_is_refused(empty_cache, spec, error, message):
    with pytest.raises(error, match=message):
        book_model.finetuned(spec)
    assert left_in(empty_cache) == []


def test_the_settings_are_those_of_the_budget_with_the_seed():
    assert Spec(seed=7).settings == Settings(**{**vars(batches.BUDGETS["small"]), "seed": 7})
    assert Spec(budget="full").settings == batches.BUDGETS["full"]


@pytest.mark.parametrize(
    ("corpus", "within"),
    [("movie_reviews", 0.02), ("product_reviews", 0.1)],  # the latter have few and large units
)
def test_splits_share_no_unit_and_leave_no_row_out(corpus, within):
    table = corpora.CORPORA[corpus]()
    unit = dict(zip(table["text"], table["unit"], strict=True))
    found = splits(corpus)
    assert list(found) == list(SHARES) == ["train", "validation", "test"]
    units = [{unit[text] for text in split.texts} for split in found.values()]
    assert not units[0] & units[1] | units[0] & units[2] | units[1] & units[2]
    rows = sorted(row for s in found.values() for row in zip(s.texts, s.labels, strict=True))
    assert rows == sorted(zip(table["text"], table["label"], strict=True))
    for name, share in SHARES.items():
        assert len(found[name]) / len(table) == pytest.approx(share, abs=within)


def test_the_splits_of_the_book_stay_as_they_are():
    """The models and every measured number of chapter 5 rest on them."""
    sizes = {name: len(split) for name, split in splits().items()}
    assert sizes == {"train": 7742, "validation": 950, "test": 924}
    again = splits()
    assert all(again[name] == split for name, split in splits().items())


def test_a_row_never_moves_when_others_go(monkeypatch):
    whole = {text: name for name, split in splits().items() for text in split.texts}
    table = corpora.movie_reviews()
    half = table[table["unit"] % 2 == 0].sample(frac=1, random_state=0)
    monkeypatch.setitem(corpora.CORPORA, "movie_reviews", lambda: half)
    for name, split in splits().items():
        assert {whole[text] for text in split.texts} == {name}


def test_every_split_has_all_classes_in_like_shares():
    found = splits()
    shares = [np.bincount(split.labels, minlength=5) / len(split) for split in found.values()]
    assert min(share.min() for share in shares) > 0.05
    assert np.abs(shares[0] - shares[1]).max() < 0.03
    assert np.abs(shares[0] - shares[2]).max() < 0.03


def test_splits_of_no_corpus():
    with pytest.raises(TrainingError, match="No corpus is called 'novels'"):
        splits("novels")

"""Checkpoints: what is saved comes back, what is damaged is never trusted, and nothing is lost."""

import hashlib
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from illusionkit.errors import CacheError, TrainingError
from illusionkit.training.checkpoints import Checkpoints


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "made" / "for it"


@pytest.fixture
def held(folder):
    """The checkpoints of a training with the key "one", locked."""
    with Checkpoints(folder, "one") as checkpoints:
        yield checkpoints


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def three(checkpoints):
    """Save three steps; return the files that stay, the older first."""
    paths = [checkpoints.save(step, {"weights": torch.full((50,), step)}) for step in (10, 20, 30)]
    return paths[1:]


def disguise(folder, content, step=40):
    """Put bytes into the folder under the name that a checkpoint of these bytes has."""
    path = folder / f"step-{step:08d}-{hashlib.sha256(content).hexdigest()[:16]}.pt"
    path.write_bytes(content)
    return path


def newest_step(checkpoints):
    """Return the step of the newest checkpoint, which must be found without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = checkpoints.newest()
    return found and found["step"]


def flat(value):
    """Return a nested state as pairs of type and value that == compares."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {name: flat(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [flat(item) for item in value]
    return type(value), value


def test_a_state_comes_back_as_it_was(held, folder):
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {
        "weights": layer.state_dict(),
        "optimizer": optimizer.state_dict(),
        "torch": torch.get_rng_state(),
        "numpy": {"state": 2**127 + 1, "array": [2**32 - 1, 0]},
        "half": torch.tensor([1.5, float("nan")], dtype=torch.bfloat16)[:1],
        "history": [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": float("inf")}],
        "best": None,
        "texts": ["ä", ""],
        "pair": (1, [True, {}]),
        "none of it": [],
    }
    path = held.save(7, state)
    found = held.newest()
    assert found.pop("step") == 7
    assert flat(found) == flat(state)
    assert isinstance(found["weights"], OrderedDict)
    torch.set_rng_state(found["torch"])
    optimizer.load_state_dict(found["optimizer"])
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert files(folder) == [path.name] == [f"step-00000007-{digits}.pt"]


def test_a_new_process_finds_the_newest(folder):
    with Checkpoints(folder, "one") as checkpoints:
        assert checkpoints.newest() is None
        three(checkpoints)
    with Checkpoints(folder, "one") as checkpoints:
        assert newest_step(checkpoints) == 30


def test_only_the_newest_are_kept(folder):
    with Checkpoints(folder, "one", keep=3) as checkpoints:
        for step in range(1, 6):
            checkpoints.save(step, {"a": step})
        assert [name[:13] for name in files(folder)] == [f"step-{k:08d}" for k in (3, 4, 5)]
    with Checkpoints(folder, "one", keep=1) as checkpoints:
        last = checkpoints.save(123_456_789, {"a": 6})
        assert files(folder) == [last.name]
        assert newest_step(checkpoints) == 123_456_789


def test_at_least_one_is_kept(folder):
    with pytest.raises(TrainingError, match="At least 1 checkpoint"):
        Checkpoints(folder, "one", keep=0)


def test_a_step_saved_again_replaces_what_was_saved_before(held, folder):
    held.save(1, {"a": 0})
    held.save(2, {"a": 1})
    for value in range(5):
        held.save(2, {"a": value})
        assert held.newest() == {"step": 2, "a": value}
    assert [name[:13] for name in files(folder)] == ["step-00000001", "step-00000002"]


def test_equal_states_give_equal_files(held, folder):
    first = held.save(1, {"a": torch.ones(5)})
    content = first.read_bytes()
    assert held.save(1, {"a": torch.ones(5)}) == first
    assert first.read_bytes() == content
    assert files(folder) == [first.name]


def flipped(content):
    return content[:-200] + bytes([content[-200] ^ 1]) + content[-199:]


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "with a changed byte": flipped,
    "longer": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_the_one_before_a_damaged_one_is_used(held, folder, how):
    before, newest = three(held)
    content = DAMAGE[how](newest.read_bytes())
    newest.write_bytes(content)
    told = f"The checkpoint {newest.name} in {folder} is damaged.*the one before it is used"
    with pytest.warns(UserWarning, match=told):
        found = held.newest()
    assert found["step"] == 20
    assert found["weights"].equal(torch.full((50,), 20))
    assert files(folder) == sorted([before.name, f"{newest.name}.damaged"])
    assert (folder / f"{newest.name}.damaged").read_bytes() == content
    assert newest_step(held) == 20


def saved(value):
    """Return the bytes that `torch.save` makes of a value."""
    from io import BytesIO

    torch.save(value, buffer := BytesIO())
    return buffer.getvalue()


QUIET = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


@QUIET
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"PK\x03\x04 no archive",
        pickle.dumps({"key": "one", "step": 40}),
        saved([1, 2]),
        saved({"step": 40}),
        saved({"key": "one"}),
        saved({"key": "one", "step": 40, "a": np.float64(1)}),
    ],
    ids=range(8),
)
def test_what_only_bears_the_name_of_a_checkpoint_is_damaged(held, folder, content):
    three(held)
    fake = disguise(folder, content)
    with pytest.warns(UserWarning, match=fake.name):
        assert held.newest()["step"] == 30
    assert (folder / f"{fake.name}.damaged").read_bytes() == content


class Malicious:
    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@QUIET
@pytest.mark.parametrize("dump", [saved, pickle.dumps])
def test_code_in_a_file_is_not_run(held, folder, tmp_path, dump):
    three(held)
    place = tmp_path / "executed"
    content = dump({"key": "one", "step": 40, "a": Malicious(place)})
    assert b"mkdir" in content
    fake = disguise(folder, content)
    with pytest.warns(UserWarning, match=fake.name):
        assert held.newest()["step"] == 30
    assert not place.exists()
    torch.load(folder / f"{fake.name}.damaged", weights_only=False) if dump is saved else (
        pickle.loads(content)
    )
    assert place.exists(), "the file was harmless, the test shows nothing"


def test_without_a_whole_one_training_begins_anew_and_the_files_are_kept(held, folder):
    paths = three(held)
    for path in paths:
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged") as told:
        assert held.newest() is None
    assert len(told) == 2
    assert files(folder) == sorted(f"{path.name}.damaged" for path in paths)
    path = held.save(1, {"a": 1})
    assert held.newest() == {"step": 1, "a": 1}
    assert files(folder) == sorted([path.name, *(f"{path.name}.damaged" for path in paths)])


def contents(folder):
    return {name: (folder / name).read_bytes() for name in files(folder)}


@pytest.mark.parametrize("ask", [lambda it: it.newest(), lambda it: it.save(99, {"a": 1})])
def test_the_checkpoints_of_another_training_are_left_alone(folder, ask):
    with Checkpoints(folder, "one") as checkpoints:
        three(checkpoints)
    before = contents(folder)
    told = f"The folder {folder} holds checkpoints of another training.*name another folder, or"
    with (
        Checkpoints(folder, "two") as others,
        pytest.raises(TrainingError, match=f"{told} empty this one"),
    ):
        ask(others)
    assert contents(folder) == before
    with Checkpoints(folder, "one") as checkpoints:
        assert newest_step(checkpoints) == 30


HOLD = """
import sys
from pathlib import Path
from illusionkit.training.checkpoints import Checkpoints
with Checkpoints(Path(sys.argv[1]), "one") as checkpoints:
    checkpoints.save(5, {"a": 1})
    (Path(sys.argv[1]) / ".part-step-half").write_bytes(b"half")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_to_wait_and_a_killed_one_lets_go(folder):
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        try:
            assert first.stdout.readline() == b"held\n"
            before = contents(folder)
            told = f"Another training writes to {re.escape(str(folder))}: wait for it or name"
            with pytest.raises(TrainingError, match=told), Checkpoints(folder, "one"):
                pytest.fail("two trainings hold one folder")
            assert contents(folder) == before
        finally:
            first.kill()
    assert first.returncode == -signal.SIGKILL
    assert ".part-step-half" in before
    with Checkpoints(folder, "one") as checkpoints:
        assert newest_step(checkpoints) == 5
        assert len(files(folder)) == 1, "what the killed process left half-written stays"


def test_a_second_training_of_one_process_is_told_as_well(held, folder):
    with pytest.raises(TrainingError, match="Another training"), Checkpoints(folder, "one"):
        pytest.fail("two trainings hold one folder")


def test_an_error_inside_the_block_lets_the_folder_go(folder):
    with pytest.raises(KeyboardInterrupt), Checkpoints(folder, "one") as checkpoints:
        checkpoints.save(1, {"a": 1})
        raise KeyboardInterrupt
    with Checkpoints(folder, "one") as checkpoints:
        assert newest_step(checkpoints) == 1


def test_other_files_of_the_folder_are_left_alone(folder):
    folder.mkdir(parents=True)
    others = ["notes.txt", "step-1.pt", "step-00000001-0123456789abcdeg.pt", ".part-other"]
    for name in others:
        (folder / name).write_bytes(b"mine")
    with Checkpoints(folder, "one", keep=1) as checkpoints:
        assert checkpoints.newest() is None
        three(checkpoints)
    assert set(others) < set(files(folder))
    assert len(files(folder)) == len(others) + 1


UNREADABLE = {
    "a function": (lambda: 0, r"state\['a'\] is a builtins.function"),
    "a numpy number": (np.float64(1), r"state\['a'\] is a numpy.float64"),
    "deep inside": ([0, {"b": (1, {2})}], r"state\['a'\]\[1\]\['b'\]\[1\] is a builtins.set"),
    "a name": ({np.int64(1): 1}, r"a name in state\['a'\] is a numpy.int64"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_state_that_could_not_be_read_again_is_not_saved(held, folder, what):
    value, told = UNREADABLE[what]
    three(held)
    before = contents(folder)
    with pytest.raises(TypeError, match=told):
        held.save(40, {"a": value})
    assert contents(folder) == before
    assert newest_step(held) == 30


class Unsaveable(torch.Tensor):
    def __reduce_ex__(self, protocol):
        raise RuntimeError("no way to save this")


def test_a_save_that_fails_halfway_leaves_no_file(held, folder):
    three(held)
    before = contents(folder)
    with pytest.raises(RuntimeError, match="no way to save this"):
        held.save(40, {"a": torch.ones(9), "b": torch.ones(9).as_subclass(Unsaveable)})
    assert contents(folder) == before
    assert newest_step(held) == 30


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    for place in ("file", "file/below"):
        with (
            pytest.raises(CacheError, match="can't be written"),
            Checkpoints(tmp_path / place, "one"),
        ):
            pytest.fail("there is no folder")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_folder_that_became_read_only(folder):
    with Checkpoints(folder, "one") as checkpoints:
        three(checkpoints)
        before = contents(folder)
        folder.chmod(0o500)
        try:
            if os.access(folder, os.W_OK):
                pytest.skip("this user may write everywhere")
            with pytest.raises(CacheError, match="can't be written"):
                checkpoints.save(40, {"a": 1})
        finally:
            folder.chmod(0o700)
        assert contents(folder) == before


def test_a_disk_that_is_full(small_disk):
    """Both where one tensor is too large, and where the last bytes are."""
    with Checkpoints(small_disk, "one") as checkpoints:
        three(checkpoints)
        before = contents(small_disk)
        room = shutil.disk_usage(small_disk).free
        for size in (room, 2 * room, room - 500):
            with pytest.raises(CacheError, match="the disk is full; free some space"):
                checkpoints.save(40, {"a": torch.zeros(size, dtype=torch.uint8)})
            assert contents(small_disk) == before
        assert newest_step(checkpoints) == 30
        checkpoints.save(40, {"a": torch.zeros(9)})
        assert newest_step(checkpoints) == 40


def test_a_disk_that_became_read_only(small_disk):
    with Checkpoints(small_disk, "one") as checkpoints:
        three(checkpoints)
    before = contents(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(CacheError, match="can't be written"), Checkpoints(small_disk, "one"):
        pytest.fail("there is no lock")
    assert contents(small_disk) == before


def test_a_write_that_fails_for_another_reason_is_told_as_it_is(held, folder):
    """Here a limit of the file's size; torch alone would tell of a broken archive."""
    three(held)
    before = contents(folder)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            held.save(40, {"a": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert contents(folder) == before
    assert newest_step(held) == 30


SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import torch
from illusionkit.training.checkpoints import Checkpoints
with Checkpoints(Path(sys.argv[1]), "one") as checkpoints:
    checkpoints.save(5, {"a": torch.zeros(25_000_000)})
    torch.load  # loaded before memory is short
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000,) * 2)
    try:
        checkpoints.newest()
    except (MemoryError, RuntimeError) as error:
        print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux only")
def test_want_of_memory_is_no_damage(folder):
    """100 MB are read, and there is no room for the tensor of 100 MB."""
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "can't allocate memory" in told
    (name,) = files(folder)
    assert name.startswith("step-00000005-") and name.endswith(".pt")

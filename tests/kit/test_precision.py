"""Device and precision: what is chosen for which machine, what is refused, and the reasons."""

import itertools

import pytest

from illusionkit.errors import TrainingError
from illusionkit.models import precision
from illusionkit.models.precision import Choice, choose

BF16, FP16 = "bf16: the GPU has it", "fp16 with loss scaling: the GPU has no bf16"
NO_GPU, APPLE = "fp32: no GPU was found", "fp32: Apple's GPU trains in it"


@pytest.fixture
def machine(monkeypatch):
    """Return a function that makes this machine look like another."""
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)

    def pretend(cuda=False, cuda_bf16=False, mps=False, cpu_bf16=False):
        monkeypatch.setattr(precision, "has_cuda", lambda: cuda)
        monkeypatch.setattr(precision, "cuda_has_bf16", lambda: cuda_bf16)
        monkeypatch.setattr(precision, "has_mps", lambda: mps)
        monkeypatch.setattr(precision, "cpu_has_bf16", lambda: cpu_bf16)

    return pretend


def chosen(wanted):
    """Return (device, mixed) that is chosen, or None where it is refused."""
    try:
        choice = choose(wanted)
    except TrainingError:
        return None
    return choice.device, choice.mixed


@pytest.mark.parametrize(
    ("cuda", "cuda_bf16", "mps", "cpu_bf16"), list(itertools.product([False, True], repeat=4))
)
def test_the_whole_table(machine, cuda, cuda_bf16, mps, cpu_bf16):
    machine(cuda, cuda_bf16, mps, cpu_bf16)
    found = {wanted: chosen(wanted) for wanted in precision.WANTED}
    if cuda:
        assert found == {
            "auto": ("cuda", "bf16" if cuda_bf16 else "fp16"),
            "fp32": ("cuda", "no"),
            "bf16": ("cuda", "bf16") if cuda_bf16 else None,
            "fp16": ("cuda", "fp16"),
        }
    elif mps:
        wanted = ("mps", "no")
        assert found == {"auto": wanted, "fp32": wanted, "bf16": None, "fp16": None}
    else:
        bf16 = ("cpu", "bf16") if cpu_bf16 else None
        assert found == {"auto": ("cpu", "no"), "fp32": ("cpu", "no"), "bf16": bf16, "fp16": None}


@pytest.mark.parametrize(
    ("facts", "choice"),
    [
        ({"cuda": True, "cuda_bf16": True}, Choice("cuda", "bf16", BF16)),
        ({"cuda": True}, Choice("cuda", "fp16", FP16)),
        ({"mps": True}, Choice("mps", "no", APPLE)),
        ({}, Choice("cpu", "no", NO_GPU)),
        ({"cpu_bf16": True}, Choice("cpu", "no", NO_GPU)),
    ],
)
def test_the_reasons(machine, facts, choice):
    machine(**facts)
    assert choose() == choose("auto") == choice


@pytest.mark.parametrize("wanted", ["fp32", "fp16"])
def test_what_is_asked_for_is_given_as_the_reason(machine, wanted):
    machine(cuda=True, cuda_bf16=True)
    assert choose(wanted).reason == f"{wanted}: the settings ask for it"


@pytest.mark.parametrize(
    ("facts", "wanted", "message"),
    [
        ({}, "bf16", r"No bf16 .*CPU has no instructions for it.* Ask for fp32, or for auto\."),
        ({"cuda": True}, "bf16", r"this GPU has no bf16\. Ask for fp16, or for auto\."),
        ({"mps": True, "cpu_bf16": True}, "bf16", r"can't tell whether an Apple GPU has it"),
        ({"cpu_bf16": True}, "fp16", r"No fp16 .*needs a scaled loss, and that a CUDA GPU"),
        ({"mps": True}, "fp16", r"needs a scaled loss.* Ask for fp32"),
        ({}, "fp8", r"one of auto, fp32, bf16, fp16, not 'fp8'"),
        ({}, "", r"one of auto, fp32, bf16, fp16, not ''"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(machine, facts, wanted, message):
    machine(**facts)
    with pytest.raises(TrainingError, match=message):
        choose(wanted)


@pytest.mark.parametrize("flag", ["true", "1", "yes"])
@pytest.mark.parametrize("gpu", ["cuda", "mps"])
def test_the_environment_can_ask_for_the_cpu(machine, monkeypatch, flag, gpu):
    machine(**{gpu: True}, cuda_bf16=True)
    assert choose().device == gpu
    monkeypatch.setenv("ACCELERATE_USE_CPU", flag)
    assert choose() == Choice("cpu", "no", "fp32: ACCELERATE_USE_CPU asks for the CPU")
    with pytest.raises(TrainingError, match="this CPU has no instructions"):
        choose("bf16")
    machine()
    assert choose().reason == NO_GPU
    monkeypatch.setenv("ACCELERATE_USE_CPU", "false")
    machine(**{gpu: True})
    assert choose().device == gpu


@pytest.mark.parametrize(("real", "wanted"), [(True, "bf16"), (False, "fp16")])
def test_an_imitated_bf16_does_not_count(monkeypatch, real, wanted):
    """PyTorch says yes for an old GPU too, unless it is asked to leave emulation out."""
    import torch

    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: including_emulation or real,
    )
    assert choose().mixed == wanted


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("processor : 0\nflags\t\t: fpu avx512_bf16 clzero\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd i8mm bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f amx_tile\n", False),
        ("Features\t: fp asimd\nmodel name : bf16\n", False),
        ("", False),
    ],
)
def test_without_a_word_from_torch_the_kernel_is_asked(monkeypatch, tmp_path, text, has):
    import torch

    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "cpuinfo")
    assert precision.cpu_has_bf16() is has
    monkeypatch.setattr(precision, "CPU_INFO", tmp_path / "nothing")
    assert precision.cpu_has_bf16() is False


def test_this_machine_trains_in_what_is_chosen():
    """Torch and the kernel agree about bf16, and a step in each allowed precision works."""
    import torch

    by_torch = precision.cpu_has_bf16()
    if precision.CPU_INFO.exists():
        with pytest.MonkeyPatch.context() as patched:
            patched.delattr(torch.cpu, "get_capabilities", raising=False)
            assert precision.cpu_has_bf16() is by_torch
    for wanted in precision.WANTED:
        if chosen(wanted) is None:
            continue
        choice = choose(wanted)
        layer = torch.nn.Linear(4, 4, device=choice.device)
        dtypes = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
        with torch.autocast(choice.device, dtypes[choice.mixed], enabled=choice.mixed != "no"):
            out = layer(torch.ones(2, 4, device=choice.device))
        assert out.dtype == dtypes[choice.mixed]
        out.float().sum().backward()
        assert layer.weight.grad.isfinite().all()

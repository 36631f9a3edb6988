"""Device and precision of a training: one decision, and the reason for it in words.

Numbers of 16 bits make a GPU faster. bf16 has the range of fp32 and needs nothing more; fp16 has
a small range, and needs its loss scaled so that small gradients are not lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from illusionkit.errors import TrainingError

WANTED = ("auto", "fp32", "bf16", "fp16")
CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Choice:
    """Where a training runs, and how exactly it counts.

    ``device`` is "cuda", "mps" or "cpu"; ``mixed`` is what Accelerate calls ``mixed_precision``:
    "no", "bf16" or "fp16"; ``reason`` is for people.
    """

    device: str
    mixed: str
    reason: str


def choose(wanted: str = "auto") -> Choice:
    """Return device and precision for ``wanted``: auto, fp32, bf16 or fp16.

    A GPU is used where there is one, unless ``ACCELERATE_USE_CPU`` is true in the environment. In
    16 bits trains, by itself, only a CUDA GPU: bf16 where the GPU has it, fp16 otherwise.

    Raises
    ------
    TrainingError
        The name is unknown, or the device can't train in that precision.
    """
    if wanted not in WANTED:
        raise TrainingError(f"The precision is one of {', '.join(WANTED)}, not {wanted!r}.")
    device = _device()
    if wanted == "auto":
        return _automatic(device)
    if wanted != "fp32":
        _require(wanted, device)
    mixed = "no" if wanted == "fp32" else wanted
    return Choice(device, mixed, f"{wanted}: the settings ask for it")


def has_cuda() -> bool:
    """Tell whether a CUDA GPU can be used."""
    import torch

    return torch.cuda.is_available()


def cuda_has_bf16() -> bool:
    """Tell whether the CUDA GPU has bf16 itself; an old one would be slow at imitating it."""
    import torch

    return torch.cuda.is_bf16_supported(including_emulation=False)


def has_mps() -> bool:
    """Tell whether an Apple GPU can be used."""
    import torch

    return torch.backends.mps.is_available()


def cpu_has_bf16() -> bool:
    """Tell whether the CPU has instructions for bf16: AVX512_BF16, AMX_BF16 or those of ARM.

    Older releases of PyTorch do not say it; there the list of the Linux kernel is read.
    """
    import torch

    names = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}
    if hasattr(torch.cpu, "get_capabilities"):
        known = torch.cpu.get_capabilities()
        return any(bool(known.get(name)) for name in names)
    try:
        text = CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    listed = re.findall(r"^(?:flags|Features)\s*:(.*)$", text, flags=re.MULTILINE)
    return any(
        {"avx512_bf16", "amx_bf16", "bf16", "svebf16"} & {*flags.split()} for flags in listed
    )


def wants_cpu() -> bool:
    """Tell whether the environment asks for the CPU, read as Accelerate reads it."""
    from accelerate.utils import parse_flag_from_env

    return bool(parse_flag_from_env("ACCELERATE_USE_CPU"))


def _device() -> str:
    if wants_cpu():
        return "cpu"
    if has_cuda():
        return "cuda"
    return "mps" if has_mps() else "cpu"


def _automatic(device: str) -> Choice:
    """Return the precision that suits the device."""
    if device == "cuda":
        if cuda_has_bf16():
            return Choice(device, "bf16", "bf16: the GPU has it")
        return Choice(device, "fp16", "fp16 with loss scaling: the GPU has no bf16")
    if device == "mps":
        return Choice(device, "no", "fp32: Apple's GPU trains in it")
    if has_cuda() or has_mps():
        return Choice(device, "no", "fp32: ACCELERATE_USE_CPU asks for the CPU")
    return Choice(device, "no", "fp32: no GPU was found")


def _require(wanted: str, device: str) -> None:
    """Raise `TrainingError` unless the device can train in bf16 or fp16, whichever is wanted.

    PyTorch takes bf16 on any Apple GPU, but can't tell whether the GPU has it or imitates it.
    """
    why, instead = "", "fp32"
    if wanted == "fp16" and device != "cuda":
        why = "it needs a scaled loss, and that a CUDA GPU"
    elif device == "cuda" and wanted == "bf16" and not cuda_has_bf16():
        why, instead = "this GPU has no bf16", "fp16"
    elif device == "mps":
        why = "PyTorch can't tell whether an Apple GPU has it"
    elif device == "cpu" and not cpu_has_bf16():
        why = "this CPU has no instructions for it, and would be slow at imitating it"
    if why:
        raise TrainingError(f"No {wanted} on this machine: {why}. Ask for {instead}, or for auto.")

"""Faster layers for training on a CPU: the same computation in less time.

`use_fast_layers` gives a model's layers faster ways to compute while a block runs: products by
oneDNN, dropout from 16 random bits a decision, attention with dropout but without PyTorch's slow
path. Parameters, their names and the modules stay what they are.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAME = "illusionkit"  # of the attention, among those of transformers
LEVELS = 2**16  # a decision takes 16 random bits
LARGE = 2**30  # bytes; smaller blocks of memory are kept for the next tensor
TRIM, MAPPED = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h


@contextmanager
def use_fast_layers(model: torch.nn.Module, device: torch.device | str) -> Iterator[None]:
    """Make ``model`` compute faster inside the block, if ``device`` is a CPU.

    Layers (`nn.Linear`, `nn.Dropout`) and attention compute the same as before, to the rounding of
    fp32; dropout draws other numbers from the same global generator, so a seed fixes them. After
    the block, or an error in it, the model computes as it did. Blocks may be nested. On any other
    device nothing changes. No second derivatives inside; do not copy the model inside.
    """
    import torch

    if torch.device(device).type != "cpu":
        yield
    else:
        keep_memory()
        with _layers(model), _attention(model):
            yield


def dropout(x: torch.Tensor, p: float) -> torch.Tensor:
    """Return ``x`` with each number set to 0 with probability ``p``, the others scaled up.

    ``p`` (from 0, below 1) is rounded to a multiple of 1/65536, and what is kept is scaled by
    1 / (1 - p rounded), so that the expectation is ``x``. Any floating dtype and shape.
    """
    if round(p * LEVELS) == 0:
        return x
    return _dropout_function().apply(x, *keep(x.shape, p))


def keep(shape: tuple[int, ...], p: float) -> tuple[torch.Tensor, float]:
    """Return which numbers dropout keeps (uint8, 1 where kept), and the scale of those.

    Four decisions come from one 64-bit number of the global generator, each from 16 bits of it.
    """
    import torch

    dropped = round(p * LEVELS)
    kept = torch.empty(shape, dtype=torch.uint8)
    drawn = torch.empty((kept.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    torch.ge(drawn.view(torch.int16)[: kept.numel()].view(shape), dropped - LEVELS // 2, out=kept)
    return kept, LEVELS / (LEVELS - dropped)


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return ``x`` times ``weight`` transposed, plus ``bias``; by oneDNN where it is faster.

    Shapes (..., inputs), (outputs, inputs), (outputs,), result (..., outputs). That is fp32 on a
    CPU outside of autocast; anything else goes to `torch.nn.functional.linear`.
    """
    import torch

    tensors = [x, weight] if bias is None else [x, weight, bias]
    other = any(t.dtype != torch.float32 or t.device.type != "cpu" for t in tensors)
    if other or _product() is None or x.numel() == 0 or torch.is_autocast_enabled("cpu"):
        return torch.nn.functional.linear(x, weight, bias)
    return _linear_function().apply(x, weight, bias)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Return attention's output, (rows, tokens, heads, width of a head), for transformers.

    Query, key and value are (rows, heads, tokens, width). The mask broadcasts to (rows, heads,
    tokens, tokens): bool, true where attended to, or floating and added to the scores. What is
    not plain attention with dropout goes to the "sdpa" attention of transformers.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    special = (
        (causal and attention_mask is None and query.shape[2] > 1)
        or getattr(module, "num_key_value_groups", 1) > 1
        or (attention_mask is not None and attention_mask.requires_grad)
        or any(more.get(name) is not None for name in ("position_bias", "softcap"))
    )
    unlike = query.shape[:2] != key.shape[:2] or query.device.type != "cpu"
    if special or unlike or not 0 < round(dropout * LEVELS) < LEVELS:
        more |= {"dropout": dropout, "scaling": scaling, "is_causal": is_causal}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    added = None if attention_mask is None else _added(attention_mask, query.dtype)
    return _attention_function().apply(query, key, value, added, dropout, scale), None


def keep_memory() -> None:
    """Let the C library keep the memory of freed tensors for the next ones (Linux with glibc).

    Otherwise it goes back to the system, which clears each page anew. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            set_option = ctypes.CDLL("libc.so.6").mallopt
            if not set_option(MAPPED, LARGE):
                set_option(MAPPED, 2**25)  # the most that older versions take
            set_option(TRIM, LARGE)


@contextmanager
def _layers(model: torch.nn.Module) -> Iterator[None]:
    """Give layers of exactly these types a faster ``forward``, and take it away again."""
    from torch import nn

    fast = {nn.Linear: _linear_layer, nn.Dropout: _dropout_layer}
    modules = [m for m in model.modules() if type(m) in fast and "forward" not in vars(m)]
    try:
        for module in modules:
            module.forward = functools.partial(fast[type(module)], module)
        yield
    finally:
        for module in modules:
            vars(module).pop("forward", None)


def _linear_layer(module: Any, x: torch.Tensor) -> torch.Tensor:
    return linear(x, module.weight, module.bias)


def _dropout_layer(module: Any, x: torch.Tensor) -> torch.Tensor:
    usual = module.inplace or not x.is_floating_point() or x.device.type != "cpu"
    if usual or not module.training or not 0 < round(module.p * LEVELS) < LEVELS:
        return type(module).forward(module, x)
    return dropout(x, module.p)


@contextmanager
def _attention(model: torch.nn.Module) -> Iterator[None]:
    """Let the configurations that the model's modules hold name `attend`, and change them back."""
    configs = _configs(model) if _registered() else []
    before = [config._attn_implementation_internal for config in configs]
    try:
        for config in configs:
            config._attn_implementation_internal = NAME  # the public one changes others too
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation_internal = name


def _registered() -> bool:
    """Make `attend` known to transformers; tell whether this version can take it."""
    try:
        from transformers import AttentionInterface
        from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
    except ImportError:
        return False
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return True


def _configs(model: torch.nn.Module) -> list[Any]:
    """Return the configurations whose attention may be changed, each once."""
    whole = [m for m in model.modules() if hasattr(m, "_supports_attention_backend")]
    if not all(m._supports_attention_backend for m in whole):
        return []
    held = {id(c): c for m in model.modules() if (c := getattr(m, "config", None)) is not None}
    hidden = [c for c in held.values() if not getattr(c, "output_attentions", False)]
    name = "_attn_implementation_internal"
    return [c for c in hidden if getattr(c, name, None) in ("sdpa", "eager")]


def _added(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a mask as numbers to add to the scores, none of them infinite in ``dtype``."""
    import torch

    least = torch.finfo(dtype).min
    if mask.dtype == torch.bool:
        return torch.zeros(mask.shape, dtype=dtype).masked_fill_(~mask, least)
    return mask.to(dtype).clamp(min=least)


@functools.cache
def _product() -> Callable[..., torch.Tensor] | None:
    """Return a function of (x, weight, bias) like `linear`, by oneDNN, or None without it."""
    import torch

    known: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    usable = known is not None and torch.backends.mkldnn.is_available()
    return (lambda x, weight, bias: known(x, weight, bias, "none", [], "")) if usable else None


@functools.cache
def _linear_function() -> Any:
    import torch
    from torch.autograd.function import once_differentiable

    product: Any = _product()

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, bias: Any) -> Any:
            x = x.contiguous()  # oneDNN is slow with gaps: where x is one token of each row, say
            ctx.save_for_backward(x, weight)
            return product(x, weight, bias)

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            x, weight = ctx.saved_tensors
            rows, inputs = (t.reshape(-1, t.shape[-1]).contiguous() for t in (grad, x))
            wanted, of_weight = ctx.needs_input_grad, None
            of_x = product(rows, weight.t(), None).view(x.shape) if wanted[0] else None
            if wanted[1]:
                if weight.shape[0] > weight.shape[1]:  # the first factor is copied: the smaller
                    of_weight = product(inputs.t(), rows.t(), None).t()
                else:
                    of_weight = product(rows.t(), inputs.t(), None)
            return of_x, of_weight, rows.sum(0) if wanted[2] else None

    return Linear


@functools.cache
def _dropout_function() -> Any:
    import torch
    from torch.autograd.function import once_differentiable

    class Dropout(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, kept: Any, scale: float) -> Any:
            ctx.save_for_backward(kept)
            ctx.scale = scale
            return (x * kept).mul_(scale)

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            return (grad * ctx.saved_tensors[0]).mul_(ctx.scale), None, None

    return Dropout


@functools.cache
def _attention_function() -> Any:
    import torch
    from torch.autograd.function import once_differentiable

    class Attention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Any, k: Any, v: Any, added: Any, p: float, scale: float) -> Any:
            shape = q.shape
            q, k, v = (q * scale).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
            wide = torch.promote_types(q.dtype, torch.float32)  # softmax is slow in 16 bits
            scores = q.bmm(k.transpose(1, 2)).view(*shape[:3], -1).to(wide)
            chances = (scores if added is None else scores.add_(added)).softmax(-1).flatten(0, 1)
            kept, grown = keep(chances.shape, p)
            used = (chances * kept).mul_(grown).to(q.dtype)
            ctx.save_for_backward(q, k, v, chances, kept, used)
            ctx.shape, ctx.scale, ctx.grown = shape, scale, grown
            return torch.bmm(used, v).view(*shape[:3], -1).transpose(1, 2).contiguous()

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            q, k, v, chances, kept, used = ctx.saved_tensors
            grad = grad.transpose(1, 2).flatten(0, 1)
            of_v = torch.bmm(used.transpose(1, 2), grad)
            of_chances = torch.bmm(grad, v.transpose(1, 2)).to(chances.dtype).mul_(kept)
            given = (of_chances.mul_(ctx.grown), chances, -1, chances.dtype)
            of_scores = torch._softmax_backward_data(*given).to(q.dtype)
            of_q, of_k = torch.bmm(of_scores, k).mul_(ctx.scale), of_scores.transpose(1, 2).bmm(q)
            gradients = (t.view(*ctx.shape[:2], *t.shape[1:]) for t in (of_q, of_k, of_v))
            return *gradients, None, None, None

    return Attention

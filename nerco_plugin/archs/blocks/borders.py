"""Reflected borders in the type that a feature map has, whatever autocast says, and without keeping the map twice."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_SWITCHING = threading.RLock()  # the switch is the whole process's


def under_autocast(device: torch.device) -> bool:
    """Whether autocast is on for ``device``; ``meta``, which has none, counts as off."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which tensors keep their types whatever autocast says."""
    return torch.autocast(device.type, enabled=False) if under_autocast(device) else nullcontext()


def in_float32(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which convolutions of float32 are that: no autocast, and on a GPU no TF32, which has 10 bits."""
    if device.type != "cuda" or torch.compiler.is_compiling():  # a graph has no place for it
        return without_autocast(device)
    return _without_tf32(device)


@contextmanager
def _without_tf32(device: torch.device) -> Iterator[None]:
    cudnn: Any = torch.backends.cudnn
    by_operator = hasattr(cudnn, "conv")  # from torch 2.9 on, which refuses to mix this with what it had before
    switch, name, off = (cudnn.conv, "fp32_precision", "ieee") if by_operator else (cudnn, "allow_tf32", False)
    with _SWITCHING, without_autocast(device):
        before = getattr(switch, name)
        setattr(switch, name, off)
        try:
            yield
        finally:
            setattr(switch, name, before)


def reflected(feature: Tensor, border: int, relu: bool = False) -> Tensor:
    """(N, C, H, W) with ``border`` reflected rows and columns on every side, in its own dtype; after ReLU if ``relu``.

    Training keeps the result alone, which the convolution after it keeps anyway, and neither ReLU's nor its input.

    Note: on CPUs autocast would make it float32, for the convolution after it to cast it back: twice the memory, and
    two more passes over it.
    """
    if feature.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return _Reflected.apply(feature, border, relu)
    return _reflect(F.relu(feature) if relu else feature, border)


def _reflect(feature: Tensor, border: int) -> Tensor:
    with without_autocast(feature.device):
        return F.pad(feature, (border,) * 4, mode="reflect")


class _Reflected(torch.autograd.Function):
    """:func:`reflected`, whose derivative needs the sign of the result, or nothing."""

    @staticmethod
    def forward(ctx: Any, feature: Tensor, border: int, relu: bool) -> Tensor:
        framed = _reflect(feature, border)
        ctx.border, ctx.shape = border, feature.shape
        if relu:
            ctx.save_for_backward(framed.relu_())
        return framed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        border, saved = ctx.border, ctx.saved_tensors
        like = gradient.new_empty(1).expand(ctx.shape)  # its shape is asked for, its values are not
        folded = torch.ops.aten.reflection_pad2d_backward(gradient.contiguous(), like, [border] * 4)
        if saved:
            inside = saved[0][..., border : border + ctx.shape[2], border : border + ctx.shape[3]]
            folded = torch.ops.aten.threshold_backward(folded, inside, 0)
        return folded, None, None


class ReflectionPad(nn.ReflectionPad2d):
    """nn.ReflectionPad2d in its input's dtype; the same on all four sides."""

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + 2 padding, W + 2 padding)."""
        return reflected(feature, self.padding[0])

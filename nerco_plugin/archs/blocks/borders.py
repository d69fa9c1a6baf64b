"""Reflected borders in the type that a feature map has, whatever autocast says, and without keeping the map twice."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from nerco_plugin.archs.blocks.autocast import without_autocast


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

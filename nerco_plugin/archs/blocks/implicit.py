"""The implicit representation of an image (Eq. 1, 3): pixel centres, their encoding, and the MLP of one pixel.

The MLP is convolutions: the first layer over a pixel's 3x3 features is a 3x3 convolution, the rest are 1x1. The
position enters the first layer linearly and each encoded coordinate depends on one axis: its share is a row term plus a
column term, and no coordinate map of the image's size is ever built.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from nerco_plugin.archs.blocks.autocast import under_autocast
from nerco_plugin.archs.blocks.checks import require_count
from nerco_plugin.archs.blocks.products import product_dtype
from nerco_plugin.archs.blocks.strips import are_small
from nerco_plugin.archs.blocks.untouched import is_plain

STRIP_PIXELS = 8192  # rows are worked on in strips of about this many pixels: the hidden layers stay in the cache
SMALL_STRIP_PIXELS = 512
GPU_STRIP_PIXELS = 2**18  # enough to fill a GPU; 128 MB a hidden layer in 16 bits


def pixel_centres(count: int, device: torch.device | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
    """Coordinates of ``count`` pixel centres along an axis that spans [-1, 1]: (count,)."""
    return (2 * torch.arange(count, dtype=dtype, device=device) + 1) / count - 1


def positional_encoding(coordinate: Tensor, num_frequencies: int) -> Tensor:
    """Eq. 3, with the coordinate itself before it: (x, sin(2^i pi x) for all i, cos(2^i pi x) for all i).

    Args:
        coordinate: (K,) in [-1, 1].
        num_frequencies: L; i runs from 0 to L - 1.

    Returns:
        (K, 1 + 2 L). Note: sines stand before cosines, as in the released weights; the paper interleaves them.
    """
    powers = 2.0 ** torch.arange(num_frequencies, dtype=coordinate.dtype, device=coordinate.device)
    phase = math.pi * (coordinate[:, None] * powers).remainder(2)  # exact up to here: pi, rounded, is far off times 2^i
    return torch.cat([coordinate[:, None], phase.sin(), phase.cos()], dim=1)


class ImplicitMLP(nn.Module):
    """F_MLP of Eq. 1: (features of the 3x3 neighbourhood, encoded position) -> colour, for every pixel.

    Args:
        num_feat: channels C of the feature map E.
        num_out_ch: channels of the output.
        num_hidden: hidden layers (paper: 3).
        hidden_dim: their width (released: 256).
        num_frequencies: L of Eq. 3 (paper: 8).
        use_position: ``False`` computes what the released network does, whose position input is always zero.

    The position weights have 2 + 4 L columns for the coordinates and two more for the size of a pixel in pixels, the
    constant 2 in the released network, kept so that released weights fit.

    Raises:
        ValueError: ``num_hidden`` or ``hidden_dim`` below 1, ``num_frequencies`` below 0.
    """

    def __init__(
        self,
        num_feat: int = 64,
        num_out_ch: int = 3,
        num_hidden: int = 3,
        hidden_dim: int = 256,
        num_frequencies: int = 8,
        use_position: bool = True,
    ) -> None:
        super().__init__()
        require_count(num_feat=num_feat, num_out_ch=num_out_ch, num_hidden=num_hidden, hidden_dim=hidden_dim)
        require_count(least=0, num_frequencies=num_frequencies)
        self.num_frequencies = num_frequencies
        self.use_position = use_position
        self.feature = nn.Conv2d(num_feat, hidden_dim, 3)
        self.position = nn.Linear(2 + 4 * num_frequencies + 2, hidden_dim, bias=False)
        self.hidden = nn.ModuleList(nn.Conv2d(hidden_dim, hidden_dim, 1) for _ in range(num_hidden - 1))
        self.colour = nn.Conv2d(hidden_dim, num_out_ch, 1)

    def position_terms(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The position's share of the first layer: row term (D, height, 1), column term (D, 1, width).

        Columns of the weights: y, x, then L sines and L cosines of y, then of x, then the pixel's size.
        """
        return self._share(height, axis=0)[:, :, None], self._share(width, axis=1)[:, None, :]

    def _share(self, count: int, axis: int) -> Tensor:
        """What the weights make of ``count`` coordinates along one axis, 0 elsewhere: (D, count)."""
        like = next(self.position.parameters())
        exact = torch.promote_types(like.dtype, torch.float32)
        encoded = positional_encoding(pixel_centres(count, like.device, exact), self.num_frequencies)
        encoded = encoded * float(self.use_position)  # times zero, so that every weight keeps a gradient
        coordinates = [encoded, torch.zeros_like(encoded)]
        y, x = coordinates if axis == 0 else reversed(coordinates)
        pixel_size = encoded.new_full((count, 2), 2.0 if axis == 0 else 0.0)  # once, in the row term
        seen = torch.cat([y[:, :1], x[:, :1], y[:, 1:], x[:, 1:], pixel_size], dim=1)
        return self.position(seen.to(like.dtype)).T

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to (N, num_out_ch, H, W), any H and W; neighbours outside the image count as zero.

        Raises:
            ValueError: a side of 0.
        """
        if not all(is_plain(layer) for layer in (self.feature, *self.hidden, self.colour)):
            return self._called(feature)
        device = feature.device.type
        if not under_autocast(feature.device):
            return self._draw(feature)
        with torch.autocast(device, enabled=False):  # weights are cast once, not for every strip; positions stay exact
            return self._draw(feature.to(torch.get_autocast_dtype(device)))

    def _called(self, feature: Tensor) -> Tensor:
        """The same by calling the layers: some may be others, or have hooks."""
        row_term, column_term = self.position_terms(*feature.shape[2:])
        inner = F.relu(self.feature(F.pad(feature, (1, 1, 1, 1))) + row_term + column_term)
        for layer in self.hidden:
            inner = F.relu(layer(inner))
        return self.colour(inner)

    def _draw(self, feature: Tensor) -> Tensor:
        batch, _, height, width = feature.shape
        layers = (self.feature, *self.hidden, self.colour)
        weights = [weight for layer in layers for weight in (layer.weight, layer.bias)]
        inputs = (feature, *self.position_terms(height, width), *weights)
        if isinstance(height, torch.SymInt) or torch.jit.is_tracing():  # graphs for every size: as many strips are not
            return draw_strip(F.pad(feature, (0, 0, 1, 1)), *inputs[1:])
        if not height or not width:
            raise ValueError(f"feature must have sides of 1 or more, got {tuple(feature.shape)}")
        pixels = STRIP_PIXELS if feature.device.type == "cpu" else GPU_STRIP_PIXELS
        rows = max(1, (SMALL_STRIP_PIXELS if are_small() else pixels) // max(1, batch * width))
        if torch.is_grad_enabled() and rows < height and not torch.compiler.is_compiling():
            return _RecomputedStrips.apply(rows, *inputs)
        return draw_strips(rows, *inputs)


def draw_strip(framed: Tensor, row_term: Tensor, column_term: Tensor, *weights: Tensor) -> Tensor:
    """The colours of some rows; the last layer in the type of its weights, for colours are what is seen.

    Args:
        framed: their features, with one row above and one below, (N, C, h + 2, W).
        row_term: (D, h, 1), their position's share of the first layer.
        column_term: (D, 1, W).
        weights: weight and bias of every layer.

    Returns:
        (N, num_out_ch, h, W).
    """
    (first, bias), *others, (colour, colour_bias) = zip(weights[::2], weights[1::2], strict=True)
    inner = F.conv2d(framed, first, bias, padding=(0, 1)).add_(row_term).add_(column_term).relu_()
    for weight, bias in others:
        inner = F.conv2d(inner, weight, bias).relu_()
    return F.conv2d(inner.to(colour.dtype), colour, colour_bias)


def strips(height: int, rows: int) -> Iterator[tuple[slice, slice, tuple[int, int, int, int]]]:
    """For every strip: its rows, those of the features that it sees, and the frame of zeros that these still need."""
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        seen = slice(max(0, top - 1), min(bottom + 1, height))
        yield slice(top, bottom), seen, (0, 0, int(top == 0), int(bottom == height))


def draw_strips(rows: int, feature: Tensor, row_term: Tensor, column_term: Tensor, *weights: Tensor) -> Tensor:
    """All colours, ``rows`` rows at a time; arguments as :func:`draw_strip`'s."""
    dtype = product_dtype(feature.dtype, feature.device)
    row_term, *others = (tensor.to(dtype) for tensor in (row_term, column_term, *weights[:-2]))
    others += weights[-2:]
    drawn = [
        draw_strip(F.pad(feature[..., seen, :].to(dtype), frame), row_term[:, own], *others)
        for own, seen, frame in strips(feature.shape[2], rows)
    ]
    return torch.cat(drawn, dim=2)


class _RecomputedStrips(torch.autograd.Function):
    """:func:`draw_strips`, whose backward pass draws each strip again: no hidden layer outlives its strip.

    Gradients add up in float32 in place, so that a strip costs what its own rows cost.
    """

    @staticmethod
    def forward(ctx: Any, rows: int, *inputs: Tensor) -> Tensor:
        ctx.rows = rows
        ctx.save_for_backward(*inputs)
        return draw_strips(rows, *inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # once: under torch.utils.checkpoint a second look is an error
        feature, row_term, *others = saved
        total = [torch.zeros_like(tensor) for tensor in saved]
        dtype = product_dtype(feature.dtype, feature.device)
        shared = [tensor.detach().to(dtype).requires_grad_() for tensor in others[:-2]]
        shared += [tensor.detach().requires_grad_() for tensor in others[-2:]]
        for own, seen, frame in strips(feature.shape[2], ctx.rows):
            with torch.enable_grad():
                framed = F.pad(feature.detach()[..., seen, :].to(dtype), frame).requires_grad_()
                row_part = row_term.detach()[:, own].to(dtype).requires_grad_()
                drawn = draw_strip(framed, row_part, *shared)
            parts = list(torch.autograd.grad(drawn, (framed, row_part, *shared), gradient[..., own, :]))
            parts[0] = parts[0][..., frame[2] : parts[0].shape[2] - frame[3], :]
            for whole, part in zip((total[0][..., seen, :], total[1][:, own], *total[2:]), parts, strict=True):
                whole += part
        return None, *(whole if need else None for whole, need in zip(total, ctx.needs_input_grad[1:], strict=True))

"""3x3 convolutions with fewer products (Winograd; Lavin and Gray 2016), as matrix products.

Every tile of T + 2 by T + 2 pixels gives T by T values: it is transformed to (T + 2)^2 numbers, these are multiplied by
the transformed weights, summed over the channels, and transformed back. T 4 needs a quarter of the products, T 2 four
ninths. Exact but for rounding: in float32 about twice that of the plain convolution at T 4; in bfloat16 T 4 would be
too rough, T 2 doubles it.
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from nerco_plugin.archs.blocks.autocast import under_autocast
from nerco_plugin.archs.blocks.strips import are_small
from nerco_plugin.archs.blocks.untouched import is_plain

EXACT_TILE = 4  # in float32 and float64; coarser types need smaller tiles
LEAST_CHANNELS = 128  # below, the transforms cost what the products save

# Where polynomials are taken: binary fractions, which make exact transforms. Of those tried for T 4 the best: at the
# usual 0, 1, -1, 2 and -2 rounding has 2.2 times the deviation and four times the largest error.
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)}


def transforms(tile: int) -> tuple[list[list[float]], list[list[float]], list[list[float]]]:
    """The one-dimensional transforms of the image, of the weights, and back, by Cook and Toom.

    A convolution is a product of polynomials: both are taken at ``POINTS`` (and at infinity), multiplied there, and the
    product's coefficients are interpolated.
    """
    points = POINTS[tile]
    others = [[other for other in points if other != point] for point in points]
    image = [*([*_with_roots(roots), 0.0] for roots in others), _with_roots(points)]
    scale = [math.prod(point - other for other in rest) for point, rest in zip(points, others, strict=True)]
    taps = [[point**power / one for power in range(3)] for point, one in zip(points, scale, strict=True)]
    back = [[*(point**power for point in points), float(power == tile - 1)] for power in range(tile)]
    return image, [*taps, [0.0, 0.0, 1.0]], back


def _with_roots(roots: Sequence[float]) -> list[float]:
    """Coefficients of the polynomial with these roots, the constant first."""
    coefficients = [1.0]
    for root in roots:
        coefficients = [
            above - root * own for above, own in zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)
        ]
    return coefficients


MATRICES = {tile: transforms(tile) for tile in POINTS}


def best_tile(weight: Tensor, stride: int) -> int:
    """T with which :class:`Winograd` is the faster way, 0 for none: on the CPU, for 3x3 kernels and many channels."""
    is_wide = min(weight.shape[:2]) >= LEAST_CHANNELS and weight.shape[2:] == (3, 3)
    if not is_wide or stride != 1 or weight.device.type != "cpu":
        return 0
    return EXACT_TILE if weight.element_size() >= 4 else 2 if weight.dtype == torch.bfloat16 else 0


class Winograd:
    """A 3x3 convolution without padding.

    Args:
        weight: (D, C, 3, 3).
        bias: (D,).
        tile: T, 2 or 4.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, tile: int) -> None:
        self.tile = tile
        self.seen = tile + 2
        exact = torch.promote_types(weight.dtype, torch.float32)
        to_image, to_weight, back = (torch.tensor(rows, dtype=torch.float64) for rows in MATRICES[tile])
        self.to_image, self.back = (torch.kron(one, one).to(weight.dtype) for one in (to_image, back))
        self.to_weight = torch.kron(to_weight, to_weight).to(exact)
        taps = weight.to(exact).permute(2, 3, 1, 0).reshape(9, -1)
        self.weight = (self.to_weight @ taps).to(weight.dtype).view(self.seen**2, *weight.shape[1::-1])  # (., C, D)
        self.bias = bias

    def __call__(self, frame: Tensor) -> Tensor:
        """(1, C, H + 2, W + 2) channels last to (1, D, H, W)."""
        height, width = frame.shape[2] - 2, frame.shape[3] - 2
        down, across = self._counts(height, width)
        product = torch.bmm(self._image(frame), self.weight)
        values = _each(self.back, product.transpose(0, 1)).view(down, across, self.tile, self.tile, -1)
        whole = values.transpose(1, 2).reshape(down * self.tile, across * self.tile, -1)[:height, :width]
        return (whole if self.bias is None else whole.add_(self.bias)).permute(2, 0, 1)[None]

    def gradients(self, frame: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the frame, (1, C, H + 2, W + 2), and of the weights, ((T + 2)^2, C, D), before :meth:`of_taps`.

        Args:
            frame: (1, C, H + 2, W + 2) channels last.
            gradient: of the result, (1, D, H, W) channels last.
        """
        tile, seen = self.tile, self.seen
        height, width = gradient.shape[2:]
        down, across = self._counts(height, width)
        gradient = F.pad(gradient, (0, across * tile - width, 0, down * tile - height))
        tiles = gradient[0].permute(1, 2, 0).reshape(down, tile, across, tile, -1).transpose(1, 2)
        product = _each(self.back.T, tiles.reshape(down * across, tile**2, -1)).transpose(0, 1)
        of_weight = torch.bmm(self._image(frame).transpose(1, 2), product)
        image = torch.bmm(product, self.weight.transpose(1, 2))
        parts = _each(self.to_image.T, image.transpose(0, 1)).view(down, across, seen, seen, -1).transpose(1, 2)
        whole = parts.new_zeros(down + 1, tile, across + 1, tile, parts.shape[-1])
        whole[:down, :, :across] = parts[:, :tile, :, :tile]  # tiles overlap in what the last two rows and columns see
        whole[1:, :2, :across] += parts[:, tile:, :, :tile]
        whole[:down, :, 1:, :2] += parts[:, :tile, :, tile:]
        whole[1:, :2, 1:, :2] += parts[:, tile:, :, tile:]
        whole = whole.view((down + 1) * tile, (across + 1) * tile, -1)[: height + 2, : width + 2]
        return whole.permute(2, 0, 1)[None], of_weight

    def of_taps(self, of_weight: Tensor) -> Tensor:
        """The gradient of the weights as they were given, (D, C, 3, 3)."""
        taps = self.to_weight.T @ of_weight.view(self.seen**2, -1).to(self.to_weight.dtype)
        return taps.view(3, 3, *of_weight.shape[1:]).permute(3, 2, 0, 1)

    def _counts(self, height: int, width: int) -> tuple[int, int]:
        """Tiles down and across."""
        return -(-height // self.tile), -(-width // self.tile)

    def _image(self, frame: Tensor) -> Tensor:
        """The transformed tiles of (1, C, H + 2, W + 2) channels last: ((T + 2)^2, tiles, C), a tile in one place."""
        height, width = frame.shape[2] - 2, frame.shape[3] - 2
        down, across = self._counts(height, width)
        if (down * self.tile, across * self.tile) != (height, width):
            frame = F.pad(frame, (0, across * self.tile - width, 0, down * self.tile - height))
        tiles = frame.unfold(2, self.seen, self.tile).unfold(3, self.seen, self.tile)  # (1, C, down, across, T+2, T+2)
        tiles = tiles[0].permute(1, 2, 3, 4, 0).reshape(down * across, self.seen**2, -1)
        return _each(self.to_image, tiles).transpose(0, 1)


def _each(matrix: Tensor, tiles: Tensor) -> Tensor:
    """``matrix`` (M, K) times every tile (tiles, K, C): (tiles, M, C). One after the other they stay in the cache."""
    return torch.bmm(matrix.expand(len(tiles), -1, -1), tiles)


def convolved(layer: nn.Conv2d, frame: Tensor) -> Tensor:
    """``layer`` of (N, C, H, W), the faster way, with derivatives, where it is a plain convolution with a bias.

    Compiled code has it without derivatives and for one size; what is for every size, as an export, stays plain.
    """
    if are_small() or not is_plain(layer) or layer.bias is None:
        return cast(Tensor, layer(frame))
    tile = best_tile(layer.weight, layer.stride[0])
    compiling = torch.compiler.is_compiling()
    if compiling and (torch.is_grad_enabled() or isinstance(frame.shape[-1], torch.SymInt)):
        tile = 0
    if tile != EXACT_TILE or frame.dtype != layer.weight.dtype or under_autocast(frame.device):
        return cast(Tensor, layer(frame))
    if compiling:
        return _image_by_image(frame, layer.weight, layer.bias)
    return cast(Tensor, _Convolution.apply(frame, layer.weight, layer.bias))


def _image_by_image(frame: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    convolution = Winograd(weight, bias, EXACT_TILE)
    images = [convolution(image.contiguous(memory_format=torch.channels_last)) for image in frame.split(1)]
    return torch.cat([image.contiguous() for image in images])


class _Convolution(torch.autograd.Function):
    """:class:`Winograd` of a batch; the transformed tiles are made again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, frame: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(frame, weight)
        return _image_by_image(frame, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        frame, weight = ctx.saved_tensors
        convolution = Winograd(weight, None, EXACT_TILE)
        of_frame, of_weight = torch.empty_like(frame), torch.zeros_like(convolution.weight)
        for one, own, of_one in zip(frame.split(1), gradient.split(1), of_frame.split(1), strict=True):
            images = (image.contiguous(memory_format=torch.channels_last) for image in (one, own))
            of_image, part = convolution.gradients(*images)
            of_one.copy_(of_image)
            of_weight += part
        return of_frame, convolution.of_taps(of_weight), gradient.sum((0, 2, 3))

"""Feature maps worked on in strips of rows, exactly: what enhancing a large photograph without gradients needs.

InstanceNorm takes its statistics over the whole image, everything else is local. So a convolution runs strip by strip
and collects the moments of what it writes; normalization, ReLU and the border are put on the rows that the next
convolution reads, while these are in the cache. No padded, normalized or summed copy of a whole map ever exists.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.allocator import hand_back_freed
from nerco_plugin.archs.blocks import winograd
from nerco_plugin.archs.blocks.autocast import in_float32, without_autocast
from nerco_plugin.archs.blocks.moments import Moments
from nerco_plugin.archs.blocks.products import product_dtype
from nerco_plugin.archs.blocks.strips import are_small, strip_bytes

EPSILON = 1e-5  # of nn.InstanceNorm2d
LARGE_MAP = 1 << 28  # bytes, beside which what strips of other layers left free would be missed
FEW_CHANNELS = 8  # an image: read in float32 whatever the maps are, its dark values are what matters


def working_dtype(weight: Tensor) -> torch.dtype:
    """What maps are stored in and most convolutions run in: autocast's type, or that of the weights."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype


class FeatureMap:
    """A feature map whose InstanceNorm, and the ReLU after it, wait until its rows are read.

    Args:
        raw: (1, C, H, W). Methods that say so write over it.
        normalize: whether InstanceNorm stands after every convolution; ReLU does in any case.
        moments: mean and variance of every channel, each (C,); ``None`` where no InstanceNorm waits.
        waits: whether a ReLU does.
    """

    def __init__(
        self,
        raw: Tensor,
        normalize: bool = True,
        moments: tuple[Tensor, Tensor] | None = None,
        waits: bool = False,
    ) -> None:
        self.raw = raw
        self.exact = torch.promote_types(raw.dtype, torch.float32)  # of moments, sums and images
        self.product = product_dtype(raw.dtype, raw.device)
        self.normalize = normalize
        self.waits = waits
        self.factors: tuple[Tensor, Tensor] | None = None
        if moments is not None:
            scale = (moments[1] + EPSILON).rsqrt()
            self.factors = scale[:, None, None], (-moments[0] * scale)[:, None, None]

    def strips(self, height: int, channels: int) -> Iterator[tuple[int, int]]:
        """First and last row of each strip in which ``height`` rows of ``channels`` channels are made of this map."""
        row = self.raw.shape[3] * max(self.raw.shape[1], channels) * self.product.itemsize
        rows = max(4, strip_bytes(self.raw.device) // row // 4 * 4)  # of whole tiles, see winograd
        return ((top, min(top + rows, height)) for top in range(0, height, rows))

    def rows(self, top: int, bottom: int) -> Tensor:
        """Rows ``top`` to ``bottom`` with normalization but without ReLU: (1, C, bottom - top, W)."""
        rows = self.raw[:, :, top:bottom]
        return rows if self.factors is None else torch.addcmul(self.factors[1], rows.to(self.exact), self.factors[0])

    def frame(self, top: int, bottom: int, border: int, reflect: bool, dtype: torch.dtype) -> Tensor:
        """Rows ``top`` to ``bottom`` of the map in its border, reflected or zero: (1, C, ., W + 2 border)."""
        _, channels, height, width = self.raw.shape
        first, last = max(top - border, 0), min(bottom - border, height)
        size = (1, channels, bottom - top, width + 2 * border)
        frame = torch.empty(size, dtype=dtype, device=self.raw.device, memory_format=torch.channels_last)
        rows = self.rows(first, last)
        inside = frame[:, :, first + border - top : last + border - top, border : border + width]
        inside.copy_(rows)
        if self.waits:
            inside.relu_()
        _fill(frame, 2, first + border - top, bottom - border - last, reflect)
        _fill(frame, 3, border, border, reflect)
        return frame

    def convolved(self, layer: nn.Conv2d, border: int, reflect: bool = True, in_place: bool = False) -> "FeatureMap":
        """The convolution of the map in its border, InstanceNorm and ReLU waiting.

        Args:
            layer: any kernel and stride; its own padding is not looked at.
            border: rows and columns around the map, mirrored with ``reflect``, else zero.
            in_place: write over this map, which is lost; where size, channels and type stay as they are.

        Raises:
            ValueError: the map is too small to be mirrored.
        """
        self._check_mirror(border if reflect else 0)
        dtype = working_dtype(layer.weight)
        height, width = (_out(side + 2 * border, layer) for side in self.raw.shape[2:])
        target = self.raw if in_place else _empty(self.raw, layer.out_channels, height, width, dtype)
        precision = self.exact if layer.in_channels < FEW_CHANNELS else product_dtype(dtype, self.raw.device)
        return self._collected(target, self._convolutions(layer, height, border, reflect, precision))

    def _convolutions(
        self, layer: nn.Conv2d, height: int, border: int, reflect: bool, dtype: torch.dtype
    ) -> Iterator[tuple[int, Tensor]]:
        convolve = _convolution(layer, dtype)
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        context = in_float32 if layer.in_channels < FEW_CHANNELS else without_autocast
        for top, bottom in self.strips(height, layer.out_channels):
            frame = self.frame(top * stride, (bottom - 1) * stride + kernel, border, reflect, dtype)
            with context(frame.device):
                convolved = convolve(frame)
            yield top, convolved

    def enlarged(self, weight: Tensor, bias: Tensor | None) -> "FeatureMap":
        """The map through a transposed convolution to twice its size, InstanceNorm and ReLU waiting.

        Args:
            weight: (C, D, K, K) of a stride of 2 and a padding of 1, K 3 (with an output padding of 1) or 4.
            bias: (D,).
        """
        dtype = working_dtype(weight)
        height, width = self.raw.shape[2:]
        target = _empty(self.raw, weight.shape[1], 2 * height, 2 * width, dtype)
        return self._collected(target, self._transposed(*_cast(product_dtype(dtype, self.raw.device), weight, bias)))

    def _transposed(self, weight: Tensor, bias: Tensor | None) -> Iterator[tuple[int, Tensor]]:
        _, channels, kernel, _ = weight.shape
        for top, bottom in self.strips(self.raw.shape[2], 4 * channels):
            frame = self.frame(top, bottom + 2, 1, False, weight.dtype)
            with torch.autocast(frame.device.type, enabled=False):
                # in a trace a size is a tensor, which torch 2.4 does not take for a number
                yield 2 * top, F.conv_transpose2d(frame, weight, bias, 2, 3, int(4 - kernel))

    def image(self, layer: nn.Conv2d, border: int, activate: Callable[[Tensor], Tensor]) -> Tensor:
        """The convolution of the map in its reflected border, activated: (1, D, ., .), in the type of the weights.

        With few D, a convolution of KxK is K columns of one with K D, which fills the processor better. It is taken in
        float32 at least.

        Raises:
            ValueError: the map is too small to be mirrored.
        """
        self._check_mirror(border)
        height, width = (_out(side + 2 * border, layer) for side in self.raw.shape[2:])
        image = self.raw.new_empty((1, layer.out_channels, height, width), dtype=layer.weight.dtype)
        weight, bias = _cast(self.exact, layer.weight, layer.bias)
        kernel = weight.shape[-1]
        columns = weight.permute(3, 0, 1, 2).flatten(0, 1).unsqueeze(3)  # (K D, C, K, 1)
        columns = columns.contiguous(memory_format=torch.channels_last)
        for top, bottom in self.strips(height, layer.out_channels):
            frame = self.frame(top, bottom + kernel - 1, border, True, self.exact)
            with in_float32(frame.device):
                parts = F.conv2d(frame, columns).unflatten(1, (kernel, -1))
            strip = sum(parts[:, column, :, :, column : column + width] for column in range(kernel))
            image[:, :, top:bottom] = activate(strip if bias is None else strip + bias[:, None, None])
        return image

    def settled(self) -> "FeatureMap":
        """The map with normalization and ReLU applied, in place."""
        if self.waits:
            for top, bottom in self.strips(self.raw.shape[2], 0):
                self.raw[:, :, top:bottom].copy_(self.rows(top, bottom)).relu_()
        return FeatureMap(self.raw, self.normalize)

    def plus(self, other: "FeatureMap") -> "FeatureMap":
        """This map, on which nothing may wait, plus ``other``, normalized but without its ReLU; in place."""
        for top, bottom in self.strips(self.raw.shape[2], 0):
            rows = self.raw[:, :, top:bottom]
            rows.copy_(rows.to(self.exact) + other.rows(top, bottom))
        return self

    def _check_mirror(self, border: int) -> None:
        if border >= min(self.raw.shape[2:]):
            raise ValueError(f"a border of {border} cannot be mirrored from a map of {tuple(self.raw.shape)}")

    def _collected(self, target: Tensor, strips: Iterator[tuple[int, Tensor]]) -> "FeatureMap":
        """Write ``strips``, each with its first row, to ``target``, their moments kept if it is to be normalized.

        A strip is written once the next one is made: where ``target`` is this map, the last rows that the strip writes
        over are read for the next.
        """
        moments = Moments()
        waiting = None
        for top, strip in strips:
            if self.normalize:
                moments.add(strip)
            if waiting is not None:
                target[:, :, waiting[0] : top] = waiting[1]
            waiting = top, strip
        if waiting is not None:
            target[:, :, waiting[0] :] = waiting[1]
        return FeatureMap(target, self.normalize, moments.whole() if self.normalize else None, waits=True)


def _out(side: int, layer: nn.Conv2d) -> int:
    return (side - layer.kernel_size[0]) // layer.stride[0] + 1


def _empty(like: Tensor, channels: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    size = (1, channels, height, width)
    if channels * height * width * dtype.itemsize >= LARGE_MAP and like.device.type == "cpu":
        hand_back_freed()
    return torch.empty(size, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _cast(dtype: torch.dtype, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    weight = weight.to(dtype, memory_format=torch.channels_last)
    return weight, None if bias is None else bias.to(dtype)


def _convolution(layer: nn.Conv2d, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    """``layer`` without padding, in ``dtype``, the fastest way."""
    weight, bias = _cast(dtype, layer.weight, layer.bias)
    tile = winograd.best_tile(weight, layer.stride[0])
    if tile and not are_small():
        return winograd.Winograd(weight, bias, tile)
    return lambda frame: F.conv2d(frame, weight, bias, layer.stride)


def _fill(frame: Tensor, dim: int, before: int, after: int, reflect: bool) -> None:
    """Fill the first and last rows (``dim`` 2) or columns (3) of ``frame`` from what lies between."""
    for step in range(1, before + 1):
        row = frame.select(dim, before - step)
        _ = row.copy_(frame.select(dim, before + step)) if reflect else row.zero_()
    end = frame.shape[dim] - 1 - after
    for step in range(1, after + 1):
        row = frame.select(dim, end + step)
        _ = row.copy_(frame.select(dim, end - step)) if reflect else row.zero_()

"""Collaborative attention (Fig. 4, right): channel attention from average and max pooling, then spatial attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs.blocks.checks import require_count
from nerco_plugin.archs.blocks.feature_map import FeatureMap


class ChannelAttention(nn.Module):
    """One weight a channel, from the average and the maximum of every channel over the image.

    Args:
        num_feat: channels C.
        reduction: the squeeze has C / reduction channels, but at least four: a narrower one dies at its ReLU.
        sigmoid: bound the weights to (0, 1). The released network does not.
    """

    def __init__(self, num_feat: int, reduction: int = 16, sigmoid: bool = False) -> None:
        super().__init__()
        require_count(num_feat=num_feat, reduction=reduction)
        squeezed = max(4, num_feat // reduction)
        self.squeeze = nn.Conv2d(2 * num_feat, squeezed, 1, bias=False)
        self.excite = nn.Conv2d(squeezed, 2 * num_feat, 1, bias=False)
        self.merge = nn.Conv2d(2 * num_feat, num_feat, 1, bias=False)
        self.sigmoid = sigmoid

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to weights (N, C, 1, 1)."""
        pooled = [feature.mean((2, 3), keepdim=True), _largest(feature.flatten(2), dim=2)[..., None]]
        return self.weights(torch.cat(pooled, dim=1))

    def weights(self, pooled: Tensor) -> Tensor:
        """Average and maximum of every channel, (N, 2 C, 1, 1), to weights (N, C, 1, 1)."""
        weights = self.merge(self.excite(F.relu(self.squeeze(pooled))))
        return weights.sigmoid() if self.sigmoid else weights

    def in_strips(self, feature: FeatureMap, border: int) -> Tensor:
        """The same of ``feature`` in a reflected border: (1, C, 1, 1), in the type of the weights."""
        _, channels, height, width = feature.raw.shape
        times = _times_seen(height, border, feature.raw.device)[:, None] * _times_seen(
            width, border, feature.raw.device
        )
        total, largest = feature.raw.new_zeros(2, 1, channels, dtype=feature.exact)
        largest -= torch.inf
        for top, bottom in feature.strips(height, 0):
            rows = feature.rows(top, bottom).to(feature.exact)
            largest = torch.maximum(largest, rows.amax((2, 3)))
            total += (rows * times[top:bottom]).sum((2, 3))
        mean = total / times.sum()
        with torch.autocast(feature.raw.device.type, enabled=False):
            pooled = torch.cat([mean, largest], dim=1)[:, :, None, None]
            return self.weights(pooled.to(self.squeeze.weight.dtype))


class SpatialAttention(nn.Module):
    """One weight a pixel, from the average and the maximum over the channels of its neighbourhood.

    Args:
        kernel_size: side of the neighbourhood, odd. It is not padded here: the map is smaller by kernel_size - 1.
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        require_count(kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.conv = nn.Conv2d(2, 1, kernel_size, bias=False)

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H + kernel_size - 1, W + kernel_size - 1) to a map in (0, 1), (N, 1, H, W)."""
        summary = torch.cat([feature.mean(1, keepdim=True), _largest(feature, dim=1)], dim=1)
        return self.conv(summary).sigmoid()

    def in_strips(self, feature: FeatureMap, weights: Tensor) -> Tensor:
        """The same of ``feature`` times ``weights`` (1, C, 1, 1) in its reflected border: (1, 1, H, W), their type."""
        height, width = feature.raw.shape[2:]
        summary = feature.raw.new_empty((1, 2, height, width), dtype=feature.exact)  # reflected afterwards: it commutes
        for top, bottom in feature.strips(height, 0):
            weighted = feature.rows(top, bottom).to(feature.exact) * weights
            torch.mean(weighted, dim=1, out=summary[:, 0, top:bottom])
            torch.amax(weighted, dim=1, out=summary[:, 1, top:bottom])
        return FeatureMap(summary).image(self.conv, self.conv.kernel_size[0] // 2, torch.sigmoid)


def _largest(feature: Tensor, dim: int) -> Tensor:
    """The maximum along ``dim``, which is kept. Of equal values the gradient goes to one.

    Not amax where there is a gradient: it divides by the number of values that equal the maximum. Compiled in 16 bits,
    where the maximum is rounded and the values may not be yet, that number is 0.
    """
    return feature.max(dim, keepdim=True).values if feature.requires_grad else feature.amax(dim, keepdim=True)


def _times_seen(side: int, border: int, device: torch.device) -> Tensor:
    """How often each of ``side`` rows appears in a map with ``border`` rows reflected at both ends: (side,)."""
    times = torch.ones(side, device=device)
    times[1 : border + 1] += 1
    times[side - 1 - border : side - 1] += 1
    return times

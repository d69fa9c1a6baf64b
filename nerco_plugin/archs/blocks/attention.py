"""Collaborative attention (Fig. 4, right): channel attention from average and max pooling, then spatial attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs.blocks.checks import require_count


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
        pooled = torch.cat([feature.mean((2, 3), keepdim=True), feature.amax((2, 3), keepdim=True)], dim=1)
        weights = self.merge(self.excite(F.relu(self.squeeze(pooled))))
        return weights.sigmoid() if self.sigmoid else weights


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
        summary = torch.cat([feature.mean(1, keepdim=True), feature.amax(1, keepdim=True)], dim=1)
        return self.conv(summary).sigmoid()

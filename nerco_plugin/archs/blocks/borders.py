"""Reflected borders in the type that a feature map has, whatever autocast says."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def under_autocast(device: torch.device) -> bool:
    """Whether autocast is on for ``device``; on one without autocast, such as ``meta``, it is off."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def reflected(feature: Tensor, border: int) -> Tensor:
    """(N, C, H, W) with ``border`` reflected rows and columns on every side, in its own dtype.

    Note: on CPUs autocast would make it float32, for the convolution after it to cast it back: twice the memory, and
    two more passes over it.
    """
    device = feature.device
    with torch.autocast(device.type, enabled=False) if under_autocast(device) else nullcontext():
        return F.pad(feature, (border,) * 4, mode="reflect")


class ReflectionPad(nn.ReflectionPad2d):
    """nn.ReflectionPad2d in its input's dtype; the same on all four sides."""

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + 2 padding, W + 2 padding)."""
        return reflected(feature, self.padding[0])

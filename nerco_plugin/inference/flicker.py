"""Takes the flicker out of a video that is enhanced frame by frame, by one gain per channel that follows it.

InstanceNorm sees a whole frame at once, so that noise or a passing thing changes the lightness of all the rest. What
stands still in the input should stand still in the output: its change in the enhanced frame, the median over blocks, is
flicker, and the gain takes it back. The gain leaks towards 1, so that what it holds against fades in over ``SECONDS``
instead of jumping.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SECONDS = 2.0
GRID = 48  # blocks along an axis, at most, whose means are compared: noise of single pixels is averaged away
STILL = 0.05  # relative change of a block's lightness below which it stands still
STILL_FLOOR = 2 / 255  # and an absolute change beside it, for noise
STILL_DARK = 0.2  # at most this share of its lightness in all, and STILL_LEAST: near black the floor would allow any
STILL_LEAST = 0.25 / 255
BLACK = 2 / 255  # lightest channel of a block that tells nothing: in a fade it jumps where the light hardly changes
DARKEST = 1e-3  # added, so that the ratio of two blacks is 1
LEAST_SHARE = 0.1  # of the blocks above black that stand still; up to it the scene is a new one
BARS_SHARE = 0.5  # up to this share it is one too where what stands still, such as gray bars, changes by more than
MOST_FLICKER = 0.3  # in the logarithm


class FlickerFilter:
    """Frames in their order through :meth:`__call__`; ``frame_rate`` in frames a second."""

    def __init__(self, frame_rate: float) -> None:
        self.keep = math.exp(-1 / (SECONDS * frame_rate))
        self.low: Tensor | None = None
        self.enhanced = torch.empty(0)
        self.log_gain = torch.zeros(1, 3, 1, 1)

    def __call__(self, low: Tensor, enhanced: Tensor) -> Tensor:
        """The enhanced frame with its flicker taken back; both (1, 3, H, W) in [0, 1], as is the result."""
        low_blocks, blocks = _blocks(low), _blocks(enhanced)
        if self.low is not None and self.low.shape == low_blocks.shape:
            most = torch.maximum(self.low, low_blocks)
            told = most.amax(dim=1, keepdim=True) > BLACK
            still = _still(self.low, low_blocks, most) & told
            share = still.sum() / told.sum().clamp(min=1)
            change = _median_change(self.enhanced, blocks, still) if share > LEAST_SHARE else None
            if change is None or (share <= BARS_SHARE and change.abs().max() > MOST_FLICKER):
                self.log_gain = torch.zeros_like(self.log_gain)
            else:
                self.log_gain = self.keep * (self.log_gain.to(change.device) - change)
        self.low, self.enhanced = low_blocks, blocks
        return (enhanced * self.log_gain.to(enhanced).exp()).clamp(0, 1)


def _blocks(frame: Tensor) -> Tensor:
    height, width = frame.shape[-2:]
    return F.adaptive_avg_pool2d(frame, (min(GRID, height), min(GRID, width)))


def _still(before: Tensor, now: Tensor, most: Tensor) -> Tensor:
    """Which blocks have kept the lightness of every channel, at ``most`` the greater of both: (1, 1, h, w)."""
    allowed = torch.minimum(STILL_FLOOR + STILL * most, STILL_LEAST + STILL_DARK * most)
    return ((now - before).abs() <= allowed).all(dim=1, keepdim=True)


def _median_change(before: Tensor, now: Tensor, where: Tensor) -> Tensor:
    """By how much the logarithm of each channel has changed over the chosen blocks: (1, 3, 1, 1)."""
    change = ((now + DARKEST) / (before + DARKEST)).log()
    return change[0, :, where[0, 0]].median(dim=1).values[None, :, None, None]

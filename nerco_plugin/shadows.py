"""Shadows lifted where a scene has more contrast than a photograph can hold: locally, without halos at edges (ours).

How bright a place is, is told by a guided filter of the light (He et al. 2013; its coefficients found on a grid of
cells, as in the fast form of 2015): it follows edges and passes over texture. Dark places get more light, bright ones
keep theirs.
"""

import torch
from torch import Tensor

from nerco_plugin.archs.blocks.autocast import without_autocast

CELLS = 64  # down and across, of the grid that tells brightness
RADIUS = 4  # cells around one that count for its place
EDGE = 0.05  # variance of the logarithm of light from which a change counts as an edge
FLOOR = 1e-3  # of light, below which nothing is told apart
DARK = 0.25  # of a scene that should not lie below the level asked for
SHADE = 0.35  # light at which the lift has fallen to a third
MOST = 8.0  # times the light: noise comes with it, and beyond it the order of brightnesses could turn


def shadow_lift(luma: Tensor, level: float) -> Tensor:
    """The factor on light, by place, with which the darkest quarter of a scene reaches ``level``.

    Args:
        luma: of the light, (N, 1, H, W), 0 or more, any H and W.
        level: light that a quarter of each scene may lie below; where no more does, every factor is 1.

    Returns:
        (N, 1, H, W), 1 to ``MOST``.
    """
    height, width = luma.shape[-2:]
    with without_autocast(luma.device):
        down, across = (_averaging(side, luma) for side in (height, width))
        cells = down @ luma @ across.mT  # (N, 1, CELLS, CELLS)
        dark = cells.flatten(1).sort(dim=1).values[:, int(DARK * CELLS**2)].view(-1, 1, 1, 1)
        lift = (level / dark.clamp(min=FLOOR) - 1) * (dark / SHADE).exp()
        return 1 + lift.clamp(0.0, MOST - 1) * torch.exp(-_brightness(luma, cells) / SHADE)


def _brightness(luma: Tensor, cells: Tensor) -> Tensor:
    """``luma`` without its texture, (N, 1, H, W): a guided filter of its logarithm, by itself."""
    known = (cells + FLOOR).log()
    near = _within_radius(luma)
    mean = near @ known @ near.mT
    variance = (near @ known.square() @ near.mT - mean.square()).clamp(min=0.0)
    slope = variance / (variance + EDGE)
    down, across = (_interpolation(side, luma) for side in luma.shape[-2:])
    slope, offset = (down @ (near @ one @ near.mT) @ across.mT for one in (slope, mean - slope * mean))
    return ((slope * (luma + FLOOR).log() + offset).exp() - FLOOR).clamp(min=0.0)


def _averaging(side: int, like: Tensor) -> Tensor:
    """The means of ``side`` values in cells, as a matrix (CELLS, side); a value that cells share counts in parts."""
    values, cells = _positions(side, like), _positions(CELLS, like)
    first, last = cells * side / CELLS, (cells + 1) * side / CELLS
    shared = torch.minimum(last[:, None], values + 1) - torch.maximum(first[:, None], values)
    return shared.clamp(min=0.0) * (CELLS / side)


def _interpolation(side: int, like: Tensor) -> Tensor:
    """``side`` values between those of the cells, linearly, as a matrix (side, CELLS)."""
    place = ((_positions(side, like) + 0.5) * CELLS / side - 0.5).clamp(0.0, CELLS - 1.0)
    return (1 - (place[:, None] - _positions(CELLS, like)).abs()).clamp(min=0.0)


def _within_radius(like: Tensor) -> Tensor:
    """The means of the cells around each cell along one axis, as a matrix (CELLS, CELLS)."""
    cells = _positions(CELLS, like)
    near = ((cells[:, None] - cells).abs() <= RADIUS).to(like.dtype)
    return near / near.sum(dim=1, keepdim=True)


def _positions(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, device=like.device).to(like.dtype)

"""Cycle consistency of the dual loop (Eq. 10): each image comes back from the other domain as it left."""

from typing import NamedTuple

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.losses.base import WeightedLoss, mean_l1


class CycleTerms(NamedTuple):
    """The two expectations of Eq. 10, weighted scalars."""

    low: Tensor
    high: Tensor


def cycle_consistency(cycled: Tensor, original: Tensor) -> Tensor:
    """One term of Eq. 10, ``||cycled - original||_1`` as a mean.

    Args:
        cycled: G_L(G_H(I_L)) or G_H(G_L(I_H)), (N, C, H, W).
        original: I_L or I_H, same shape and range.

    Raises:
        TypeError: an argument is not floating-point.
        ValueError: the shapes differ.
    """
    return mean_l1(cycled=cycled, original=original)


@LOSS_REGISTRY.register()
class CycleConsistencyLoss(WeightedLoss):
    """Cycle consistency of both loops (Eq. 10).

    Args:
        loss_weight: factor of both terms. The paper has none; the released code takes 10.
    """

    def forward(self, cycled_low: Tensor, low: Tensor, cycled_high: Tensor, high: Tensor) -> CycleTerms:
        """Four images (N, C, H, W) in one range; the low and the high side may differ in size. Raises as above."""
        return CycleTerms(
            low=self.loss_weight * cycle_consistency(cycled_low, low),
            high=self.loss_weight * cycle_consistency(cycled_high, high),
        )

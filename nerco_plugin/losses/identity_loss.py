"""The identity loss of the released recipe; the paper has none: a generator leaves its own target domain as it is."""

from typing import NamedTuple

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.losses.base import WeightedLoss, mean_l1


class IdentityTerms(NamedTuple):
    """What each generator changes in an image that is already as it should be, weighted scalars."""

    low: Tensor  # ||G_L(I_L) - I_L||_1
    high: Tensor  # ||G_H(I_H) - I_H||_1


@LOSS_REGISTRY.register()
class IdentityLoss(WeightedLoss):
    """Mean ``|G_H(I_H) - I_H|`` and mean ``|G_L(I_L) - I_L|``.

    Note: not in the paper; from the released recipe, where it keeps colours.

    Args:
        loss_weight: factor of both terms; the released code takes 5 (0.5 of the cycle's 10).
    """

    def forward(self, identity_high: Tensor, high: Tensor, identity_low: Tensor, low: Tensor) -> IdentityTerms:
        """G_H's output for ``high`` and G_L's for ``low``, (N, C, H, W) in one range.

        Raises:
            TypeError: an argument is not floating-point.
            ValueError: the shapes of a pair differ.
        """
        return IdentityTerms(
            low=self.loss_weight * mean_l1(identity_low=identity_low, low=low),
            high=self.loss_weight * mean_l1(identity_high=identity_high, high=high),
        )

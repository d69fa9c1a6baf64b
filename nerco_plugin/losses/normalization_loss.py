"""The NR loss (Eq. 2): the neural representation of the low-light image stays near the image."""

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.losses.base import WeightedLoss, mean_l1


@LOSS_REGISTRY.register()
class NRLoss(WeightedLoss):
    """``L_NR = ||I_NR - I_L||_1`` (Eq. 2) as a mean.

    Args:
        loss_weight: factor of the term. The paper has none; the released code takes 40.
    """

    def forward(self, normalized: Tensor, low: Tensor) -> Tensor:
        """I_NR and I_L, both (N, C, H, W) in one range, to a weighted scalar.

        Raises:
            TypeError: an argument is not floating-point.
            ValueError: the shapes differ.
        """
        return self.loss_weight * mean_l1(normalized=normalized, low=low)

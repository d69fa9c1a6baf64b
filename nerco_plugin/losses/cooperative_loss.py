"""The cooperative loss (Sec. 3.4, Fig. 5, Eq. 11-14): the lightness mask and the generators check each other."""

from collections.abc import Sequence
from typing import NamedTuple

from basicsr.losses.gan_loss import GANLoss
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.losses.base import WeightedLoss, check_alike


class CooperativeTerms(NamedTuple):
    """The three parts of Eq. 14, weighted scalars."""

    rec1: Tensor
    rec2: Tensor
    insp: Tensor


def pseudo_high(low: Tensor, lightness_mask: Tensor) -> Tensor:
    """I_L + I_M: the low-light image lit by its mask, (N, C, H, W); not clipped, as in the paper."""
    check_alike(low=low, lightness_mask=lightness_mask)
    return low + lightness_mask


def pseudo_low(high: Tensor, lightness_mask: Tensor) -> Tensor:
    """I_H - I_M: the high-light image darkened by the low-light image's mask, (N, C, H, W); not clipped."""
    check_alike(high=high, lightness_mask=lightness_mask)
    return high - lightness_mask


def reconstruct_low(*, low: Tensor, enhanced: Tensor, lightness_mask: Tensor) -> Tensor:
    """L_rec1 (Eq. 11), a scalar, L1 norms as means.

    Its two terms are one and the same: the pseudo mask ``enhanced - low`` differs from I_M by as much as
    ``enhanced`` differs from the pseudo-high image ``low + I_M``. Computed once, counted twice.
    """
    check_alike(low=low, enhanced=enhanced)
    return 2 * F.l1_loss(enhanced, pseudo_high(low, lightness_mask))


def reconstruct_high(*, high: Tensor, degraded: Tensor, degraded_mask: Tensor, restored: Tensor) -> Tensor:
    """L_rec2 (Eq. 12), a scalar, L1 norms as means.

    ``restored`` G_H(pseudo-low) is the high-light image again, and so is ``degraded`` lit by its own mask.
    """
    check_alike(high=high, degraded=degraded, degraded_mask=degraded_mask, restored=restored)
    return F.l1_loss(restored, high) + F.l1_loss(high, degraded + degraded_mask)


@LOSS_REGISTRY.register()
class CooperativeLoss(WeightedLoss):
    """``L_CL = L_rec1 + L_rec2 + L_insp`` (Eq. 14).

    Args:
        loss_weight: factor of all three. The paper has none; the released code takes 0.5.
        gan_type: form of Eq. 13 in BasicSR's GANLoss: ``vanilla`` (log) or ``lsgan`` (least squares, released).
        inspect: whether the discriminators see the pseudo images (Eq. 13); read by the model.
        inspect_edges: whether the edge path does too (the paper's double path; false is the released code).

    Note: ``vanilla`` maximises log D instead of minimising log(1 - D), as GAN generators do in practice.

    Raises:
        ValueError: ``loss_weight`` is negative, or ``gan_type`` unknown.
    """

    def __init__(
        self, loss_weight: float = 1.0, gan_type: str = "lsgan", inspect: bool = True, inspect_edges: bool = True
    ) -> None:
        super().__init__(loss_weight)
        if gan_type not in ("vanilla", "lsgan"):
            raise ValueError(f"gan_type: expected 'vanilla' or 'lsgan', got {gan_type!r}")
        self.gan = GANLoss(gan_type)
        self.inspect = inspect
        self.inspect_edges = inspect_edges

    def forward(
        self,
        *,
        low: Tensor,
        high: Tensor,
        enhanced: Tensor,
        degraded: Tensor,
        lightness_mask: Tensor,
        degraded_mask: Tensor,
        restored: Tensor,
        inspections: Sequence[Tensor],
    ) -> CooperativeTerms:
        """All images and masks (N, C, H, W); the low and the high side may differ in size.

        Args:
            low: I_L.
            high: I_H.
            enhanced: G_H's image of ``low``.
            degraded: G_L's image of ``high``.
            lightness_mask: I_M of ``low``.
            degraded_mask: I_M of ``degraded``.
            restored: G_H's image of ``pseudo_low(high, lightness_mask)``.
            inspections: logits of the discriminators on the pseudo images, any shapes; none gives insp = 0.

        Raises:
            TypeError: an image is not floating-point.
            ValueError: shapes differ, or there are logits although ``inspect`` is off.
        """
        if inspections and not self.inspect:
            raise ValueError(f"inspections: expected none with inspect=False, got {len(inspections)}")
        rec1 = reconstruct_low(low=low, enhanced=enhanced, lightness_mask=lightness_mask)
        rec2 = reconstruct_high(high=high, degraded=degraded, degraded_mask=degraded_mask, restored=restored)
        insp = sum((self.gan(logits, True) for logits in inspections), start=rec1.new_zeros(()))
        return CooperativeTerms(self.loss_weight * rec1, self.loss_weight * rec2, self.loss_weight * insp)

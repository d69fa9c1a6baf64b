"""Structural similarity with a truth that is known (ours): for the warm start, whose pairs are simulated."""

import torch
from basicsr.metrics.psnr_ssim import _ssim_pth as similarity
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.archs.blocks.borders import without_autocast
from nerco_plugin.losses.base import WeightedLoss, check_alike

WINDOW = 11  # pixels across, of BasicSR's SSIM


@LOSS_REGISTRY.register()
class SSIMLoss(WeightedLoss):
    """1 - SSIM (Wang et al. 2004), by BasicSR's implementation: a Gaussian window of 11 x 11, 1.5 pixels wide.

    Beside an L1 term it counts structure that L1 gives up in noise (Zhao et al. 2017).

    Args:
        loss_weight: factor of the term.
    """

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """The weighted scalar, 0 to 2 before the weight, of two (N, C, H, W) in [0, 1], H and W at least 11.

        In float32 at least, whatever autocast says: variances are small differences of large squares.

        Raises:
            TypeError: an argument is not floating-point.
            ValueError: the shapes differ, or a side is shorter than the window.
        """
        check_alike(image=image, truth=truth)
        if min(image.shape[-2:]) < WINDOW:
            raise ValueError(f"image: expected sides of at least {WINDOW}, got {(*image.shape,)}")
        exact = torch.promote_types(torch.promote_types(image.dtype, truth.dtype), torch.float32)
        with without_autocast(image.device):
            return self.loss_weight * (1 - similarity(image.to(exact) * 255, truth.to(exact) * 255).mean())

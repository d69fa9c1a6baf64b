"""Structural similarity with a truth that is known (ours): for the warm start, whose pairs are simulated."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.archs.blocks.autocast import without_autocast
from nerco_plugin.losses.base import WeightedLoss, check_alike

WINDOW = 11  # pixels across
DEVIATION = 1.5  # of the Gaussian in it, in pixels
C1, C2 = 0.01**2, 0.03**2  # of Wang et al., for values in [0, 1]


@LOSS_REGISTRY.register()
class SSIMLoss(WeightedLoss):
    """1 - SSIM (Wang et al. 2004) by channel, as BasicSR computes it: a Gaussian window of 11 x 11, 1.5 pixels wide.

    Beside an L1 term it counts structure that L1 gives up in noise (Zhao et al. 2017).

    Args:
        loss_weight: factor of the term.
    """

    window: Tensor

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        place = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
        window = torch.softmax(-place.square() / (2 * DEVIATION**2), dim=0)
        self.register_buffer("window", window, persistent=False)

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
            return self.loss_weight * (1 - self._similarity(image.to(exact), truth.to(exact)).mean())

    def _similarity(self, one: Tensor, other: Tensor) -> Tensor:
        """SSIM where the window lies inside of the images: (N, C, H - 10, W - 10)."""
        means = self._blurred(torch.cat([one, other, one.square(), other.square(), one * other]))
        mean, other_mean, square, other_square, product = means.chunk(5)
        shared = mean * other_mean
        structure = (2 * (product - shared) + C2) / (square - mean.square() + other_square - other_mean.square() + C2)
        return structure * (2 * shared + C1) / (mean.square() + other_mean.square() + C1)

    def _blurred(self, maps: Tensor) -> Tensor:
        """Means under the window, down and then across; contiguous, for cuDNN rounds to TF32 what is not."""
        maps, channels = maps.contiguous(), maps.shape[1]
        window = self.window.to(maps).expand(channels, 1, WINDOW)
        down = F.conv2d(maps, window.unsqueeze(3), groups=channels)
        return F.conv2d(down, window.unsqueeze(2), groups=channels)

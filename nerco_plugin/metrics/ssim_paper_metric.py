"""SSIM as in the paper's Table 1: scikit-image's, 7x7 uniform window, on RGB uint8.

BasicSR's ``calculate_ssim`` (11x11 Gaussian window) lies 0.003 to 0.004 away; the two never share a column.
"""

import numpy as np
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from nerco_plugin.metrics.conventions import UndefinedScoreError, checked_pair

WINDOW = 7


def structural_similarity_rgb(image: NDArray, truth: NDArray) -> float:
    """Mean SSIM over pixels and channels of two (H, W, 3) images in [0, 255].

    Raises:
        UndefinedScoreError: a side under 7 px.
    """
    if min(image.shape[:2]) < WINDOW:
        raise UndefinedScoreError(f"SSIM needs {WINDOW} px a side, got {image.shape[0]} x {image.shape[1]}")
    return float(structural_similarity(image, truth, win_size=WINDOW, channel_axis=2, data_range=255))


@METRIC_REGISTRY.register()
def calculate_ssim_paper(
    img: NDArray[np.uint8],
    img2: NDArray[np.uint8],
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray[np.uint8] | None = None,
    better: str = "higher",
) -> float:
    """SSIM of ``img`` against the paired truth ``img2``, as BasicSR calls a metric; ``lq`` and ``better`` are unused.

    Args:
        img, img2: (H, W, 3) or (3, H, W), [0, 255].
    """
    del lq, better
    image, truth = checked_pair(img, img2, "img2", crop_border=crop_border, input_order=input_order)
    return structural_similarity_rgb(image, truth)

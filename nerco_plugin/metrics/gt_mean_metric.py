"""PSNR and SSIM after GT-mean: the result is first scaled to the truth's mean brightness, which adds up to 5 dB.

Columns of their own, never mixed with plain PSNR and SSIM: the scaling uses the truth, which no user has.
"""

import cv2
import numpy as np
from basicsr.metrics import calculate_psnr
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray

from nerco_plugin.metrics.conventions import as_uint8, checked_pair
from nerco_plugin.metrics.ssim_paper_metric import structural_similarity_rgb


def scale_to_mean(image: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """``image`` times the ratio of the two gray means (Rec. 601), clipped to [0, 255]; both (H, W, 3) BGR uint8.

    A black image has no such ratio and is returned as it is.
    """
    wanted, found = (cv2.cvtColor(x, cv2.COLOR_BGR2GRAY).mean() for x in (truth, image))
    return np.clip(image * (wanted / found if found else 1.0), 0, 255)


def psnr_gt_mean(image: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """PSNR in dB over RGB of ``image`` scaled to the mean of ``truth``; inf where they are then equal."""
    return float(calculate_psnr(scale_to_mean(image, truth), truth, crop_border=0))


def ssim_gt_mean(image: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """The paper's SSIM of ``image`` scaled to the mean of ``truth``."""
    return structural_similarity_rgb(scale_to_mean(image, truth), truth.astype(np.float64))


@METRIC_REGISTRY.register()
def calculate_psnr_gt_mean(
    img: NDArray[np.uint8],
    img2: NDArray[np.uint8],
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray[np.uint8] | None = None,
    better: str = "higher",
) -> float:
    """GT-mean PSNR of ``img`` against the paired truth ``img2``, (H, W, 3) or (3, H, W), BGR uint8."""
    del lq, better
    image, truth = checked_pair(img, img2, "img2", crop_border=crop_border, input_order=input_order)
    return psnr_gt_mean(as_uint8(image), as_uint8(truth, name="img2"))


@METRIC_REGISTRY.register()
def calculate_ssim_gt_mean(
    img: NDArray[np.uint8],
    img2: NDArray[np.uint8],
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray[np.uint8] | None = None,
    better: str = "higher",
) -> float:
    """GT-mean SSIM (the paper's window) of ``img`` against ``img2``, (H, W, 3) or (3, H, W), BGR uint8."""
    del lq, better
    image, truth = checked_pair(img, img2, "img2", crop_border=crop_border, input_order=input_order)
    return ssim_gt_mean(as_uint8(image), as_uint8(truth, name="img2"))

"""BasicSR's NIQE (MATLAB-like, about 4 on LIME), guarded: an image it cannot score does not end a validation."""

import warnings

import numpy as np
from basicsr.metrics.niqe import calculate_niqe
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray

from nerco_plugin.metrics.conventions import UndefinedScoreError, checked, score_or_nan

PATCH = 96


def niqe_guarded(bgr: NDArray) -> float:
    """BasicSR's NIQE on the Y channel of an (H, W, 3) BGR image in [0, 255]; lower is better.

    Raises:
        UndefinedScoreError: no two whole patches of 96 px, or too little structure for statistics (black, constant).
    """
    height, width = bgr.shape[:2]
    if (height // PATCH) * (width // PATCH) < 2:  # of one there is no covariance
        raise UndefinedScoreError(f"NIQE needs two whole patches of {PATCH} x {PATCH} px, got {height} x {width}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # flat patches: BasicSR leaves them out after their 0 / 0
            return calculate_niqe(bgr, crop_border=0)
    except np.linalg.LinAlgError as error:
        raise UndefinedScoreError(f"NIQE finds too little structure (black or constant image?): {error}") from error


@METRIC_REGISTRY.register()
def calculate_niqe_guarded(
    img: NDArray,
    img2: NDArray | None = None,
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray | None = None,
    better: str = "lower",
) -> float:
    """BasicSR's ``calculate_niqe`` on Y of ``img``; nan, with a warning that says why, where it would raise.

    Args:
        img: (H, W, 3) or (3, H, W), BGR, [0, 255].
        img2, lq, better: Unused: NIQE has no reference.
    """
    del img2, lq, better
    return score_or_nan(niqe_guarded, checked(img, crop_border=crop_border, input_order=input_order))

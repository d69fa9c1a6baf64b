"""NIQE as in the paper's tables: scikit-video 1.1.11's variant (about 12 where MATLAB's gives 4).

Its peculiarities are the protocol and are kept: PIL's gray and resize, zero padding, a diagonal that stores its left
scale twice. Scores are never comparable with those of ``calculate_niqe``. Method: Mittal et al., SPL 2013.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import correlate1d
from scipy.special import gamma

from nerco_plugin.metrics.conventions import UndefinedScoreError, as_uint8, checked, score_or_nan

PATCH = 96
SMALLEST_SIDE = 194  # scikit-video refuses what is not over 2 * 96 + 1
SHAPES = np.arange(0.2, 10, 0.001)
SHAPE_RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))  # rises with the shape
TAPS = np.exp(-0.5 * np.arange(-3, 4) ** 2 / (7 / 6) ** 2)
WINDOW = TAPS / TAPS.sum()
PARAMS = Path(__file__).with_name("niqe_paper_params.npz")


@lru_cache(maxsize=1)
def pristine_model() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (36,) and covariance (36, 36) of the features of pristine photographs."""
    with np.load(PARAMS) as params:
        return params["pop_mu"].reshape(36), params["pop_cov"]


def blur(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh (H, W) with the 7x7 Gaussian, as two passes with zeros outside the image."""
    return correlate1d(correlate1d(plane, WINDOW, axis=0, mode="constant"), WINDOW, axis=1, mode="constant")


def mscn(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean-subtracted, contrast-normalised coefficients of (H, W): (I - mu) / (sigma + 1), zeros outside the image."""
    mean = blur(plane)
    return (plane - mean) / (np.sqrt(np.abs(blur(plane**2) - mean**2)) + 1)


def patches(plane: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Cut (H, W) into its (rows * columns, size, size) patches; H and W are multiples of ``size``."""
    height, width = plane.shape
    grid = plane.reshape(height // size, size, width // size, size)
    return grid.swapaxes(1, 2).reshape(-1, size, size)


def aggd(samples: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """Fit an asymmetric generalised Gaussian to each row of (P, n): shape, mean, left and right scale, each (P,).

    The shape is the grid point whose ratio lies nearest; rows without spread get the grid's first point.
    """
    squares = samples * samples
    left = samples < 0
    count = left.sum(axis=1)
    power_left = np.where(left, squares, 0).sum(axis=1, dtype=np.float64)
    power = squares.sum(axis=1, dtype=np.float64)
    sigma_left = np.sqrt(power_left / np.maximum(count, 1))
    sigma_right = np.sqrt((power - power_left) / np.maximum(samples.shape[1] - count, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = sigma_left / sigma_right
        ratio = np.abs(samples).mean(axis=1, dtype=np.float64) ** 2 / (power / samples.shape[1])
        ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = SHAPES[nearest_shape(np.nan_to_num(ratio, nan=0.0))]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    beta_left, beta_right = scale * sigma_left, scale * sigma_right
    mean = (beta_right - beta_left) * gamma(2 / shape) / gamma(1 / shape)
    return shape, mean, beta_left, beta_right


def nearest_shape(ratio: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the nearest entry of the rising table ``SHAPE_RATIOS`` for each ratio."""
    upper = np.clip(np.searchsorted(SHAPE_RATIOS, ratio), 1, SHAPES.size - 1)
    return upper - (ratio - SHAPE_RATIOS[upper - 1] <= SHAPE_RATIOS[upper] - ratio)


def features(blocks: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 18 features of one scale for patches (P, n, n): shape and scale, then four for each neighbour product."""
    flat = blocks.reshape(len(blocks), -1)
    shape, _, left, right = aggd(flat)
    columns = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        neighbours = np.roll(blocks, shift, axis=(1, 2)).reshape(flat.shape)
        shape, mean, left, right = aggd(flat * neighbours)
        diagonal = shift[0] and shift[1]
        columns += [shape, mean, left, left if diagonal else right]  # Note: scikit-video's slip, part of the protocol
    return np.stack(columns, axis=1)


def niqe_paper(rgb: NDArray[np.uint8]) -> float:
    """Distance of an (H, W, 3) RGB uint8 image from the model of pristine photographs; lower is better.

    Raises:
        UndefinedScoreError: a side under 194 px, or an image without any structure.
    """
    gray = Image.fromarray(np.ascontiguousarray(rgb)).convert("L")
    if min(gray.size) < SMALLEST_SIDE:
        raise UndefinedScoreError(f"NIQE (paper) needs {SMALLEST_SIDE} px a side, got {gray.height} x {gray.width}")
    if len(set(gray.getextrema())) == 1:
        raise UndefinedScoreError("NIQE (paper) is not defined on a constant image")
    width, height = (side // PATCH * PATCH for side in gray.size)
    whole = gray.crop((0, 0, width, height)).convert("F")
    half = whole.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    rows = [features(patches(mscn(np.asarray(scale)), size)) for scale, size in ((whole, PATCH), (half, PATCH // 2))]
    observed = np.concatenate(rows, axis=1)
    mean, covariance = pristine_model()
    difference = observed.mean(axis=0) - mean
    pooled = (np.cov(observed, rowvar=False) + covariance) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


@METRIC_REGISTRY.register()
def calculate_niqe_paper(
    img: NDArray[np.uint8],
    img2: NDArray[np.uint8] | None = None,
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray[np.uint8] | None = None,
    better: str = "lower",
) -> float:
    """The paper's NIQE of ``img``, as BasicSR calls a metric; nan, with a warning that says why, where undefined.

    Args:
        img: (H, W, 3) or (3, H, W), BGR as BasicSR holds saved images, uint8.
        img2, lq, better: Unused: NIQE has no reference.
    """
    del img2, lq, better
    image = as_uint8(checked(img, crop_border=crop_border, input_order=input_order))
    return score_or_nan(niqe_paper, image[..., ::-1])

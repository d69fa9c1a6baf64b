"""MATLAB's ``imresize`` for uint8: bicubic (a = -0.5), antialiased, rounded to uint8 after each of its two passes.

``basicsr.utils.matlab_functions.imresize`` stays in floats: LOE counts ties, so the rounding matters.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5, support [-2, 2]."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


@lru_cache(maxsize=64)
def taps(length: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where each of ``target`` pixels reads a line of ``length`` pixels, and how much: indices and weights (target, K).

    The kernel widens when shrinking; borders are mirrored.
    """
    scale = target / length
    stretch = min(scale, 1.0)  # < 1 when shrinking: antialiasing
    centre = (np.arange(target) + 0.5) / scale - 0.5
    reach = int(np.ceil(4 / stretch)) + 2
    index = np.floor(centre - 2 / stretch).astype(int)[:, None] + np.arange(reach)
    weight = cubic((centre[:, None] - index) * stretch)
    index %= 2 * length
    return np.where(index < length, index, 2 * length - 1 - index), weight / weight.sum(axis=1, keepdims=True)


def resize_rows(plane: NDArray, target: int) -> NDArray[np.float64]:
    """One pass: (H, W) to (target, W), not rounded."""
    index, weight = taps(plane.shape[0], target)
    return np.einsum("tk,tkw->tw", weight, plane[index])


def to_uint8(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Round half up and saturate, as MATLAB's ``uint8()``."""
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def imresize_uint8(plane: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W) uint8 to (height, width) uint8, the axis with the smaller scale first (rows on a tie)."""
    if height / plane.shape[0] <= width / plane.shape[1]:
        return to_uint8(resize_rows(to_uint8(resize_rows(plane, height)).T, width).T)
    return to_uint8(resize_rows(to_uint8(resize_rows(plane.T, width)).T, height))

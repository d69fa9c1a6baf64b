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
def weights(length: int, target: int) -> NDArray[np.float64]:
    """Matrix (target, length) of one resizing pass; the kernel widens when shrinking, borders are mirrored."""
    scale = target / length
    stretch = min(scale, 1.0)  # < 1 when shrinking: antialiasing
    centre = (np.arange(target) + 0.5) / scale - 0.5
    reach = int(np.ceil(4 / stretch)) + 2
    index = np.floor(centre - 2 / stretch).astype(int)[:, None] + np.arange(reach)
    weight = cubic((centre[:, None] - index) * stretch)
    weight /= weight.sum(axis=1, keepdims=True)
    mirrored = index % (2 * length)
    mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    matrix = np.zeros((target, length))
    np.add.at(matrix, (np.arange(target)[:, None], mirrored), weight)
    matrix.flags.writeable = False  # cached: shared by all callers
    return matrix


def to_uint8(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Round half up and saturate, as MATLAB's ``uint8()``."""
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def imresize_uint8(plane: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W) uint8 to (height, width) uint8, the axis with the smaller scale first (rows on a tie)."""
    down = weights(plane.shape[0], height)
    across = weights(plane.shape[1], width)
    if height / plane.shape[0] <= width / plane.shape[1]:
        return to_uint8(to_uint8(down @ plane) @ across.T)
    return to_uint8(down @ to_uint8(plane @ across.T))

"""The eight ways in which a file's rows and columns may lie, and how to turn them upright."""

import numpy as np

ORIENTATION = 0x0112  # EXIF and TIFF tag, values 1 to 8


def turned_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored pixels (H, W, C) as the EXIF orientation, 1 to 8, asks for."""
    if orientation in (2, 3):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4):
        pixels = pixels[::-1]
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (7, 8):
        pixels = pixels[::-1]
    return pixels

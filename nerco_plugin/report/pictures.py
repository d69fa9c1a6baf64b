"""Reading images as they are scored, and the JPEG copies and histograms that the page shows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.metrics.loe_metric import lightness

BINS = 64
LONGEST_SIDE = 2048


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read an 8-bit image as (H, W, 3) RGB uint8, turned as its EXIF says; alpha is dropped, gray is repeated.

    Raises:
        ImageReadError: the file is truncated or broken.
    """
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageReadError(f"cannot read image '{path}': {error}") from error


def save_copy(rgb: NDArray[np.uint8], path: Path) -> None:
    """Save (H, W, 3) as a JPEG fit for judging by eye: at most 2048 px, quality 92, no colour subsampling."""
    image = Image.fromarray(rgb)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    image.save(path, format="JPEG", quality=92, subsampling=0)


def lightness_histogram(rgb: NDArray[np.uint8]) -> list[int]:
    """Shares of the pixels in 64 equal bins of max(R, G, B), in thousandths."""
    counts = np.bincount(lightness(rgb).ravel() // (256 // BINS), minlength=BINS)
    return np.rint(counts * (1000 / counts.sum())).astype(int).tolist()

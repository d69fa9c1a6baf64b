"""BasicSR's metric convention, checked once: BGR images in [0, 255], HWC or CHW, and a border to leave out."""

from collections.abc import Callable

import numpy as np
from basicsr.utils import get_root_logger
from numpy.typing import NDArray


class UndefinedScoreError(ValueError):
    """A metric has no value for this image (constant, too small, ...); the message says why."""


def checked(img: NDArray, crop_border: int = 0, input_order: str = "HWC", name: str = "img") -> NDArray:
    """Return ``img`` as (H, W, C) without its border.

    Args:
        img: (H, W, C), or (C, H, W) with ``input_order`` "CHW"; C is 3; [0, 255], any dtype.
        name: What error messages call it.

    Raises:
        ValueError: another shape or order, or a border that leaves nothing.
    """
    if input_order not in ("HWC", "CHW"):
        raise ValueError(f"input_order is 'HWC' or 'CHW', got {input_order!r}")
    if img.ndim != 3:
        raise ValueError(f"{name} has 3 dimensions, got shape {img.shape}")
    if input_order == "CHW":
        img = img.transpose(1, 2, 0)
    height, width, channels = img.shape
    if channels != 3:
        raise ValueError(f"{name} has 3 channels in order {input_order}, got {channels} (shape {img.shape})")
    if crop_border < 0 or 2 * crop_border >= min(height, width):
        raise ValueError(f"crop_border {crop_border} does not fit {name} of {height} x {width}")
    return img[crop_border : height - crop_border, crop_border : width - crop_border]


def checked_pair(
    img: NDArray, other: NDArray | None, other_name: str, crop_border: int = 0, input_order: str = "HWC"
) -> tuple[NDArray, NDArray]:
    """As :func:`checked`, for an image and the one that it is compared with, which must be there and of equal size."""
    if other is None:
        raise ValueError(f"this metric compares with `{other_name}`, which the caller did not give")
    image = checked(img, crop_border=crop_border, input_order=input_order)
    reference = checked(other, crop_border=crop_border, input_order=input_order, name=other_name)
    if image.shape != reference.shape:
        raise ValueError(f"img and {other_name} differ in size: {img.shape} against {other.shape}")
    return image, reference


def as_uint8(img: NDArray, name: str = "img") -> NDArray[np.uint8]:
    """Check that ``img`` is uint8: scores are taken on saved 8-bit images."""
    if img.dtype != np.uint8:
        raise ValueError(f"{name} is uint8 in [0, 255], as saved, got {img.dtype}")
    return img


def score_or_nan(metric: Callable[[NDArray], float], image: NDArray) -> float:
    """``metric(image)``, or nan and a warning where it is undefined, so that a validation goes on."""
    try:
        return metric(image)
    except UndefinedScoreError as error:
        get_root_logger().warning(f"no score: {error}")
        return float("nan")

"""Reads an image file, or its bytes, to RGB float32 in [0, 1]; every failure names the file."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from nerco_plugin.data.decoder_errors import DECODER_ERRORS
from nerco_plugin.data.deep_image import bits_per_value, decode_deep, is_deep, open_image, stored_size
from nerco_plugin.data.orientation import ORIENTATION, turned_upright
from nerco_plugin.data.unknown_tiff import describe_unknown


class ImageReadError(ValueError):
    """An image that cannot be read, or holds values that are no image; the message names the file."""


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file as RGB float32 (H, W, 3) in [0, 1]; see :func:`decode_image`.

    Raises:
        ImageReadError: the file is absent, a folder, empty, or no readable image.
    """
    return decode_image(read_bytes(path), name=str(path))


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file; raises ``ImageReadError`` with its name where that fails."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageReadError(f"cannot read image file '{path}': {error.strerror or error}") from error


class ImageHeader(NamedTuple):
    """What a file says about its image before it is decoded; height and width as seen upright."""

    height: int
    width: int
    bits: int


def read_header(path: str | Path) -> ImageHeader:
    """Read an image's size and bits per value without decoding it; raises ``ImageReadError`` where that fails."""
    try:
        with open_image(path) as image:
            bits = bits_per_value(image)
            width, height = stored_size(image)
            if Image.Image.getexif(image).get(ORIENTATION) in range(5, 9):  # PNG's own getexif decodes the whole image
                width, height = height, width
            return ImageHeader(height, width, bits)
    except DECODER_ERRORS as error:
        raise ImageReadError(f"cannot read image '{path}': {type(error).__name__}: {error}") from error


def decode_image(content: bytes, name: str) -> np.ndarray:
    """Decode the bytes of an image file to RGB float32 (H, W, 3) in [0, 1].

    Gray is repeated over the three channels, 16-bit values are divided by 65535, an EXIF orientation is applied, and
    of an image with transparency the colours are taken as they are stored (an alpha multiplied into them is divided
    out).

    Args:
        content: the whole file.
        name: what errors call it, such as its path or its LMDB key.

    Raises:
        ImageReadError: empty, truncated or damaged bytes, an unknown format, or float values outside [0, 1].
    """
    if not content:
        raise ImageReadError(f"cannot read image '{name}': it is empty (0 bytes)")
    try:
        pixels = _decode(content)
    except UnidentifiedImageError as error:
        raise ImageReadError(
            f"cannot read image '{name}' ({len(content)} bytes): {describe_unknown(content)}"
        ) from error
    except DECODER_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImageReadError(f"cannot read image '{name}' ({len(content)} bytes): {reason}") from error
    return _to_unit_range(pixels, name)


def _decode(content: bytes) -> np.ndarray:
    """(H, W, 3) of any type, upright; Pillow loads everything, since it notices truncated files."""
    with open_image(io.BytesIO(content)) as image:
        goes_deep = is_deep(image)
        orientation = image.getexif().get(ORIENTATION, 1)
        image.load()
        if not goes_deep:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        pixels = decode_deep(image, content)
        is_gray = pixels.shape[2] <= 2
        pixels = np.repeat(pixels[..., :1], 3, axis=2) if is_gray else pixels[..., :3]
        return turned_upright(pixels, 1 if image.format == "TIFF" else orientation)


def _to_unit_range(pixels: np.ndarray, name: str) -> np.ndarray:
    """Scale integers of 8 or 16 bits to float32 in [0, 1]; floats must be there already."""
    if pixels.dtype == np.int32 and pixels.min() >= 0 and pixels.max() <= 65535:
        pixels = pixels.astype(np.uint16)  # Pillow's mode I, which it also uses for gray of 16 bits
    if pixels.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if pixels.dtype == np.float32 and np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1:
        return np.ascontiguousarray(pixels)
    found = f"{pixels.dtype} from {pixels.min()} to {pixels.max()}"
    raise ImageReadError(f"cannot read image '{name}': expected 8 or 16 bits, or floats in [0, 1], got {found}")

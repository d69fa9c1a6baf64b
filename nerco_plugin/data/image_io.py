"""Reads an image file, or its bytes, to RGB float32 in [0, 1]; every failure names the file."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

_ORIENTATION = 0x0112  # EXIF and TIFF tag, values 1 to 8

# What Pillow raises on damaged bytes, over all its formats.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    cv2.error,
    Image.DecompressionBombError,
)


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


def decode_image(content: bytes, name: str) -> np.ndarray:
    """Decode the bytes of an image file to RGB float32 (H, W, 3) in [0, 1].

    Gray is repeated over the three channels, 16-bit values are divided by 65535, an EXIF orientation is applied, and
    of an image with transparency the colours are taken as they are stored.

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
    except _DECODER_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImageReadError(f"cannot read image '{name}' ({len(content)} bytes): {reason}") from error
    return _to_unit_range(pixels, name)


def _decode(content: bytes) -> np.ndarray:
    """Pillow reads everything once, since it notices truncated files; OpenCV then gives the values of deep ones."""
    with Image.open(io.BytesIO(content)) as image:
        orientation = image.getexif().get(_ORIENTATION, 1)
        may_be_deep = content[24] == 16 if image.format == "PNG" else image.format in ("TIFF", "PPM", "JPEG2000")
        image.load()
        if may_be_deep:
            flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
            if pixels is not None and pixels.dtype != np.uint8:
                return _upright(pixels[..., ::-1], orientation)
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored pixels (H, W, 3) as the EXIF orientation, 1 to 8, asks for."""
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


def _to_unit_range(pixels: np.ndarray, name: str) -> np.ndarray:
    """Scale integers of any depth to float32 in [0, 1]; floats must be there already."""
    if pixels.dtype in (np.uint8, np.uint16):
        return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if pixels.dtype not in (np.float32, np.float64):
        raise ImageReadError(f"cannot read image '{name}': expected 8-bit, 16-bit or float values, got {pixels.dtype}")
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        found = f"{pixels.min()} to {pixels.max()}"
        raise ImageReadError(f"cannot read image '{name}': expected float values in [0, 1], got {found}")
    return np.ascontiguousarray(pixels, dtype=np.float32)

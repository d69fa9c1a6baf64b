"""Images of more than 8 bits a value, which Pillow cuts to 8 bits or does not know: who reads which of them right."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cv2.utils import logging as cv2_logging
from PIL import Image, UnidentifiedImageError

from nerco_plugin.data.orientation import ORIENTATION, turned_upright

_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANES, _ALPHA, _PROFILE = 256, 257, 258, 262, 284, 338, 34675  # TIFF
_WHITE_IS_ZERO, _PLANES_APART, _ALPHA_MULTIPLIED_IN = 0, 2, (1, (1,))
_TIFF_STARTS = (b"II*\x00", b"MM\x00*")
_PNG_COLOUR_TYPE = 25  # place of the byte that tells gray with alpha (4), which Pillow calls RGBA at 16 bits


class _GrayAlphaTiff(Image.Image):
    """Stands in for a TIFF of gray and alpha of 16 bits, which Pillow does not know: its size and tags, no pixels."""

    format = "TIFF"

    def __init__(self, content: bytes) -> None:
        super().__init__()
        tags = self.getexif()
        tags.load(content)
        if tags.get(_BITS_PER_SAMPLE) != (16, 16) or tags.get(_PHOTOMETRIC) not in (0, 1):
            raise UnidentifiedImageError("neither Pillow's nor gray and alpha of 16 bits")
        self.tag_v2 = dict(tags)
        self._mode, self._size = "LA", (tags[_WIDTH], tags[_HEIGHT])
        self.info["icc_profile"] = tags.get(_PROFILE)
        with _opened_by_tifffile(content) as file:
            self.n_frames = len(file.pages)


def open_image(file: str | Path | io.BytesIO) -> Image.Image:
    """As Pillow's ``Image.open``; opens TIFFs of gray and alpha of 16 bits too, which only decode_deep can decode."""
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        content = file.getvalue() if isinstance(file, io.BytesIO) else Path(file).read_bytes()
        if content[:4] not in _TIFF_STARTS:
            raise
        return _GrayAlphaTiff(content)


def bits_per_value(image: Image.Image) -> int:
    """Bits per value in the file, which Pillow's mode hides for colours; ask before anything loads the image."""
    if image.format == "TIFF":
        return max(_tiff_tags(image).get(_BITS_PER_SAMPLE, (8,)))
    if image.format == "JPEG2000":
        return 8 if image.mode == "LA" else 16  # OpenCV knows the depth, but not gray with alpha
    decoder = str(getattr(image, "tile", ""))  # such as "RGB;16B" for PNG and ("RGB", 65535) for PPM
    return 16 if image.mode.startswith(("I", "F")) or ";16" in decoder or ", 65535)" in decoder else 8


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as the pixels lie in the file; a TIFF's ``size`` is turned upright already by newer Pillows."""
    tags = _tiff_tags(image)
    return (tags[_WIDTH], tags[_HEIGHT]) if image.format == "TIFF" else image.size


def is_deep(image: Image.Image) -> bool:
    """Whether the image is one for :func:`decode_deep`; ask before anything loads it."""
    return bits_per_value(image) > 8 and (len(image.getbands()) > 1 or image.mode.startswith(("I", "F")))


def decode_deep(image: Image.Image, content: bytes) -> np.ndarray:
    """Decode an image that :func:`is_deep` said yes to, once Pillow has loaded it without finding it damaged.

    Returns:
        (H, W, C), C 1 for gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha, with black at zero and alpha not multiplied
        in; uint16, or what else the file holds. A TIFF is upright, others lie as they are stored.

    Raises:
        ValueError: CMYK, or colours that no decoder here knows.
    """
    tags = _tiff_tags(image)
    if image.mode == "CMYK":
        raise ValueError("CMYK of more than 8 bits is not known here: save it as RGB")
    if len(image.getbands()) == 1:
        pixels = np.asarray(image)[..., None]
    elif image.mode == "LA" or tags.get(_PLANES) == _PLANES_APART:
        pixels = _decoded_by_tifffile(content)
    else:
        is_gray = image.format == "PNG" and content[_PNG_COLOUR_TYPE] == 4
        pixels = _decoded_by_opencv(content)[..., [2, 3] if is_gray else slice(None)]
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if "transparency" in image.info and pixels.shape[2] == 1:  # a PNG's one shade that is not to be seen
        alpha = np.where(pixels == image.info["transparency"], 0, 65535).astype(pixels.dtype)
        pixels = np.concatenate([pixels, alpha], axis=2)
    if pixels.dtype == np.uint16 and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        pixels = np.concatenate([65535 - pixels[..., :1], pixels[..., 1:]], axis=2)
    return _divided_by_alpha(pixels) if tags.get(_ALPHA) in _ALPHA_MULTIPLIED_IN else pixels


def _tiff_tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _decoded_by_opencv(content: bytes) -> np.ndarray:
    """(H, W, 3) RGB or (H, W, 4) RGB and alpha; OpenCV turns a TIFF upright by itself."""
    level = cv2_logging.setLogLevel(cv2_logging.LOG_LEVEL_SILENT)  # our error says it, with the file's name
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2_logging.setLogLevel(level)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError("OpenCV cannot decode these colours")
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _decoded_by_tifffile(content: bytes) -> np.ndarray:
    """(H, W, C) upright; OpenCV takes planes that lie apart for pixels in a row, but knows more compressions."""
    with _opened_by_tifffile(content) as file:
        page = file.pages.first
        planes = page.asarray().reshape(page.shaped)[:, 0]  # (planes apart, H, W, values together)
        orientation = page.tags.valueof(ORIENTATION, default=1)
    pixels = np.moveaxis(planes, 0, 2).reshape(*planes.shape[1:3], -1)
    if pixels.shape[2] not in (2, 3, 4):
        raise ValueError(f"expected up to 4 values a pixel, got {pixels.shape[2]}")
    return turned_upright(pixels, orientation)


@contextmanager
def _opened_by_tifffile(content: bytes) -> Iterator[Any]:
    import tifffile  # here alone: it takes a tenth of a second

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            yield file
    except tifffile.TiffFileError as error:  # in old releases no ValueError
        raise ValueError(f"tifffile: {error}") from error


def _divided_by_alpha(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C) uint16 whose last channel was multiplied into the others, without that."""
    values, alpha = np.split(pixels.astype(np.uint32), [-1], axis=2)
    np.floor_divide(values * 65535 + alpha // 2, alpha, out=values, where=alpha > 0)
    return np.concatenate([np.minimum(values, 65535), alpha], axis=2).astype(np.uint16)

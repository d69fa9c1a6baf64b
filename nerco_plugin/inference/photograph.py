"""A photograph with all that its file says about it: colours, depth, alpha, profile, EXIF, density, XMP, in and out."""

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from nerco_plugin.data.decoder_errors import DECODER_ERRORS
from nerco_plugin.data.deep_image import decode_deep, is_deep, open_image
from nerco_plugin.data.image_io import ImageReadError, read_bytes
from nerco_plugin.data.orientation import ORIENTATION, turned_upright
from nerco_plugin.data.unknown_tiff import describe_unknown
from nerco_plugin.inference.any_size import any_size
from nerco_plugin.inference.extras import Extras, fitting_exif, read_extras, save_options
from nerco_plugin.inference.formats import IMAGE_FORMATS
from nerco_plugin.inference.lossless_writers import encode_png16, encode_tiff

# What a TIFF says about its own pixels, which an encoder says anew: no part of the photograph's EXIF. And Photoshop's
# thumbnail (34377) and layers (37724), which would show the dark original.
_TIFF_LAYOUT = (*range(254, 260), 262, 266, 273, *range(277, 280), 284, 317, *range(320, 326))
_TIFF_LAYOUT += (330, 338, 339, 347, 34377, 34675, 37724)

LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}  # what their encoders take
LOSSY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95, "exact": True}}
LOSSLESS_WEBP: dict[str, Any] = {"lossless": True, "exact": True}


@dataclass(frozen=True)
class Photograph:
    """An image as its file holds it, turned upright.

    ``pixels`` (H, W, C) are uint8 or uint16; C is 1 for gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. ``extras`` are
    what else is handed through.
    """

    pixels: np.ndarray
    profile: bytes | None
    exif: Image.Exif
    extras: Extras = Extras()


def read_photograph(path: str | Path, check_size: Callable[[int, int], None] | None = None) -> Photograph:
    """Read an image file; a palette becomes RGB or RGBA, and CMYK and Lab become RGB without their profiles.

    Args:
        path: the file.
        check_size: called with height and width before they are decoded; may raise. Without it Pillow's limit holds.

    Raises:
        ImageReadError: the file cannot be read, has several frames, or values that are not of 8 or 16 bits.
    """
    content = read_bytes(path)
    if not content:
        raise ImageReadError(f"cannot read image '{path}': it is empty (0 bytes)")
    with any_size() if check_size else nullcontext():
        if check_size:
            with _opened(path, content) as image:
                width, height = image.size
            check_size(height, width)
        with _opened(path, content) as image:
            return _decoded(image, content)


@contextmanager
def _opened(path: str | Path, content: bytes) -> Iterator[Image.Image]:
    """The image, not yet decoded; whatever is wrong with it becomes an ImageReadError."""
    try:
        with open_image(io.BytesIO(content)) as image:
            yield image
    except UnidentifiedImageError as error:
        raise ImageReadError(
            f"cannot read image '{path}' ({len(content)} bytes): {describe_unknown(content)}"
        ) from error
    except DECODER_ERRORS as error:
        raise ImageReadError(f"cannot read image '{path}': {type(error).__name__}: {error}") from error


def _decoded(image: Image.Image, content: bytes) -> Photograph:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # what phones add to a JPEG: the first frame is the photograph
        raise ValueError(f"expected one image, got {frames} frames or pages")
    goes_deep = is_deep(image)
    exif = _exif(image)
    image.load()  # notices truncated files
    pixels = decode_deep(image, content) if goes_deep else np.asarray(image.convert(_plain_mode(image)))
    # A TIFF is upright once it is decoded.
    pixels = turned_upright(np.atleast_3d(pixels), 1 if image.format == "TIFF" else exif.get(ORIENTATION, 1))
    profile = _fitting_profile(image.info.get("icc_profile"), pixels.shape[2])
    return Photograph(_as_integers(pixels), profile, exif, read_extras(image, content, exif))


def _fitting_profile(profile: bytes | None, channels: int) -> bytes | None:
    """The profile, unless it is of other colours, such as CMYK or Lab, than what is made of them (ICC.1, 7.2.6)."""
    colours = b"GRAY" if channels <= 2 else b"RGB "
    return profile if profile and profile[16:20] == colours else None


def _plain_mode(image: Image.Image) -> str:
    """The mode of gray or RGB, with or without alpha, that holds what ``image`` shows."""
    if image.mode in ("1", "L", "LA", "La"):
        return "LA" if image.has_transparency_data else "L"
    return "RGBA" if image.has_transparency_data else "RGB"


def _as_integers(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C) uint8 or uint16; raises ValueError for other values."""
    if pixels.dtype == np.int32 and pixels.min() >= 0 and pixels.max() <= 65535:
        pixels = pixels.astype(np.uint16)  # Pillow's mode I, which it also uses for gray of 16 bits
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected 8 or 16 bits, got {pixels.dtype} from {pixels.min()} to {pixels.max()}")
    return np.ascontiguousarray(pixels)


def _exif(image: Image.Image) -> Image.Exif:
    """The image's EXIF with its sub-directories, without a thumbnail, which would show the dark original."""
    found = image.getexif()
    exif = Image.Exif()
    try:
        for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if directory in found:
                found.get_ifd(directory)  # a TIFF's would be lost otherwise
        exif.load(found.tobytes())
    except DECODER_ERRORS:  # damaged: no reason to lose the photograph too
        exif[ORIENTATION] = found.get(ORIENTATION, 1)
    for tag in _TIFF_LAYOUT:
        exif.pop(tag, None)
    if exif.get(ORIENTATION, 1) not in range(1, 9):  # such as bytes, which nobody turns by
        del exif[ORIENTATION]
    return exif


def check_holds(path: Path, pixels: np.ndarray) -> None:
    """Raises ValueError where the format that ``path`` names cannot hold these pixels' depth, alpha or size."""
    form = IMAGE_FORMATS[path.suffix.lower()]
    longest = LONGEST_SIDE.get(form)
    if longest and max(pixels.shape[:2]) > longest:
        size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        raise ValueError(f"{path}: {form} does not hold {size}, but up to {longest} a side; choose PNG or TIFF")
    if pixels.dtype == np.uint16 and form not in ("PNG", "TIFF"):
        raise ValueError(f"{path}: {form} does not hold 16 bits; choose PNG or TIFF")
    if pixels.shape[2] in (2, 4) and form == "JPEG":
        raise ValueError(f"{path}: JPEG does not hold alpha; choose PNG, TIFF or WebP")
    if pixels.shape[2] == 2 and form == "BMP":
        raise ValueError(f"{path}: BMP does not hold gray with alpha; choose PNG or TIFF")


def encode_photograph(photograph: Photograph, path: Path) -> bytes:
    """The bytes of an image file of the format that ``path`` ends in, its pixels turned as its EXIF says.

    Raises:
        ValueError: that format cannot hold the depth, the alpha, the size, or what the file says beside them.
    """
    check_holds(path, photograph.pixels)
    try:
        return _encoded(photograph, path)
    except struct.error as error:
        raise ValueError(f"{path}: what the file says beside its pixels cannot be written: {error}") from error


def _encoded(photograph: Photograph, path: Path) -> bytes:
    form = IMAGE_FORMATS[path.suffix.lower()]
    orientation = photograph.exif.get(ORIENTATION, 1) if form != "BMP" else 1  # which has no EXIF
    inverse = {6: 8, 8: 6}.get(orientation, orientation)  # all others are their own
    stored = np.ascontiguousarray(turned_upright(photograph.pixels, inverse))
    if form == "TIFF":
        return encode_tiff(stored, photograph.profile, photograph.exif, photograph.extras)
    if stored.dtype == np.uint16:
        return encode_png16(stored, photograph.profile, photograph.exif, photograph.extras)
    if form == "BMP" and stored.shape[2] == 4:  # Pillow would leave the alpha's mask out
        return cv2.imencode(".bmp", stored[..., [2, 1, 0, 3]])[1].tobytes()
    is_lossless_webp = form == "WEBP" and photograph.extras.is_lossless
    options = LOSSLESS_WEBP if is_lossless_webp else LOSSY.get(form, {})
    options = options | save_options(photograph.extras, form)
    if form != "BMP":  # which holds neither
        options["icc_profile"] = photograph.profile
        if len(photograph.exif):
            options["exif"] = fitting_exif(photograph.exif, form)
    file = io.BytesIO()
    Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored).save(file, form, **options)
    return file.getvalue()

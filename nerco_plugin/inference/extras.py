"""What a photograph's file says beside pixels, profile and EXIF: density, XMP, comment, and whether it is lossless."""

import math
import struct
from typing import Any, NamedTuple

from PIL import ExifTags, Image, PngImagePlugin

XMP_KEYWORD = "XML:com.adobe.xmp"  # of a PNG's iTXt chunk
_XMP_TAG = 700  # TIFF
_X_RESOLUTION = 282  # TIFF and EXIF
_LONGEST_XMP = 65504  # in JPEG's one segment
_LONGEST_EXIF = 65533  # likewise
_ENTRY = 12  # bytes of an EXIF entry beside its value
_MOST_DPI = 65535  # JPEG's
# XMP with these speaks of a film or a gain map behind the image, which the result does not have.
_OF_THINGS_BEHIND = (b"MotionPhoto", b"MicroVideo", b"ns.google.com/photos/1.0/container/", b"hdr-gain-map")


class Extras(NamedTuple):
    """``dpi`` across and down, as stored; ``xmp`` a packet in UTF-8; the other two are a JPEG's and a WebP's."""

    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    is_lossless: bool = False


def read_extras(image: Image.Image, content: bytes, exif: Image.Exif) -> Extras:
    """What a loaded image says; takes a TIFF's XMP out of ``exif``, where it is a tag like others."""
    xmp = exif.pop(_XMP_TAG, None) or image.info.get("xmp")
    if not isinstance(xmp, bytes) or any(name in xmp for name in _OF_THINGS_BEHIND):
        xmp = None
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO") else None
    return Extras(_dpi(image, exif), xmp, comment, image.format == "WEBP" and _is_lossless_webp(content))


def save_options(extras: Extras, form: str) -> dict[str, Any]:
    """What Pillow's ``save`` is told to write of them into a file of the format ``form``, as far as that holds it."""
    options: dict[str, Any] = {}
    if extras.dpi and form in ("JPEG", "PNG", "BMP"):
        options["dpi"] = extras.dpi
    if extras.comment and form == "JPEG":
        options["comment"] = extras.comment
    if extras.xmp and (form == "WEBP" or (form == "JPEG" and len(extras.xmp) <= _LONGEST_XMP)):
        options["xmp"] = extras.xmp
    if extras.xmp and form == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(XMP_KEYWORD, extras.xmp.decode(errors="replace"))
    return options


def fitting_exif(exif: Image.Exif, form: str) -> bytes:
    """EXIF as bytes, for a JPEG without its longest entries if it would not fit."""
    content = exif.tobytes()
    if form != "JPEG" or len(content) <= _LONGEST_EXIF:
        return content
    fitting = Image.Exif()
    fitting.load(content)
    parts = [fitting.get_ifd(tag) for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo) if tag in fitting]
    while (excess := len(content := fitting.tobytes()) - _LONGEST_EXIF) > 0:
        places = [(part, tag) for part in (fitting, *parts) for tag in part]
        places.sort(key=lambda place: _length(place[0][place[1]]))
        while excess > 0 and places:
            part, tag = places.pop()
            excess -= _length(part[tag]) + _ENTRY
            del part[tag]
    return content


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (bytes, str, tuple)) else 0


def _dpi(image: Image.Image, exif: Image.Exif) -> tuple[float, float] | None:
    """None where the file gives none, or nonsense; Pillow makes 72 up for JPEGs with EXIF that lack it."""
    if image.format in ("JPEG", "MPO") and not image.info.get("jfif_unit") and _X_RESOLUTION not in exif:
        return None
    across, down = map(float, image.info.get("dpi", (0, 0)))
    is_real = all(math.isfinite(value) and 1 <= value <= _MOST_DPI for value in (across, down))
    return (across, down) if is_real else None


def _is_lossless_webp(content: bytes) -> bool:
    """Whether the image's own chunk, the only one or among those of the extended format, is VP8L."""
    position = 12
    while position + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, position)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8L")
        position += 8 + size + size % 2
    return False

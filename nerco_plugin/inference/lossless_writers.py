"""PNG of 16 bits and TIFF, with any channels and all that a file says: of which Pillow and OpenCV each lack a part."""

import struct
import zlib

import numpy as np
from PIL import Image

from nerco_plugin.inference.extras import XMP_KEYWORD, Extras

_PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels
_PNG_SUB = 1  # the filter "difference to the pixel before"
_OF_YCBCR = range(529, 533)  # TIFF's tags of how it is coded and where its black and white lie: not those of RGB
_EXIF_HEADER = b"Exif\x00\x00"


def encode_png16(pixels: np.ndarray, profile: bytes | None, exif: Image.Exif, extras: Extras) -> bytes:
    """A PNG of (H, W, C) uint16, C from 1 to 4 (see ``Photograph``); PNG specification, third edition."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    step = 2 * channels
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _PNG_SUB
    filtered[:, 1 : 1 + step] = rows[:, :step]
    np.subtract(rows[:, step:], rows[:, :-step], out=filtered[:, 1 + step :])
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOUR_TYPES[channels], 0, 0, 0))]
    if profile:
        chunks.append((b"iCCP", b"ICC Profile\x00\x00" + zlib.compress(profile)))
    if extras.dpi:
        a_metre = (round(value / 0.0254) for value in extras.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", *a_metre, 1)))
    if extras.xmp:
        chunks.append((b"iTXt", XMP_KEYWORD.encode() + b"\x00\x00\x00\x00\x00" + extras.xmp))  # as it is, no language
    if len(exif):
        chunks.append((b"eXIf", exif.tobytes().removeprefix(_EXIF_HEADER)))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, body) for kind, body in chunks)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encode_tiff(pixels: np.ndarray, profile: bytes | None, exif: Image.Exif, extras: Extras) -> bytes:
    """A TIFF of (H, W, C) uint8 or uint16, C from 1 to 4, compressed without loss; TIFF 6.0 and Adobe's supplement 2.

    EXIF is a TIFF itself: its directory gets the entries that describe the pixels, and these follow as one strip.
    """
    height, width, channels = pixels.shape
    differences = pixels.copy()
    differences[:, 1:] -= pixels[:, :-1]
    strip = zlib.compress(differences.astype(pixels.dtype.newbyteorder("<")).tobytes())
    directory = Image.Exif()
    directory.load(exif.tobytes())
    directory.endian = "<"
    for tag in _OF_YCBCR:
        directory.pop(tag, None)
    layout = {
        256: width,
        257: height,
        258: (8 * pixels.itemsize,) * channels,
        259: 8,  # deflate
        262: 1 if channels <= 2 else 2,  # black is zero, or RGB
        273: 0,  # where the strip begins: Pillow counts from the directory's end
        277: channels,
        278: height,
        279: len(strip),
        284: 1,  # channels together
        317: 2,  # horizontal differences
    }
    for tag, value in layout.items():
        directory[tag] = value
    if extras.dpi and 282 not in directory:
        directory[282], directory[283] = extras.dpi
        directory[296] = 2  # an inch
    if extras.xmp:
        directory[700] = extras.xmp
    if channels in (2, 4):
        directory[338] = 2  # alpha not multiplied in
    if profile:
        directory[34675] = profile
    return directory.tobytes().removeprefix(_EXIF_HEADER) + strip

"""Says of what Pillow does not know what it is: a TIFF of floats, of 32 bits, or of other colours; or nothing known."""

import io
import logging

from nerco_plugin.data.decoder_errors import DECODER_ERRORS

_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")  # the latter two are BigTIFF's
_UNKNOWN = "no known image format"


def describe_unknown(content: bytes) -> str:
    """Such as ``a TIFF of 3 x float32 (RGB)``, with what would be read; ``no known image format`` of no TIFF."""
    if content[:4] not in _STARTS:
        return _UNKNOWN
    import tifffile  # here alone: it takes a tenth of a second

    log = logging.getLogger("tifffile")  # it would tell of damage on its own
    log.disabled, was_disabled = True, log.disabled
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            page = file.pages.first
            colours = getattr(page.photometric, "name", page.photometric)  # a number where tifffile knows no name
            held = f"{page.samplesperpixel} x {page.dtype} ({colours})"
    except (*DECODER_ERRORS, tifffile.TiffFileError):  # no ValueError in old releases
        return _UNKNOWN
    finally:
        log.disabled = was_disabled
    return f"a TIFF of {held}; expected gray or RGB, with or without alpha, of uint8 or uint16"

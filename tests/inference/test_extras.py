"""Density, XMP, comment and losslessness come through, into every format that holds them, and nothing made up."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from nerco_plugin.inference.photograph import encode_photograph, read_photograph

PIXELS = np.random.default_rng(0).integers(0, 99, (9, 12, 4), dtype=np.uint8)
COLOURS = Image.fromarray(PIXELS[..., :3])
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">H\xc3\xb6he</x:xmpmeta>'
ENDINGS = [".jpg", ".png", ".tif", ".webp"]


def options(ending: str) -> dict[str, object]:
    """What Pillow writes 300 dpi and the XMP with."""
    if ending == ".tif":
        return {"dpi": (300, 300), "tiffinfo": {700: XMP}}
    if ending == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        return {"dpi": (300, 300), "pnginfo": info}
    return {"xmp": XMP} if ending == ".webp" else {"xmp": XMP, "dpi": (300, 300)}


def through(path: Path, ending: str) -> Image.Image:
    """The file as it is read and written again, in the format of ``ending``, opened by Pillow."""
    return Image.open(io.BytesIO(encode_photograph(read_photograph(path), Path(f"x{ending}"))))


@pytest.mark.parametrize("after", ENDINGS)
@pytest.mark.parametrize("before", ENDINGS)
def test_density_and_xmp(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{before}"
    COLOURS.save(path, **options(before))
    image = through(path, after)
    assert image.info["xmp"] == XMP
    if ".webp" not in (before, after):  # which has no density
        assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-3)


def test_density_and_xmp_of_sixteen_bits(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(PIXELS[..., 0].astype(np.uint16)).save(path, **options(".png"))
    for ending in (".png", ".tif"):
        image = through(path, ending)
        assert image.mode == "I;16"
        assert image.info["xmp"] == XMP
        assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-3)


def test_density_a_centimetre_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    COLOURS.save(path, tiffinfo={282: 118.5, 283: 118.5, 296: 3})
    tags = through(path, ".tif").tag_v2
    assert (tags[282], tags[283], tags[296]) == (118.5, 118.5, 3)


def test_no_density_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    COLOURS.save(path, exif=exif)
    assert Image.open(path).info["dpi"] == (72, 72)  # Pillow's word
    assert read_photograph(path).extras.dpi is None
    for zero in (TiffImagePlugin.IFDRational(300, 0), 0, 1e9):
        path = tmp_path / "x.tif"
        COLOURS.save(path, tiffinfo={282: zero, 283: zero, 296: 2})
        assert read_photograph(path).extras.dpi is None
        assert through(path, ".jpg").size == through(path, ".tif").size == COLOURS.size


def test_comment(tmp_path: Path) -> None:
    COLOURS.save(tmp_path / "x.jpg", comment=b"a walk by night")
    assert through(tmp_path / "x.jpg", ".jpg").info["comment"] == b"a walk by night"
    assert through(tmp_path / "x.jpg", ".png").size == COLOURS.size


@pytest.mark.parametrize("xmp", [None, XMP], ids=["plain", "extended"])
def test_a_lossless_webp_stays_one(xmp: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.webp"
    Image.fromarray(PIXELS).save(path, lossless=True, exact=True, **({"xmp": xmp} if xmp else {}))
    assert (path.read_bytes()[12:16] == b"VP8X") == bool(xmp)
    np.testing.assert_array_equal(np.asarray(through(path, ".webp")), PIXELS)
    COLOURS.save(path, quality=90)
    assert not read_photograph(path).extras.is_lossless


def test_xmp_of_a_film_behind_the_image_is_left_out(tmp_path: Path) -> None:
    COLOURS.save(tmp_path / "x.jpg", xmp=XMP.replace(b"H", b'GCamera:MotionPhoto="1"'))
    assert "xmp" not in through(tmp_path / "x.jpg", ".jpg").info


def test_xmp_too_long_for_a_jpeg_is_left_out(tmp_path: Path) -> None:
    COLOURS.save(tmp_path / "x.webp", xmp=XMP + b" " * 70000)
    assert "xmp" not in through(tmp_path / "x.webp", ".jpg").info
    assert len(through(tmp_path / "x.webp", ".png").info["xmp"]) > 70000


def test_layers_and_thumbnails_of_the_dark_original_are_left_out(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (34377, 37724, 33723):  # Photoshop's resources and layers; IPTC
        tags[tag] = b"8BIM"
        tags.tagtype[tag] = 7
    COLOURS.save(tmp_path / "x.tif", tiffinfo=tags)
    kept = through(tmp_path / "x.tif", ".tif").tag_v2
    assert {34377, 37724, 33723} & set(kept) == {33723}

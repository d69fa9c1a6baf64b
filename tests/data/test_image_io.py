"""Images of every depth and number of channels are read right, and damaged ones are named."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from nerco_plugin.data.image_io import ImageReadError, decode_image, read_header, read_image
from nerco_plugin.data.orientation import turned_upright

RNG = np.random.default_rng(0)
EIGHT = RNG.integers(0, 256, (21, 34, 4), dtype=np.uint8)
SIXTEEN = RNG.integers(0, 65536, (21, 34, 4), dtype=np.uint16)
ORIENTATION = 0x0112


def encoded(pixels: np.ndarray, ending: str) -> bytes:
    """The file that OpenCV writes for RGB(A) or gray pixels."""
    order = {2: pixels, 3: pixels[..., [2, 1, 0, 3][: pixels.shape[-1]]]}[pixels.ndim]
    return cv2.imencode(ending, order)[1].tobytes()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_orientation(png: bytes, orientation: int) -> bytes:
    """A PNG with an eXIf chunk after its header."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(content)) + b"eXIf" + content + struct.pack(">I", zlib.crc32(b"eXIf" + content))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp", ".ppm"])
def test_eight_bits(ending: str) -> None:
    image = decode_image(encoded(EIGHT[..., :3], ending), "f")
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, EIGHT[..., :3].astype(np.float32) / 255)


@pytest.mark.parametrize("ending", [".png", ".tif", ".ppm"])
def test_sixteen_bits_keep_their_depth(ending: str) -> None:
    image = decode_image(encoded(SIXTEEN[..., :3], ending), "f")
    np.testing.assert_array_equal(image, SIXTEEN[..., :3].astype(np.float32) / 65535)


@pytest.mark.parametrize(("ending", "pixels"), [(".png", EIGHT), (".png", SIXTEEN), (".pgm", SIXTEEN)])
def test_gray_fills_three_channels(ending: str, pixels: np.ndarray) -> None:
    gray = pixels[..., 0]
    expected = np.repeat(gray[..., None], 3, axis=2).astype(np.float32) / np.iinfo(gray.dtype).max
    np.testing.assert_array_equal(decode_image(encoded(gray, ending), "f"), expected)


@pytest.mark.parametrize("pixels", [EIGHT, SIXTEEN])
def test_alpha_leaves_the_colours_as_stored(pixels: np.ndarray) -> None:
    expected = pixels[..., :3].astype(np.float32) / np.iinfo(pixels.dtype).max
    np.testing.assert_array_equal(decode_image(encoded(pixels, ".png"), "f"), expected)


def test_palette_and_black_and_white() -> None:
    palette = Image.fromarray(EIGHT[..., :3]).quantize(16)
    bitmap = Image.fromarray(EIGHT[..., 0] > 99)
    for image in (palette, bitmap):
        expected = np.asarray(image.convert("RGB"), np.float32) / 255
        np.testing.assert_array_equal(decode_image(saved(image, "PNG"), "f"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_at_any_depth(orientation: int) -> None:
    eight, sixteen = (pixels[..., :3] for pixels in (EIGHT, EIGHT.astype(np.uint16) * 257))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    jpeg = saved(Image.fromarray(EIGHT[..., :3]), "JPEG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg))), np.float32) / 255
    np.testing.assert_array_equal(decode_image(jpeg, "f"), expected)
    upright = decode_image(with_orientation(encoded(eight, ".png"), orientation), "f")
    assert upright.shape == expected.shape
    np.testing.assert_allclose(decode_image(with_orientation(encoded(sixteen, ".png"), orientation), "f"), upright)


def test_float_values(tmp_path: Path) -> None:
    good = (SIXTEEN[..., 0] / 65535).astype(np.float32)
    np.testing.assert_array_equal(decode_image(encoded(good, ".tif"), "f")[..., 1], good)
    for wrong in (np.nan, 1.5, -0.1):
        bad = good.copy()
        bad[3, 4] = wrong
        with pytest.raises(ImageReadError, match=r"bad.tif.*expected 8 or 16 bits, or floats in \[0, 1\]"):
            decode_image(encoded(bad, ".tif"), "bad.tif")


PNG = encoded(EIGHT[..., :3], ".png")
JPEG = encoded(EIGHT[..., :3], ".jpg")
DEEP = encoded(SIXTEEN[..., :3], ".png")


@pytest.mark.parametrize("content", [PNG[:-60], JPEG[: len(JPEG) // 2], DEEP[: len(DEEP) // 2], b"no image", b""])
def test_truncated_and_foreign_files_are_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"broken\.png"):
        read_image(path)


def test_absent_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"gone\.png.*No such file"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(ImageReadError, match="directory"):
        read_image(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells what it doubts before it fails
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_damaged_bytes_raise_nothing_else(kind: str) -> None:
    whole = saved(Image.fromarray(EIGHT[..., :3]), kind)
    rng = np.random.default_rng(1)
    failed = 0
    for _ in range(40):
        content = bytearray(whole)
        for position in rng.integers(0, min(len(content), 300), size=8):
            content[position] = rng.integers(256)
        try:
            assert decode_image(bytes(content), "f").shape[-1] == 3
        except ImageReadError:
            failed += 1
    assert failed


@pytest.mark.parametrize(("pixels", "bits"), [(EIGHT[..., :3], 8), (SIXTEEN[..., :3], 16), (SIXTEEN[..., 0], 16)])
def test_header(pixels: np.ndarray, bits: int, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(with_orientation(encoded(pixels, ".png"), 6))
    assert read_header(path) == (34, 21, bits)
    path.write_bytes(b"no image")
    with pytest.raises(ImageReadError, match=r"image\.png"):
        read_header(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("pixels", [EIGHT[..., :3], EIGHT[..., 0], SIXTEEN[..., :3], SIXTEEN[..., 0]])
@pytest.mark.parametrize("ending", [".tif", ".png"])
def test_header_and_image_are_turned_alike(pixels: np.ndarray, orientation: int, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"image{ending}"
    if ending == ".tif":
        tifffile.imwrite(path, pixels, extratags=[(ORIENTATION, "H", 1, orientation)])
    else:
        path.write_bytes(with_orientation(encoded(pixels, ".png"), orientation))
    image = read_image(path)
    expected = turned_upright(np.atleast_3d(pixels), orientation) / np.iinfo(pixels.dtype).max
    np.testing.assert_allclose(image, np.broadcast_to(expected, image.shape), rtol=0, atol=1e-7)
    assert read_header(path) == (*image.shape[:2], 8 * pixels.itemsize)


def test_a_tiffs_header_does_not_depend_on_what_pillow_calls_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "image.tif", EIGHT[..., :3], extratags=[(ORIENTATION, "H", 1, 6)])
    for size in ((34, 21), (21, 34)):  # as stored, older Pillows; upright, newer ones
        monkeypatch.setattr(Image.Image, "size", size)
        assert read_header(tmp_path / "image.tif") == (34, 21, 8)


def test_a_header_whose_orientation_is_no_number_is_read_like_the_image(tmp_path: Path) -> None:
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHI4sI", 8, 1, ORIENTATION, 7, 1, b"\6\0\0\0", 0)  # of type UNDEFINED
    content = saved(Image.fromarray(EIGHT[..., :3]), "JPEG", exif=exif)
    (tmp_path / "image.jpg").write_bytes(content)
    assert read_header(tmp_path / "image.jpg") == (*decode_image(content, "f").shape[:2], 8)

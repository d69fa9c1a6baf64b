"""16-bit images that Pillow or OpenCV misreads: planes apart, gray with alpha, white as zero, alpha multiplied in."""

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nerco_plugin.data.image_io import ImageReadError, decode_image, read_header, read_image
from nerco_plugin.inference.photograph import read_photograph

PIXELS = np.random.default_rng(0).integers(0, 65536, (21, 34, 4), dtype=np.uint16)
ORIENTATION = 0x0112


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    """The file that tifffile writes."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.moveaxis(pixels, -1, 0).copy()


def both(path: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """As a training image, scaled back to 16 bits, and as a photograph."""
    path.write_bytes(content)
    return np.rint(read_image(path) * 65535).astype(np.uint16), read_photograph(path).pixels


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}])
def test_planes_apart_and_gray_with_alpha(channels: int, options: dict[str, object], tmp_path: Path) -> None:
    pixels, path = PIXELS[..., :channels], tmp_path / "x.tif"
    options = options | {"photometric": "rgb" if channels > 2 else "minisblack"}
    if channels != 3:
        options["extrasamples"] = ["unassalpha"]
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    for stored, layout in ((pixels, "contig"), (planes(pixels), "separate")):
        image, photograph = both(path, tiff(stored, planarconfig=layout, **options))
        np.testing.assert_array_equal(image, colours)
        np.testing.assert_array_equal(photograph, pixels)
        assert read_header(path) == (21, 34, 16)


def test_planes_apart_are_turned_upright(tmp_path: Path) -> None:
    turned = [(ORIENTATION, "H", 1, 6)]
    content = tiff(planes(PIXELS[..., :3]), photometric="rgb", planarconfig="separate", extratags=turned)
    for image in both(tmp_path / "x.tif", content):
        np.testing.assert_array_equal(image, np.rot90(PIXELS[..., :3], -1))


def test_white_as_zero_and_other_byte_order(tmp_path: Path) -> None:
    gray = PIXELS[..., 0]
    white, other_order = {"photometric": "miniswhite"}, {"photometric": "minisblack", "byteorder": ">"}
    for expected, options in ((65535 - gray, white), (gray, other_order)):
        for image in both(tmp_path / "x.tif", tiff(gray, **options)):
            np.testing.assert_array_equal(image[..., 0], expected)


def test_multiplied_alpha_is_divided_out(tmp_path: Path) -> None:
    alpha = PIXELS[..., 3:] // 2 + 9000
    stored = np.concatenate([np.rint(PIXELS[..., :3] * (alpha / 65535)).astype(np.uint16), alpha], axis=2)
    stored[3, 4] = 0
    expected = PIXELS[..., :3].astype(int)
    expected[3, 4] = 0
    for image in both(tmp_path / "x.tif", tiff(stored, photometric="rgb", extrasamples=["assocalpha"])):
        np.testing.assert_allclose(image[..., :3].astype(int), expected, atol=4)  # half a step, over the least alpha


def test_a_shade_of_gray_that_is_not_seen(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(PIXELS[..., 0]).save(png, "PNG")
    body = b"tRNS" + struct.pack(">H", PIXELS[3, 4, 0])
    chunk = struct.pack(">I", 2) + body + struct.pack(">I", zlib.crc32(body))
    image, photograph = both(tmp_path / "x.png", png.getvalue()[:33] + chunk + png.getvalue()[33:])
    np.testing.assert_array_equal(image[..., 2], PIXELS[..., 0])
    np.testing.assert_array_equal(photograph[..., 0], PIXELS[..., 0])
    np.testing.assert_array_equal(photograph[..., 1] == 0, PIXELS[..., 0] == PIXELS[3, 4, 0])


def test_what_is_damaged_or_not_known_is_named_without_noise(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    separate = {"photometric": "rgb", "planarconfig": "separate"}
    gray_alpha = {"photometric": "minisblack", "extrasamples": ["unassalpha"]}
    path = tmp_path / "x.tif"
    for content, reason in (
        (tiff(PIXELS, photometric="separated"), "save it as RGB"),
        (tiff(PIXELS[..., :3], photometric="rgb")[:-9], "truncated"),
        (tiff(planes(PIXELS[..., :3]), **separate)[:-9], "failed to read"),
        (tiff(PIXELS[..., :2], **gray_alpha)[:-9], "failed to read"),
        (tiff(PIXELS[..., :3], photometric="cielab"), "a TIFF of 3 x uint16 (CIELAB)"),
    ):
        path.write_bytes(content)
        for read in (read_image, read_photograph):
            with pytest.raises(ImageReadError, match=re.escape(str(path))) as caught:
                read(path)
            assert reason in str(caught.value)
    assert capfd.readouterr().err == ""


def test_several_pages_of_gray_and_alpha_are_no_photograph(tmp_path: Path) -> None:
    options = {"photometric": "minisblack", "extrasamples": ["unassalpha"]}
    (tmp_path / "x.tif").write_bytes(tiff(np.stack([PIXELS[..., :2]] * 2), **options))
    with pytest.raises(ImageReadError, match=r"x\.tif.*2 frames"):
        read_photograph(tmp_path / "x.tif")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells what it doubts before it fails
def test_damaged_bytes_raise_nothing_else() -> None:
    whole = tiff(PIXELS[..., :2], photometric="minisblack", extrasamples=["unassalpha"], compression="zlib")
    apart = tiff(planes(PIXELS[..., :3]), photometric="rgb", planarconfig="separate", compression="zlib")
    rng = np.random.default_rng(1)
    failed = 0
    for content in [bytearray(whole) for _ in range(30)] + [bytearray(apart) for _ in range(30)]:
        for position in rng.integers(4, 300, size=8):
            content[position] = rng.integers(256)
        try:
            assert decode_image(bytes(content), "f").shape[-1] == 3
        except ImageReadError:
            failed += 1
    assert failed

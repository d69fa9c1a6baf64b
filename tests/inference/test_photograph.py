"""Photographs through files and back: every format, depth and kind of channels, orientation, profile and EXIF."""

import io
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.inference.photograph import Photograph, encode_photograph, read_photograph

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
EXPOSURE_TIME, LATITUDE_REF = 0x829A, 1


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.Make] = "Maker"
    tags.get_ifd(ExifTags.IFD.Exif)[EXPOSURE_TIME] = (1, 50)
    tags.get_ifd(ExifTags.IFD.GPSInfo)[LATITUDE_REF] = "N"
    return tags


def smooth(channels: int, bits: int) -> np.ndarray:
    """(19, 26, channels), light from left to right and from channel to channel: no two of its corners are alike."""
    ramp = np.linspace(0.1, 0.6, 26)[None, :, None] + np.linspace(0, 0.3, 19)[:, None, None]
    white = 2**bits - 1
    return (ramp * np.linspace(1, 0.7, channels) * white).astype(np.uint8 if bits == 8 else np.uint16)


def kinds() -> list[tuple[str, int, int]]:
    lossless = [(end, bits, c) for end in (".png", ".tif") for bits in (8, 16) for c in (1, 2, 3, 4)]
    return [*lossless, (".bmp", 8, 1), (".bmp", 8, 3), (".bmp", 8, 4), (".JPG", 8, 1), (".jpeg", 8, 3), (".webp", 8, 4)]


@pytest.mark.parametrize(("ending", "bits", "channels"), kinds())
def test_everything_comes_back(tmp_path: Path, ending: str, bits: int, channels: int) -> None:
    pixels, path = smooth(channels, bits), tmp_path / f"x{ending}"
    profile = PROFILE if channels > 2 else None
    path.write_bytes(encode_photograph(Photograph(pixels, profile, exif(6)), path))
    back = read_photograph(path)
    assert (back.pixels.dtype, back.pixels.shape) == (pixels.dtype, pixels.shape)
    tolerance = {".JPG": 4, ".jpeg": 4, ".webp": 10}.get(ending, 0)
    np.testing.assert_allclose(back.pixels.astype(int), pixels.astype(int), atol=tolerance)
    if channels in (2, 4):
        np.testing.assert_array_equal(back.pixels[..., -1], pixels[..., -1])
    if ending == ".bmp":
        return
    assert back.profile == profile
    assert (back.exif[ExifTags.Base.Orientation], back.exif[ExifTags.Base.Make]) == (6, "Maker")
    assert back.exif.get_ifd(ExifTags.IFD.Exif)[EXPOSURE_TIME] == (1, 50)
    assert back.exif.get_ifd(ExifTags.IFD.GPSInfo)[LATITUDE_REF] == "N"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
def test_orientation_is_kept_as_it_was(tmp_path: Path, orientation: int, ending: str) -> None:
    first, second = tmp_path / f"1{ending}", tmp_path / f"2{ending}"
    Image.fromarray(smooth(3, 8)).save(first, exif=exif(orientation).tobytes())
    with Image.open(first) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    photograph = read_photograph(first)
    np.testing.assert_allclose(photograph.pixels.astype(int), upright, atol=3)
    second.write_bytes(encode_photograph(photograph, second))
    with Image.open(first) as before, Image.open(second) as after:
        assert before.size == after.size  # as stored
        assert after.getexif()[ExifTags.Base.Orientation] == orientation
        difference = np.asarray(before).astype(int) - np.asarray(after)
    assert np.abs(difference).max() <= 4


def test_a_thumbnail_of_the_dark_original_is_left_out(tmp_path: Path) -> None:
    tags = exif(1)
    path = tmp_path / "x.jpg"
    content = tags.tobytes()
    marker = b"a thumbnail"
    Image.fromarray(smooth(3, 8)).save(path, exif=content + marker)
    assert marker in path.read_bytes()
    assert marker not in encode_photograph(read_photograph(path), path)


def test_damaged_exif_does_not_lose_the_photograph(tmp_path: Path) -> None:
    tags = exif(6)
    tags[ExifTags.Base.Software] = "a text that is long enough to lie elsewhere"
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth(3, 8)).save(path, exif=tags.tobytes()[:60])
    photograph = read_photograph(path)
    path.write_bytes(encode_photograph(photograph, path))
    assert read_photograph(path).pixels.shape == photograph.pixels.shape


def test_an_orientation_that_is_no_number_is_dropped(tmp_path: Path) -> None:
    tags = b"Exif\x00\x00II*\x00" + struct.pack("<IHHHI4sI", 8, 1, ExifTags.Base.Orientation, 7, 1, b"\x06", 0)
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth(3, 8)).save(path, exif=tags)
    photograph = read_photograph(path)
    assert photograph.pixels.shape == (19, 26, 3)
    for ending in (".jpg", ".png", ".tif", ".webp"):
        content = encode_photograph(photograph, Path(f"x{ending}"))
        assert ExifTags.Base.Orientation not in Image.open(io.BytesIO(content)).getexif()


def test_exif_that_cannot_be_written_is_named() -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = b"\x06"
    with pytest.raises(ValueError, match=r"x\.png: what the file says beside its pixels cannot be written"):
        encode_photograph(Photograph(smooth(3, 8), None, tags), Path("x.png"))


def test_exif_too_long_for_a_jpeg_loses_its_longest_entries() -> None:
    tags, caption, iptc, note = exif(6), 270, 33723, 37500
    tags[caption], tags[iptc] = "by night", b"x" * 40000
    tags.get_ifd(ExifTags.IFD.Exif)[note] = b"y" * 60000
    content = encode_photograph(Photograph(smooth(3, 8), None, tags), Path("x.jpg"))
    kept = Image.open(io.BytesIO(content)).getexif()
    assert (kept[caption], len(kept[iptc]), kept[ExifTags.Base.Orientation]) == ("by night", 40000, 6)
    assert kept.get_ifd(ExifTags.IFD.Exif) == {EXPOSURE_TIME: (1, 50)}
    content = encode_photograph(Photograph(smooth(3, 8), None, tags), Path("x.png"))
    assert len(Image.open(io.BytesIO(content)).getexif().get_ifd(ExifTags.IFD.Exif)[note]) == 60000


def test_exif_of_many_short_entries_is_shortened_for_a_jpeg_too() -> None:
    tags = exif(6)
    tags.update({60000 + number: "a word of some length" for number in range(3000)})
    content = encode_photograph(Photograph(smooth(3, 8), None, tags), Path("x.jpg"))
    kept = Image.open(io.BytesIO(content)).getexif()
    assert kept[ExifTags.Base.Orientation] == 6
    assert 1000 < len(kept) < 3000


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("CMYK", 3), ("1", 1), ("LA", 2), ("I;16", 1)])
def test_other_modes(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.fromarray(smooth(1, 8)[..., 0]).convert("RGB" if mode in ("P", "CMYK") else "L").convert(mode).save(path)
    assert read_photograph(path).pixels.shape == (19, 26, channels)


@pytest.mark.parametrize(("mode", "profile"), [("LAB", LAB_PROFILE), ("RGB", LAB_PROFILE), ("L", PROFILE)])
def test_a_profile_of_other_colours_than_are_written_is_dropped(tmp_path: Path, mode: str, profile: bytes) -> None:
    path = tmp_path / "x.tif"
    Image.new(mode, (9, 8)).save(path, icc_profile=profile)
    photograph = read_photograph(path)
    assert photograph.pixels.shape == (8, 9, 1 if mode == "L" else 3)
    path.write_bytes(encode_photograph(photograph, path))
    assert "icc_profile" not in Image.open(path).info


def test_what_is_said_of_ycbcr_is_not_said_of_rgb(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tags = {529: (0.299, 0.587, 0.114), 530: (1, 1), 531: 1, 532: (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)}
    Image.new("YCbCr", (16, 16)).save(path, tiffinfo=tags, compression="jpeg")
    assert set(tags) < set(Image.open(path).tag_v2)
    path.write_bytes(encode_photograph(read_photograph(path), path))
    assert not set(tags) & set(Image.open(path).tag_v2)


def test_faults_name_the_file(tmp_path: Path) -> None:
    image = Image.fromarray(smooth(3, 8))
    file = io.BytesIO()
    image.save(file, "PNG")
    (tmp_path / "cut.png").write_bytes(file.getvalue()[:-60])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    image.save(tmp_path / "moving.webp", save_all=True, append_images=[ImageOps.invert(image)])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    reasons = {"cut": "truncated", "empty": "0 bytes", "text": "format", "moving": "2 frames", "float": "float32"}
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ImageReadError, match=f"{path.name}.*{reasons[path.stem]}"):
            read_photograph(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells what it doubts before it fails
@pytest.mark.parametrize(
    ("kind", "channels", "told"),
    [
        (">f4", 3, r"3 x float32 \(RGB\)"),
        ("f2", 1, r"1 x float16 \(MINISBLACK\)"),
        ("u4", 3, r"3 x uint32 \(RGB\)"),
        ("u2", 5, "5 x uint16"),
    ],
)
@pytest.mark.parametrize("is_big", [False, True])
def test_a_tiff_of_other_values_is_told_by_them(
    tmp_path: Path, kind: str, channels: int, told: str, is_big: bool
) -> None:
    path, pixels = tmp_path / "x.tif", np.zeros((8, 9, channels), kind)
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb" if channels == 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        byteorder=">" if kind[0] == ">" else "<",
        bigtiff=is_big,
    )
    with pytest.raises(ImageReadError, match=rf"x\.tif.*: a TIFF of {told}.*; expected .* of uint8 or uint16"):
        read_photograph(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells what it doubts before it fails
@pytest.mark.parametrize("content", [b"II*\x00" + b"x" * 40, b"MM\x00*\0\0\0\x08\0\x05", b"II+\x00"])
def test_a_damaged_tiff_is_told_once(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "x.tif").write_bytes(content)
    with pytest.raises(ImageReadError, match="no known image format"):
        read_photograph(tmp_path / "x.tif")
    assert not caplog.records


def test_size_is_judged_by_whoever_knows_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(height: int, width: int) -> None:
        raise OverflowError(f"{width} x {height}")

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "x.png"
    Image.fromarray(smooth(3, 8)).save(path)
    with pytest.raises(ImageReadError, match="DecompressionBomb"):
        read_photograph(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photograph(path, lambda height, width: None).pixels.shape == (19, 26, 3)
    path.write_bytes(path.read_bytes()[:60])  # nothing to be decoded
    with pytest.raises(OverflowError, match="26 x 19"):
        read_photograph(path, refuse)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_what_a_format_cannot_hold_is_refused() -> None:
    for pixels, ending, fault in (
        (smooth(3, 16), ".jpg", "16 bits"),
        (smooth(4, 16), ".webp", "16 bits"),
        (smooth(4, 8), ".jpg", "alpha"),
        (smooth(2, 8), ".bmp", "gray with alpha"),
        (np.zeros((1, 65501, 3), np.uint8), ".jpg", "65501 x 1 pixels"),
        (np.zeros((16384, 1, 3), np.uint8), ".webp", "1 x 16384 pixels"),
    ):
        with pytest.raises(ValueError, match=f"x{ending}.* not hold {fault}"):
            encode_photograph(Photograph(pixels, None, Image.Exif()), Path(f"x{ending}"))

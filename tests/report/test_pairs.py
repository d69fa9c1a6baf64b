"""Pairing by name: whatever pairs is paired, and every fault is named in one message."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from basicsr.utils import get_root_logger
from PIL import Image

from nerco_plugin.report.pairs import PairingError, natural_order, pair_images


def save(path: Path, width: int = 6, height: int = 4, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), "gray").save(path, **options)


def test_pairs_whatever_the_extension_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.png", "2.jpg", "sub/a.1.BMP"):
        save(tmp_path / "low" / name)
    for name in ("10_run.jpg", "2.png", "sub/a.1_run.png"):
        save(tmp_path / "ours" / name)
    for name in ("10.webp", "2.tif", "sub/a.1.png"):
        save(tmp_path / "gt" / name)
    sets = pair_images({"ours": tmp_path / "ours"}, tmp_path / "low", tmp_path / "gt", suffix="_run")
    assert [images.name for images in sets] == ["2", "10", "sub/a.1"]
    assert sets[1].enhanced == {"ours": tmp_path / "ours/10_run.jpg"}
    assert sets[2].low == tmp_path / "low/sub/a.1.BMP"
    assert sets[2].gt == tmp_path / "gt/sub/a.1.png"
    assert pair_images({"low": tmp_path / "low"}, tmp_path / "low")[0].gt is None


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    low, ours, gt = (tmp_path / name for name in ("low", "ours", "gt"))
    for name in ("1.png", "2.png", "3.png", "4.png", "5.png"):
        save(low / name)
    for name in ("1.png", "1.jpg", "2.png", "6.png"):
        save(ours / name)
    save(ours / "3.png", width=7)
    (ours / "4.png").write_text("no image")
    cv2.imwrite(str(ours / "5.png"), np.zeros((4, 6, 3), np.uint16))  # which Pillow opens as 8 bits
    for name in ("1.png", "2.png", "3.png", "4.png"):
        save(gt / name)
    with pytest.raises(PairingError) as caught:
        pair_images({"ours": ours}, low, gt)
    for fault in (
        "6 fault(s) in the folders, nothing was scored",
        "enhanced 'ours': 1 is there twice: 1.jpg and 1.png",
        f"low: 6 is missing (enhanced 'ours' has {ours / '6.png'})",
        f"gt: 5 is missing (input {low / '5.png'})",
        f"{ours / '3.png'}: 7 x 4, but its input is 6 x 4",
        f"cannot read image '{ours / '4.png'}'",
        f"{ours / '5.png'}: scores are taken on 8-bit images, this one has 16 bits",
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("name", "pixels", "words"),
    [
        ("1.png", np.zeros((4, 6), np.uint16), "1.png: scores are taken on 8-bit images, this one has 16 bits"),
        ("1.jp2", np.zeros((40, 60, 3), np.uint8), "1.jp2: JPEG 2000 may hold more than the 8 bits"),
    ],
)
def test_more_than_8_bits_are_refused(tmp_path: Path, name: str, pixels: np.ndarray, words: str) -> None:
    save(tmp_path / "low/1.png", width=pixels.shape[1], height=pixels.shape[0])
    (tmp_path / "ours").mkdir()
    Image.fromarray(pixels).save(tmp_path / "ours" / name)
    with pytest.raises(PairingError, match=words):
        pair_images({"ours": tmp_path / "ours"}, tmp_path / "low")


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    save(tmp_path / "low/1.png")
    save(tmp_path / "low/2.png")
    save(tmp_path / "ours/2.png")
    with pytest.raises(PairingError, match="enhanced 'ours': 1 is missing"):
        pair_images({"ours": tmp_path / "ours"}, tmp_path / "low")


def test_absent_and_empty_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PairingError, match="low: no folder .*nowhere"):
        pair_images({}, tmp_path / "nowhere")
    with pytest.raises(PairingError, match="low: no image in .*empty"):
        pair_images({}, tmp_path / "empty")


def test_what_is_no_image_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "1.png")
    save(tmp_path / "index_files/0000_low.jpg")
    for name in (".DS_Store", "scores.json", "notes.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(get_root_logger(), "propagate", True)
    assert len(pair_images({"low": tmp_path}, tmp_path)) == 1
    assert "notes.txt is no image" in caplog.text
    assert "scores.json" not in caplog.text


def test_a_photograph_that_exif_turns_has_its_turned_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "low/1.jpg", width=6, height=4, exif=exif)
    save(tmp_path / "ours/1.png", width=4, height=6)
    assert len(pair_images({"ours": tmp_path / "ours"}, tmp_path / "low")) == 1


def test_natural_order() -> None:
    assert sorted(["b2", "b10", "a", "10", "9"], key=natural_order) == ["9", "10", "a", "b2", "b10"]

"""tools/baselines.py: a gamma curve and histogram equalisation, and the figures that they are known for."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from basicsr.metrics import calculate_psnr
from PIL import Image

from nerco_plugin.metrics.ssim_paper_metric import structural_similarity_rgb
from nerco_plugin.report.pictures import read_rgb
from tests.data.run_tool import run_tool


def test_values(tmp_path: Path) -> None:
    low = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    (tmp_path / "low" / "sub").mkdir(parents=True)
    Image.fromarray(low).save(tmp_path / "low" / "sub" / "a.bmp")
    for method in ("gamma", "equalize"):
        assert run_tool("baselines", str(tmp_path / "low"), str(tmp_path / method), "--method", method) == 0
    brighter = read_rgb(tmp_path / "gamma" / "sub" / "a.png")
    assert brighter[0, 0].tolist() == [0, round(255 * (1 / 255) ** 0.3), round(255 * (2 / 255) ** 0.3)]
    spread = cv2.cvtColor(read_rgb(tmp_path / "equalize" / "sub" / "a.png"), cv2.COLOR_RGB2YCrCb)[..., 0]
    assert spread.min() <= 2
    assert spread.max() >= 253
    assert (np.diff(spread.ravel().astype(int)) > 0).all()


def test_a_folder_that_is_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("baselines", str(tmp_path / "none"), str(tmp_path), "--method", "gamma") == 2
    assert f"not found: '{tmp_path / 'none'}'" in capsys.readouterr().err


def test_two_images_of_one_name_are_refused_before_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "low").mkdir()
    for ending in ("bmp", "png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "low" / f"a.{ending}")
    assert run_tool("baselines", str(tmp_path / "low"), str(tmp_path / "out"), "--method", "gamma") == 2
    assert f"several images would be saved as {tmp_path / 'out' / 'a.png'}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("method", "psnr", "ssim"), [("gamma", 16.66, 0.6416), ("equalize", 14.24, 0.4252)])
def test_lol_eval15(nerco_data: Path, tmp_path: Path, method: str, psnr: float, ssim: float) -> None:
    pairs = nerco_data / "lol" / "eval15"
    assert run_tool("baselines", str(pairs / "low"), str(tmp_path), "--method", method) == 0
    rows = []
    for path in sorted(tmp_path.glob("*.png")):
        image, truth = read_rgb(path), read_rgb(pairs / "high" / path.name)
        rows.append([calculate_psnr(image, truth, 0), structural_similarity_rgb(image, truth)])
    found = np.mean(rows, axis=0)
    assert round(float(found[0]), 2) == psnr
    assert round(float(found[1]), 4) == ssim

"""The cells of the paper's Table 1, from other methods' own results (docs: metrics protocol)."""

import os
from pathlib import Path

import numpy as np
import pytest
from basicsr.metrics import calculate_psnr

from nerco_plugin.metrics.loe_metric import lightness_order_error
from nerco_plugin.metrics.niqe_paper_metric import niqe_paper
from nerco_plugin.metrics.ssim_paper_metric import structural_similarity_rgb
from nerco_plugin.report.pictures import read_rgb

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def nerco_peers() -> Path:
    """The folder of other methods' results; the test is skipped where it is absent."""
    folder = Path(os.environ.get("NERCO_PEERS", REPOSITORY.parent / "shared" / "peers")).resolve()
    if not folder.is_dir():
        pytest.skip(f"other methods' results not found at {folder}; set NERCO_PEERS to their folder")
    return folder


def folder_means(results: Path, low: Path, gt: Path | None) -> dict[str, float]:
    """Mean scores of all PNG files of a folder."""
    rows = []
    for path in sorted(results.glob("*.png")):
        image = read_rgb(path)
        row = {"loe": lightness_order_error(image, read_rgb(low / path.name)), "niqe": niqe_paper(image)}
        if gt is not None:
            truth = read_rgb(gt / path.name)
            row |= {"psnr": calculate_psnr(image, truth, 0), "ssim": structural_similarity_rgb(image, truth)}
        rows.append(row)
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


@pytest.mark.parametrize(
    ("method", "psnr", "ssim", "loe", "niqe"),
    [("zerodce", 14.861, 0.5624, 216.68, 12.63), ("sci_medium", 14.784, 0.5254, 102.25, 12.41)],
)
def test_lol_eval15(
    nerco_data: Path, nerco_peers: Path, method: str, psnr: float, ssim: float, loe: float, niqe: float
) -> None:
    pairs = nerco_data / "lol" / "eval15"
    means = folder_means(nerco_peers / "lol_eval15" / method, pairs / "low", pairs / "high")
    assert round(means["psnr"], 3) == psnr
    assert round(means["ssim"], 4) == ssim
    assert round(means["loe"], 2) == loe
    assert means["niqe"] == pytest.approx(niqe, rel=0.02)


@pytest.mark.parametrize(("method", "loe", "niqe"), [("zerodce", 182.8, 13.46), ("sci_medium", 106.7, 12.82)])
def test_lime_without_its_fifth(nerco_data: Path, nerco_peers: Path, method: str, loe: float, niqe: float) -> None:
    means = folder_means(nerco_peers / "lime" / method, nerco_data / "lime" / "low", None)
    assert round(means["loe"], 1) == loe
    assert means["niqe"] == pytest.approx(niqe, rel=0.02)


def test_untouched_input_of_lol_eval15(nerco_data: Path) -> None:
    pairs = nerco_data / "lol" / "eval15"
    means = folder_means(pairs / "low", pairs / "low", pairs / "high")
    assert (round(means["psnr"], 3), means["loe"]) == (7.773, 0)
    assert means["niqe"] == pytest.approx(11.03, rel=0.02)

"""Small photographs scored by two made-up methods, once for all tests of the report."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from nerco_plugin.report import write_report

SIZES = {"1": (200, 208), "2": (208, 200), "10": (60, 80)}  # height, width; the last is too small for NIQE


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders low, gt, gamma and gain of three images; gain gives back the truth of image 2 exactly."""
    folder = tmp_path_factory.mktemp("photographs")
    for role in ("low", "gt", "gamma", "gain"):
        (folder / role).mkdir()
    for source, (name, (height, width)) in zip(
        (skimage.data.astronaut, skimage.data.coffee, skimage.data.chelsea), SIZES.items()
    ):
        truth = source()[20 : 20 + height, 30 : 30 + width]
        low = (truth * 0.2).astype(np.uint8)
        gain = truth if name == "2" else np.clip(low * 4.0, 0, 255)
        images = {"low": low, "gt": truth, "gamma": 255 * (low / 255) ** 0.5, "gain": gain}
        for role, image in images.items():
            Image.fromarray(image.astype(np.uint8)).save(folder / role / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def report(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished report on both methods."""
    out = tmp_path_factory.mktemp("report")
    write_report(
        {"gamma <b>": photographs / "gamma", "gain": photographs / "gain"},
        photographs / "low",
        photographs / "gt",
        out,
        title="Three </script> photographs",
        paper_table="LOL",
        saved_by="truncation",
        progress=False,
    )
    return out

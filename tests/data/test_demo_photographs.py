"""The demo's data: whole, dark where it must be, the same every time, and written once."""

from pathlib import Path

import numpy as np
import pytest
from run_tool import run_tool

from nerco_plugin.data.build import build_dataset
from nerco_plugin.data.demo_photographs import HIGH, LOW, VALIDATION
from nerco_plugin.data.image_io import read_image
from nerco_plugin.data.image_list import list_folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo") / "demo"
    assert run_tool("prepare_demo_data", "--target", str(target)) == 0
    return target


def test_its_parts_share_no_photograph(demo: Path) -> None:
    assert len({*HIGH, *LOW, *VALIDATION}) == len(HIGH) + len(LOW) + len(VALIDATION)
    scenes = [{name.rsplit("_", 1)[0] for name in list_folder(demo / part)} for part in ("train/low", "train/high")]
    assert not scenes[0] & scenes[1]
    assert len(list_folder(demo / "train/low")) >= 24
    assert len(list_folder(demo / "train/high")) >= 24


def test_the_low_side_is_dark(demo: Path) -> None:
    brightness = {
        folder: [read_image(demo / folder / name).mean() for name in list_folder(demo / folder)]
        for folder in ("train/low", "train/high", "val/low", "val/gt")
    }
    assert max(brightness["train/low"] + brightness["val/low"]) < 0.3
    assert np.median(brightness["train/high"]) > 5 * np.median(brightness["train/low"])
    assert np.median(brightness["val/gt"]) > 5 * np.median(brightness["val/low"])


def test_basicsr_and_ours_read_it(demo: Path) -> None:
    train = {"name": "t", "type": "UnpairedImageDataset", "phase": "train", "resize_mode": "crop", "size": 128}
    roots = {"dataroot_low": str(demo / "train/low"), "dataroot_high": str(demo / "train/high")}
    assert build_dataset(train | roots, seed=0)[0]["low"].shape == (3, 128, 128)
    val = {"name": "v", "type": "PairedImageDataset", "phase": "val"}
    paired = build_dataset(val | {"dataroot_lq": str(demo / "val/low"), "dataroot_gt": str(demo / "val/gt")}, seed=0)
    assert len(paired) == 4  # type: ignore[arg-type]


def test_it_is_the_same_every_time_and_written_once(demo: Path, capsys: pytest.CaptureFixture) -> None:
    again = demo.with_name("again")
    (demo.with_name("again.part") / "train").mkdir(parents=True)  # of an interrupted call
    assert run_tool("prepare_demo_data", "--target", str(again)) == 0
    assert list_folder(again) == list_folder(demo)
    for name in list_folder(demo)[::5]:
        np.testing.assert_array_equal(read_image(again / name), read_image(demo / name))
    capsys.readouterr()
    assert run_tool("prepare_demo_data", "--target", str(again)) == 0
    assert "there already" in capsys.readouterr().out

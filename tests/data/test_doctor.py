"""The doctor finds what is wrong with data sets, and says nothing of what is right."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from photographs import folder_of_photographs, photograph, write
from PIL import Image
from run_tool import run_tool

from nerco_plugin.data.diagnosis import Diagnosis
from nerco_plugin.data.doctor import examine, open_sources
from nerco_plugin.data.image_list import list_folder
from nerco_plugin.data.lmdb_writer import create_lmdb


@pytest.fixture
def data_sets(tmp_path: Path) -> dict[str, dict[str, Any]]:
    folder_of_photographs(tmp_path / "low", 6, brightness=0.2)
    folder_of_photographs(tmp_path / "high", 6, first_seed=100)
    folder_of_photographs(tmp_path / "lq", 4, first_seed=200, brightness=0.3)
    folder_of_photographs(tmp_path / "gt", 4, first_seed=200)
    roots = {side: str(tmp_path / side) for side in ("low", "high", "lq", "gt")}
    train = {"type": "UnpairedImageDataset", "size": 32, "dataroot_low": roots["low"], "dataroot_high": roots["high"]}
    val = {"type": "PairedImageDataset", "dataroot_lq": roots["lq"], "dataroot_gt": roots["gt"], "gt_size": 32}
    return {"train": train, "val": val}


def diagnose(data_sets: dict[str, dict[str, Any]]) -> Diagnosis:
    sources, unopened = open_sources(data_sets)
    sides, findings = examine(data_sets, sources)
    return Diagnosis(sides, unopened + findings)


def the_finding(data_sets: dict[str, dict[str, Any]], is_fault: bool) -> str:
    """The one finding there must be: its kind and its text."""
    diagnosis = diagnose(data_sets)
    assert len(diagnosis.findings) == 1, diagnosis.findings
    assert diagnosis.is_healthy != is_fault
    return f"{diagnosis.findings[0].kind}: {diagnosis.findings[0].text}"


def test_sound_data(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    read = []
    sources, unopened = open_sources(data_sets)
    diagnosis = examine(data_sets, sources, on_image=read.append)
    assert unopened == diagnosis.findings == []
    assert len(read) == 20
    assert [(side.label, len(side.images)) for side in diagnosis.sides] == [
        ("train low", 6),
        ("train high", 6),
        ("val lq", 4),
        ("val gt", 4),
    ]
    create_lmdb(tmp_path / "lq", list_folder(tmp_path / "lq"), tmp_path / "lq.lmdb")
    single = {"type": "SingleImageDataset", "dataroot_lq": str(tmp_path / "lq.lmdb")}
    assert diagnose({"test_1": single | {"io_backend": {"type": "lmdb"}, "size": 32}}).findings == []


def test_unreadable(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    broken = tmp_path / "high/3.png"
    broken.write_bytes(broken.read_bytes()[:99])
    assert the_finding(data_sets, is_fault=True).startswith("unreadable: train high: cannot read image")


def test_absent_folder(data_sets: dict[str, dict[str, Any]]) -> None:
    data_sets["train"]["dataroot_high"] = "gone"
    assert "datasets.train.dataroot_high: folder of images not found: 'gone'" in the_finding(data_sets, is_fault=True)


def test_options_that_are_wrong(data_sets: dict[str, dict[str, Any]]) -> None:
    data_sets["train"]["dataroot_high"] = 3
    assert the_finding(data_sets, is_fault=True).startswith("cannot be opened: datasets.train.dataroot_high")
    del data_sets["train"]
    data_sets["val"]["dataroot_gt"] = None
    assert "dataroot_gt is missing" in the_finding(data_sets, is_fault=True)
    del data_sets["val"]["type"]
    assert diagnose(data_sets).findings == []


def test_tiny(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write(tmp_path / "high/small.png", photograph(7, height=20))
    assert the_finding(data_sets, is_fault=False) == "tiny: train high: small.png is 50x20, below 32 px"


def test_duplicates(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "low/copy.png").write_bytes((tmp_path / "low/4.png").read_bytes())
    assert the_finding(data_sets, is_fault=False) == "duplicate: train low: 4.png = copy.png"


def test_the_same_scene_at_another_exposure(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write(tmp_path / "low/x.png", photograph(4, brightness=0.1))
    finding = the_finding(data_sets, is_fault=False)
    found = re.fullmatch(r"same scene: train low: 4.png and x.png \(likeness (.*), (.*) times as bright\)", finding)
    assert float(found[1]) > 0.99
    assert float(found[2]) == pytest.approx(2, rel=0.05)


def test_leakage_to_the_byte(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "high/leak.png").write_bytes((tmp_path / "gt/2.png").read_bytes())
    finding = the_finding(data_sets, is_fault=True)
    assert finding == "trained and tested on: val gt: 2.png is leak.png of train high"


@pytest.mark.parametrize("scale", [1, 2])
def test_leakage_of_a_copy_encoded_again(data_sets: dict[str, dict[str, Any]], tmp_path: Path, scale: int) -> None:
    image = Image.fromarray(photograph(202, height=40, width=50)).resize((50 * scale, 40 * scale))
    image.save(tmp_path / "high/leak.jpg", quality=60)
    finding = the_finding(data_sets, is_fault=True)
    assert finding.startswith("trained and tested on: val lq against train high: 2.png and leak.jpg")


def test_unequal_pairs(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write(tmp_path / "gt/1.png", photograph(201, height=44, width=55))
    assert "val gt: 1.png is 55x44, its input 50x40 at scale 1" in the_finding(data_sets, is_fault=True)
    write(tmp_path / "gt/1.png", 255 - photograph(201))
    assert "val gt: 1.png shows something else than its input" in the_finding(data_sets, is_fault=True)
    (tmp_path / "lq/1.png").unlink()
    assert "1 files are missing" in the_finding(data_sets, is_fault=True)


def test_sides_swapped_and_bright_photographs(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write(tmp_path / "low/bright.png", photograph(50))
    assert the_finding(data_sets, is_fault=False).startswith("not dark: train low: bright.png has a mean brightness")
    (tmp_path / "low/bright.png").unlink()
    train = data_sets["train"]
    train["dataroot_low"], train["dataroot_high"] = train["dataroot_high"], train["dataroot_low"]
    diagnosis = diagnose(data_sets)
    assert not diagnosis.is_healthy
    assert "train low is not darker than train high" in str(diagnosis.findings)


def test_flat_images_are_like_none(data_sets: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    for number, gray in ((1, 3), (2, 4)):
        write(tmp_path / f"low/flat{number}.png", np.full((40, 50, 3), gray, np.uint8))
    assert diagnose(data_sets).findings == []


def test_the_tool(data_sets: dict[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for data_set in data_sets.values():  # relative to the option file's folder
        data_set.update({key: Path(value).name for key, value in data_set.items() if key.startswith("dataroot")})
    (tmp_path / "opt.yml").write_text(yaml.safe_dump({"name": "doctored", "datasets": data_sets}))
    reports = tmp_path / "reports"
    arguments = ["-opt", str(tmp_path / "opt.yml"), "--out", str(reports)]
    assert run_tool("check_data", *arguments) == 0
    assert "0 faults, 0 remarks" in capsys.readouterr().out
    assert Image.open(reports / "doctored.png").size[1] > 400
    (tmp_path / "gt/0.png").write_text("no image")
    assert run_tool("check_data", *arguments) == 1
    assert "FAULT, unreadable: 1" in capsys.readouterr().out
    assert "gt/0.png" in (reports / "doctored.txt").read_text()
    (tmp_path / "opt.yml").write_text("datasets: [")
    assert run_tool("check_data", *arguments) == 1
    assert "opt.yml" in capsys.readouterr().err


def test_the_tool_takes_what_training_takes(
    data_sets: dict[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for path in (tmp_path / "gt").iterdir():  # twice their inputs' size
        Image.open(path).resize([2 * length for length in Image.open(path).size]).save(path)
    (tmp_path / "opt.yml").write_text(yaml.safe_dump({"scale": 2, "datasets": {**data_sets, "val_2": None}}))
    arguments = ["-opt", str(tmp_path / "opt.yml"), "--out", str(tmp_path / "reports"), "--force_yml", "name=doctored"]
    assert run_tool("check_data", *arguments, "--force_yml", "datasets:train:use_rot=true") == 0, capsys.readouterr()
    assert "0 faults, 0 remarks" in capsys.readouterr().out


def test_real_photographs(nerco_data: Path) -> None:
    """In eval15, 22 and 23 are one scene at two exposures, and nothing else is alike."""
    eval15 = {"type": "PairedImageDataset", "dataroot_gt": str(nerco_data / "lol/eval15/high")}
    diagnosis = diagnose({"val": eval15 | {"dataroot_lq": str(nerco_data / "lol/eval15/low")}})
    assert diagnosis.is_healthy
    assert [finding.kind for finding in diagnosis.findings] == ["same scene", "same scene"]
    assert all("22.png and 23.png" in finding.text for finding in diagnosis.findings)


def test_a_median_tells_dark_from_light(nerco_data: Path) -> None:
    """Of DICM's photographs, the 32 that are not in its list of dark ones are called not dark."""
    dicm = nerco_data / "lowlight_unpaired/dicm"
    dark = set((dicm.parent / "dicm_dark.txt").read_text().split())
    train = {"dataroot_low": str(dicm), "dataroot_high": str(nerco_data / "normal/bsd300_test"), "size": 64}
    remarks = [finding.text for finding in diagnose({"train": train}).findings if finding.kind == "not dark"]
    assert {text.split()[2] for text in remarks} == set(list_folder(dicm)) - dark

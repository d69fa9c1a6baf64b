"""Validation of any restoration model: scores, pictures, what has no score, what has no reference."""

import json
import logging
import math
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from basicsr.metrics import calculate_psnr
from basicsr.models.realesrnet_model import RealESRNetModel
from basicsr.models.sr_model import SRModel
from basicsr.utils import get_root_logger
from tiny_run import Project

from nerco_plugin.data.lmdb_writer import create_lmdb
from nerco_plugin.engine.loader import EvaluationData
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.scores import log_scores, mean_scores, score, update_best, validates_itself
from nerco_plugin.engine.validation import check_names, validate

PSNR = {"type": "calculate_psnr", "crop_border": 0}
NIQE = {"type": "calculate_niqe", "crop_border": 0, "better": "lower"}


class Copier:
    """A restoration model that returns its input."""

    def __init__(self, **metrics: Any) -> None:
        self.opt = {"rank": 0, "world_size": 1, "val": {"metrics": metrics}}

    def feed_data(self, data: dict[str, Any]) -> None:
        self.lq = data["lq"]
        if "gt" in data:
            self.gt = data["gt"]

    def test(self) -> None:
        self.output = self.lq * 1.5 - 0.25  # leaves [0, 1]

    def get_current_visuals(self) -> dict[str, torch.Tensor]:
        visuals = {"lq": self.lq, "result": self.output}
        return visuals | ({"gt": self.gt} if hasattr(self, "gt") else {})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def data(project: Project, kind: str = "PairedImageDataset") -> EvaluationData:
    folder = str(project.root / "datasets" / "gt")
    options = {"name": "set", "type": kind, "phase": "val", "scale": 1, "io_backend": {"type": "disk"}}
    return EvaluationData(options | {"dataroot_lq": folder, "dataroot_gt": folder}, rank=0, world_size=1)


def test_scores_and_pictures(project: Project, tmp_path: Path) -> None:
    images = validate(Copier(psnr=PSNR), data(project), lambda name: tmp_path / "new" / f"{name}_x.png")
    assert [image.name for image in images] == ["p0", "p1", "p2", "p3", "p4"]
    assert all(image.gt_path for image in images)
    for image in images:
        saved = cv2.imread(str(tmp_path / "new" / f"{image.name}_x.png"))
        truth = cv2.imread(image.lq_path)
        assert image.scores["psnr"] == pytest.approx(calculate_psnr(saved, truth, crop_border=0))
    means = mean_scores([image.scores for image in images])
    assert means["psnr"] == pytest.approx(np.mean([image.scores["psnr"] for image in images]))


def test_a_metric_that_cannot_score_is_named_and_left_out(
    project: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_root_logger(), "propagate", True)
    with caplog.at_level(logging.WARNING, logger="basicsr"):
        images = validate(Copier(psnr=PSNR, niqe=NIQE), data(project))  # 24 px are too few for NIQE
    assert "set: niqe is n/a for p0" in caplog.text
    means = mean_scores([image.scores for image in images])
    assert math.isnan(means["niqe"])
    assert means["psnr"] > 0
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="basicsr"):
        log_scores("set", means)
    assert "Validation set\n\t # psnr: " in caplog.text
    assert "\t # niqe: n/a\n" in caplog.text


def test_reference_is_never_another_photograph(project: Project) -> None:
    model = Copier()
    model.gt = torch.zeros(1, 3, 24, 24)  # of the last training batch
    images = validate(model, data(project, "SingleImageDataset"))
    assert all(image.gt_path is None for image in images)
    assert not hasattr(model, "gt")


def test_metrics_score_the_sets_that_they_can(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"psnr": PSNR, "loe": {"type": "calculate_loe"}}
    for kind, scored in (("PairedImageDataset", {"psnr", "loe"}), ("SingleImageDataset", {"loe"})):
        images = validate(Copier(**metrics), data(project, kind))
        assert len(images) == 5
        assert all(image.scores.keys() == scored for image in images)
    monkeypatch.setattr("nerco_plugin.engine.scores.gives_reference", lambda cls: True)  # by its source it may
    with pytest.raises(OptionError, match="val:metrics:psnr compares with references, which data set set"):
        validate(Copier(**metrics), data(project, "SingleImageDataset"))


def test_a_run_is_scored_on_pairs_and_on_what_has_no_references(project: Project) -> None:
    dark = "\n  val_2: {name: dark, type: SingleImageDataset, dataroot_lq: datasets/lq, io_backend: {type: disk}}"
    text = project.unpaired.read_text().replace("\nnetwork_g:", f"{dark}\nnetwork_g:", 1)
    force = ("train:total_iter=2", "val:val_freq=1", "logger:keep_last=1", "logger:keep_best=1")
    metrics = f"val:metrics={{psnr: {json.dumps(PSNR)}, loe: {{type: calculate_loe}}}}"
    project.train(project.write("both.yml", text), "both", *force, metrics)
    last = project.manifest("both")[-1]["validation"]
    for part in (last["scores"], last["best"]):
        assert {name: list(scores) for name, scores in part.items()} == {"held_back": ["psnr", "loe"], "dark": ["loe"]}


def test_metrics_get_what_they_take() -> None:
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    loe = {"type": "calculate_loe", "better": "lower"}
    assert score({"img": image, "lq": image}, {"loe": loe}, "name", "set")["loe"] == 0
    assert math.isnan(score({"img": image, "lq": image}, {"loe": loe | {"crop_border": 50}}, "name", "set")["loe"])


def test_models_with_their_own_validation_are_known() -> None:
    assert validates_itself(RealESRNetModel)
    assert not validates_itself(SRModel)
    assert not validates_itself(Copier)


def test_best_scores_of_metrics_that_the_run_did_not_have_begin_anew() -> None:
    model = object.__new__(SRModel)
    model.opt = {"val": {"metrics": {"psnr": PSNR}}}
    update_best(model, "set", {"psnr": 20.0}, 4)
    model.opt = {"val": {"metrics": {"niqe": NIQE, "psnr": PSNR}}}
    update_best(model, "set", {"niqe": 5.0, "psnr": 10.0}, 8)
    best = model.best_metric_results["set"]
    assert (best["psnr"]["val"], best["psnr"]["iter"]) == (20.0, 4)
    assert (best["niqe"]["val"], best["niqe"]["iter"]) == (5.0, 8)
    model.opt = {"val": {"metrics": {"niqe": NIQE | {"better": "higher"}}}}
    update_best(model, "set", {"niqe": 4.0}, 12)
    assert model.best_metric_results["set"] == {"niqe": {"better": "higher", "val": 4.0, "iter": 12}}


def test_inputs_of_one_name_are_refused_before_the_first(project: Project, tmp_path: Path) -> None:
    check_names([data(project)])
    folder = tmp_path / "photographs"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes((project.root / "datasets" / "gt" / "p0.png").read_bytes())
    create_lmdb(folder, ["a/1.png", "b/1.png"], tmp_path / "x.lmdb")
    options = {"name": "set", "type": "SingleImageDataset", "phase": "val", "io_backend": {"type": "lmdb"}}
    twice = EvaluationData(options | {"dataroot_lq": str(tmp_path / "x.lmdb")}, rank=0, world_size=1)
    with pytest.raises(OptionError, match=r"^data set set: a/1.png and b/1.png would be saved under one name"):
        check_names([twice])
    val = f"{{name: set, type: SingleImageDataset, io_backend: {{type: lmdb}}, dataroot_lq: {tmp_path / 'x.lmdb'}}}"
    force = (f"datasets:val={val}", "val:metrics=~", "val:save_img=true")
    with pytest.raises(OptionError, match="would be saved under one name"):
        project.train(project.unpaired, "names", *force)


def test_pictures_of_two_sets_lie_apart_and_a_lower_score_is_the_better_one(project: Project) -> None:
    two = "\n  val_2: {name: again, type: PairedImageDataset, dataroot_gt: datasets/gt, dataroot_lq: datasets/gt}"
    text = project.unpaired.read_text().replace("\nnetwork_g:", f"{two}\nnetwork_g:", 1)
    training = project.train(
        project.write("two.yml", text),
        "two",
        *("train:total_iter=4", "val:val_freq=1", "val:save_img=true", "logger:keep_last=1", "logger:keep_best=1"),
        "val:metrics={loe: {type: calculate_loe}}",
    )
    pictures = {path.relative_to(project.folder("two")) for path in project.folder("two").rglob("*_4.png")}
    folders = (Path("visualization", name) for name in ("held_back", "again"))
    assert pictures == {folder / f"p{number}" / f"p{number}_4.png" for folder in folders for number in range(5)}
    scores = re.findall(r"Validation held_back\n\t # loe: ([\d.]+)", project.log("two"))
    best = training.model.best_metric_results["held_back"]["loe"]
    assert best["iter"] == 1 + min(range(4), key=lambda number: (float(scores[number]), -number))
    assert {best["iter"], 4} == {entry["iter"] for entry in project.manifest("two")}


def test_a_signal_in_the_last_validation_made_up_for_is_answered(project: Project) -> None:
    stopped = project.train(project.paired, "stopped", stop=11 + 2 * 5)
    assert (stopped.iteration, stopped.validated) == (12, 8)
    again = project.train(project.paired, "stopped", resume=True, stop=2)
    assert again.validated == 0
    assert "End of training" not in project.log("stopped")
    assert project.train(project.paired, "stopped", resume=True).validated == 12

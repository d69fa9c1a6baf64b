"""Validation of any restoration model: scores, pictures, what has no score, what has no reference."""

import logging
import math
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

from nerco_plugin.engine.loader import EvaluationData
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.scores import log_scores, mean_scores, score
from nerco_plugin.engine.validation import validate, validates_itself

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
    with pytest.raises(OptionError, match="val:metrics:psnr compares with references, which data set set"):
        validate(Copier(psnr=PSNR), data(project, "SingleImageDataset"))


def test_metrics_get_what_they_take() -> None:
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    loe = {"type": "calculate_loe", "better": "lower"}
    assert score({"img": image, "lq": image}, {"loe": loe}, "name", "set")["loe"] == 0
    assert math.isnan(score({"img": image, "lq": image}, {"loe": loe | {"crop_border": 50}}, "name", "set")["loe"])


def test_models_with_their_own_validation_are_known() -> None:
    assert validates_itself(object.__new__(RealESRNetModel))
    assert not validates_itself(object.__new__(SRModel))
    assert not validates_itself(Copier())

"""A run's log as BasicSR's own MessageLogger and SRModel write it, read back, resumed and cut short."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from basicsr.models.sr_model import SRModel
from basicsr.utils import MessageLogger

from nerco_plugin.report.run_log import RunLogError, read_run

HEAD = "\n  name: tiny\n  val:[\n    val_freq: 30\n  ]\n  train:[\n    total_iter: 100\n  ]\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    """BasicSR's logger, writing into the run's folder alone, in its own format."""
    logger = logging.getLogger("basicsr")
    kept, propagate, level = logger.handlers[:], logger.propagate, logger.level
    handler = logging.FileHandler(tmp_path / "train_tiny_20260102_030405.log", mode="w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    yield logger
    handler.close()
    logger.handlers, logger.propagate = kept, propagate
    logger.setLevel(level)


def train(log: logging.Logger, first: int, last: int, scale: float = 1.0) -> None:
    """Lines every 20 iterations, a validation every 30 and at the end, by BasicSR's own code."""
    log.info(HEAD)
    options = {"name": "tiny", "logger": {"print_freq": 20, "use_tb_logger": False}, "train": {"total_iter": 100}}
    message = MessageLogger(options, first)
    model = SRModel.__new__(SRModel)
    model.best_metric_results = {"eval 15": {"psnr": {"better": "higher", "val": 0.0, "iter": 0}}}
    for iteration in range(first + 1, last + 1):
        if iteration % 20 == 0:
            times = {"time": 0.25, "data_time": 0.01}
            terms = {"l_g": scale / iteration, "l_nan": math.nan, "d_low": 1e-12}
            message({"epoch": 0, "iter": iteration, "lrs": [2e-4, 1e-4], **times, **terms})
        if iteration % 30 == 0 or iteration == 100:
            model.metric_results = {"psnr": 10 + iteration / 100 - (iteration == 90)}
            model._update_best_metric_result("eval 15", "psnr", model.metric_results["psnr"], iteration)
            model._log_validation_metric_values(iteration, "eval 15", None)


def test_all_curves_of_a_run(log: logging.Logger, tmp_path: Path) -> None:
    train(log, 0, 100)
    run = read_run(tmp_path)
    assert run.terms["l_g"] == [(i, pytest.approx(1 / i, rel=1e-4)) for i in (20, 40, 60, 80, 100)]
    assert all(math.isnan(value) for _, value in run.terms["l_nan"])
    assert run.terms["d_low"][0] == (20, 1e-12)
    assert run.rates == {
        "learning rate 1": [(i, 2e-4) for i in (20, 40, 60, 80, 100)],
        "learning rate 2": [(i, 1e-4) for i in (20, 40, 60, 80, 100)],
    }
    assert run.seconds[-1] == (100, 0.25)
    assert run.scores == {("eval 15", "psnr"): [(30, 10.3), (60, 10.6), (90, 9.9), (100, 11.0)]}
    assert run.best == {("eval 15", "psnr"): (11.0, 100)}
    assert run.last_iteration == 100


def test_a_resumed_run_replaces_what_it_trains_again(log: logging.Logger, tmp_path: Path) -> None:
    train(log, 0, 80)
    (tmp_path / "train_tiny_20260102_030405.log").rename(tmp_path / "train_tiny_20260101_235959.log")
    log.handlers[0].close()
    log.handlers[0] = logging.FileHandler(tmp_path / "train_tiny_20260102_030405.log")
    log.handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))
    train(log, 50, 100, scale=2.0)
    run = read_run(tmp_path)
    expected = [(20, 1 / 20), (40, 1 / 40), (60, 2 / 60), (80, 2 / 80), (100, 2 / 100)]
    assert run.terms["l_g"] == [(i, pytest.approx(value, rel=1e-4)) for i, value in expected]
    assert [iteration for iteration, _ in run.scores["eval 15", "psnr"]] == [30, 60, 90, 100]


def test_a_half_written_line_is_not_read(log: logging.Logger, tmp_path: Path) -> None:
    train(log, 0, 40)
    path = tmp_path / "train_tiny_20260102_030405.log"
    text = path.read_text()
    path.write_text(text[: text.rindex("l_g: ") + len("l_g: 2.5")])
    assert read_run(tmp_path).terms["l_g"] == [(20, 0.05)]


def test_undefined_scores_are_gaps(log: logging.Logger, tmp_path: Path) -> None:
    train(log, 0, 20)
    log.info("Validation dark\n\t # niqe: n/a\tBest: 4.0000 @ 10 iter\n\t # psnr: inf\n")
    scores = read_run(tmp_path).scores
    assert math.isnan(scores["dark", "niqe"][0][1])
    assert scores["dark", "psnr"] == [(30, math.inf)]


def test_no_run_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunLogError, match=r"no train_\*\.log"):
        read_run(tmp_path)
    (tmp_path / "train_x_20260101_000000.log").write_text("2026 INFO: nothing yet\n")
    with pytest.raises(RunLogError, match="no line of training yet"):
        read_run(tmp_path)

"""write_report and tools/score.py: what they write, what they refuse, and how they end."""

import csv
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from basicsr.metrics import calculate_psnr
from PIL import Image

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.report import write_report
from nerco_plugin.report.pairs import PairingError
from nerco_plugin.report.pictures import lightness_histogram, read_rgb

SCORE = Path(__file__).resolve().parents[2] / "tools" / "score.py"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_several_methods(report: Path, photographs: Path) -> None:
    assert names(report) == ["index.html", "index_files", "scores.csv", "scores.json", "scores.md"]
    assert len(names(report / "index_files")) == 12
    data = json.loads((report / "scores.json").read_text(encoding="utf-8"))
    gamma, gain = data["methods"]["gamma <b>"], data["methods"]["gain"]
    assert list(gamma["images"]) == ["1", "2", "10"]
    assert list(gamma["mean"]) == ["psnr", "ssim", "loe", "niqe", "niqe_paper"]
    first, truth = (read_rgb(photographs / role / "1.png") for role in ("gamma", "gt"))
    assert gamma["images"]["1"]["psnr"] == calculate_psnr(first, truth, crop_border=0)
    assert gamma["mean"]["ssim"] == pytest.approx(np.mean([image["ssim"] for image in gamma["images"].values()]))
    assert gain["images"]["10"]["niqe"] is None
    assert "two whole patches of 96 x 96 px" in gain["undefined"]["10"]["niqe"]
    assert gain["images"]["2"]["psnr"] is None
    assert gain["undefined"]["2"] == {"psnr": "equal to the reference"}
    assert gain["images"]["2"]["ssim"] == 1.0
    with (report / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    text = (report / "scores.md").read_text(encoding="utf-8")
    assert "made 8-bit by truncation" in text
    assert "| NeRCo |" in text
    assert "gain (this run)" in text
    assert "This run has 3 images, the paper's cells 15: the rows do not compare." in text


def test_one_method_without_references_beside_its_results(photographs: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for path in (photographs / "gamma").iterdir():
        Image.open(path).save(results / f"{path.stem}_mine.png")
    for _ in range(2):  # the second time an earlier report lies there
        data = write_report(
            {"mine": results}, photographs / "low", None, results, suffix="_mine", progress=False, processes=1
        )
    assert list(data["mean"]) == ["loe", "niqe", "niqe_paper"]  # type: ignore[call-overload]
    assert data == json.loads((results / "scores.json").read_text(encoding="utf-8"))
    assert [path for path in names(results) if path.startswith(".")] == []


def test_means_do_not_depend_on_the_number_of_processes(photographs: Path, report: Path, tmp_path: Path) -> None:
    methods = {"gamma <b>": photographs / "gamma", "gain": photographs / "gain"}
    data = write_report(methods, photographs / "low", photographs / "gt", tmp_path, processes=1, progress=False)
    assert data["methods"] == json.loads((report / "scores.json").read_text(encoding="utf-8"))["methods"]


def test_faults_leave_an_earlier_report_alone(photographs: Path, tmp_path: Path) -> None:
    results, out = tmp_path / "results", tmp_path / "out"
    results.mkdir()
    for path in (photographs / "gamma").iterdir():
        (results / path.name).write_bytes(path.read_bytes())
    write_report({"mine": results}, photographs / "low", None, out, progress=False)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    whole = (results / "2.png").read_bytes()
    for name in ("2.png", "10.png"):
        (results / name).write_bytes((results / name).read_bytes()[:900])  # header whole, content cut
    with pytest.raises(ImageReadError, match=r"2 broken image\(s\), nothing was written:(\n.*){2}10\.png"):
        write_report({"mine": results}, photographs / "low", None, out, progress=False)
    (results / "2.png").write_bytes(whole)
    (results / "10.png").unlink()
    with pytest.raises(PairingError, match="10 is missing"):
        write_report({"mine": results}, photographs / "low", None, out, progress=False)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_wrong_arguments_are_named(photographs: Path, tmp_path: Path) -> None:
    methods, low = {"gamma": photographs / "gamma"}, photographs / "low"
    with pytest.raises(ValueError, match="--lpips-weights"):
        write_report(methods, low, photographs / "gt", tmp_path, extra=["lpips"])
    with pytest.raises(ValueError, match="paper_table is one of"):
        write_report(methods, low, None, tmp_path, paper_table="LOLv2")
    assert names(tmp_path) == []


def test_histogram_by_hand() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = (3, 4, 0)
    image[0, 1] = (0, 0, 255)
    histogram = lightness_histogram(image)
    assert (histogram[0], histogram[1], histogram[63], sum(histogram)) == (500, 250, 250, 1000)


def call_score(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run tools/score.py in this process (importing takes seconds) and return its exit code."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", [str(SCORE), *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCORE), run_name="__main__")
    return int(ended.value.code or 0)


def test_command_line(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x=y").symlink_to(photographs / "gain")
    methods = ("--enhanced", photographs / "gamma", "--enhanced", f"b={tmp_path / 'x=y'}", "--also", "psnr_gt_mean")
    folders = ("--low", photographs / "low", "--gt", photographs / "gt", "--out", tmp_path)
    assert call_score(monkeypatch, *methods, *folders) == 0
    output, errors = capsys.readouterr()
    assert "| gamma |" in output
    assert "| b |" in output
    assert "PSNR (GT-mean)" in output
    assert f"# {photographs.name}/low" in output
    assert "3/3" in errors
    data = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert data["methods"]["gamma"]["mean"]["psnr_gt_mean"] > data["methods"]["gamma"]["mean"]["psnr"]


def test_command_line_ends_with_two_on_faults(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ("--low", photographs / "low", "--out", tmp_path / "out")
    assert call_score(monkeypatch, "--enhanced", photographs / "nowhere", *folders) == 2
    assert "no folder" in capsys.readouterr().err
    assert (
        call_score(monkeypatch, "--enhanced", photographs / "gamma", "--enhanced", photographs / "gamma", *folders) == 2
    )
    assert "two methods are called 'gamma'" in capsys.readouterr().err
    assert call_score(monkeypatch, "--enhanced", f"={photographs / 'gamma'}", *folders) == 2
    assert "a method without a name" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_the_pool_is_filled_waits_for_its_locks(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Raised there it could leave a lock taken, and the end would be waited for forever."""
    submit, calls = ProcessPoolExecutor.submit, []

    def interrupted(self: ProcessPoolExecutor, *arguments: Any) -> Any:
        calls.append(arguments)
        os.kill(os.getpid(), number)
        return submit(self, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", interrupted)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_report({"gamma": photographs / "gamma"}, photographs / "low", None, tmp_path / "out", progress=False)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert len(calls) == len(list((photographs / "low").iterdir()))
    assert names(tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")
def test_interrupted_run_leaves_nothing(photographs: Path, tmp_path: Path) -> None:
    for role in ("low", "gamma"):
        (tmp_path / role).mkdir()
        for copy in range(300):
            os.link(photographs / role / "1.png", tmp_path / role / f"{copy}.png")
    folders = ["--enhanced", str(tmp_path / "gamma"), "--low", str(tmp_path / "low"), "--out", str(tmp_path / "out")]
    command = [sys.executable, str(SCORE), *folders, "--processes", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        while run.poll() is None and not list((tmp_path / "out").rglob("*.jpg")):
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
        _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert "Traceback" not in errors
    assert names(tmp_path / "out") == []
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)

"""tools/benchmark.py at a tiny size: what it writes, and that its processes work."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import machine
from benchmarks.measuring import measure

TOOL = Path(__file__).resolve().parents[2] / "tools" / "benchmark.py"
TINY = ["--sizes", "32x48", "--num-feat", "4", "--num-block", "1", "--runs", "2"]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, measuring in this process: starting one takes longer than what it measures here."""
    specification = importlib.util.spec_from_file_location("benchmark_tool", TOOL)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    def work(kind: str, subjects: list[dict[str, Any]], arguments: Any) -> dict[str, Any]:
        order = {"kind": kind, "subjects": subjects, "device": "cpu", "runs": arguments.runs, "warmup": 0}
        return json.loads(json.dumps(measure(order)))

    monkeypatch.setattr(module, "work", work)
    monkeypatch.setattr(machine, "SIDE", {"cpu": 64})
    monkeypatch.setattr(machine, "COPIED", {"cpu": 1000})
    return module


def test_tables_of_all_tasks(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = ["--parts", "--enhance", "--steps", "--released", "--checkpoint", "--precisions", "float32", "bf16"]
    assert tool.main([*TINY, *tasks, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "benchmark.json").read_text())
    rows = {(row["task"], row["variant"], row["precision"]): row for row in results["rows"]}
    assert {task for task, _, _ in rows} == {"encoder", "mlp", "mask_extractor", "generator", "enhance", "step"}
    assert {label[1:] for label in rows if label[0] == "step"} == {
        *((variant, precision) for variant in ("ours", "checkpoint") for precision in ("float32", "bf16")),
        ("plain", "float32"),
    }
    for row in rows.values():
        assert row["seconds"] > 0
        assert len(row["runs"]) == 2
        assert row["gmac"] > 0
        assert row["tensors_mb"] > 0
        assert row["peak_mb"] >= row["growth_mb"]
    ours, plain, released = (rows["enhance", variant, "float32"] for variant in ("ours", "plain", "released"))
    assert ours["of_plain"] == pytest.approx(ours["seconds"] / plain["seconds"])
    assert plain["of_plain"] == 1
    assert released["gmac"] > 2 * plain["gmac"]
    assert rows["step", "checkpoint", "float32"]["tensors_mb"] < rows["step", "ours", "float32"]["tensors_mb"]
    assert results["machine"]["torch"]
    table = (tmp_path / "benchmark.md").read_text()
    assert table.count("\n| ") == 1 + len(rows)
    assert "| training step | 32x48 | 1 | plain float32 |" in table
    assert table in capsys.readouterr().out


def test_batches_without_reference_and_memory(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([*TINY, "--batches", "1", "2", "--no-plain", "--no-memory"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| enhancing")]
    assert [line.split(" | ")[2] for line in lines] == ["1", "2"]


def test_its_processes_work(tmp_path: Path) -> None:
    command = [sys.executable, str(TOOL), *TINY, "--no-memory"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| enhancing | 32x48 | 1 | plain float32 |" in done.stdout


def test_a_wrong_size_is_refused(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        tool.main([*TINY, "--sizes", "33x48"])
    assert "divisible by 4" in capsys.readouterr().err

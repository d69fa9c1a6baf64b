"""Memory: what an image takes is foreseen, what there is is found, and what will not fit is refused beforehand."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.inference import enhancer as enhancing
from nerco_plugin.inference import memory
from nerco_plugin.inference.batch import enhance_files
from nerco_plugin.inference.enhancer import EnhanceError, Enhancer
from nerco_plugin.inference.jobs import Job

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("norm", ["instance", "none"])
def test_the_forecast_from_small_images_holds_for_larger_ones(precision: str, norm: str) -> None:
    enhancer = Enhancer(
        NeRCo(num_feat=32, num_block=1, num_mask_block=1, hidden_dim=32, norm=norm).eval(), "cpu", precision
    )
    need = memory.measure(enhancer.enhance, CPU)
    for height, width in ((400, 512), (640, 448)):
        with memory.LiveBytes() as live:
            enhancer.enhance(torch.rand(1, 3, height, width))
        assert live.peak < need.of(height, width)
        assert need.pixel * height * width < 1.25 * live.peak


def test_an_image_that_will_not_fit_is_refused_with_the_figures(
    enhancer: Enhancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enhancing, "LARGE", 1000)
    monkeypatch.setattr(enhancing, "available", lambda device: 1 << 20)
    with pytest.raises(
        EnhanceError, match=r"300 x 200 pixels need about 0\.\d GiB .* a megapixel .* 0\.0 GiB are free"
    ):
        enhancer(np.zeros((200, 300, 3), np.uint8))
    monkeypatch.setattr(enhancing, "available", lambda device: 1 << 40)
    assert enhancer(np.zeros((200, 300, 3), np.uint8)).shape == (200, 300, 3)


def test_bf16_is_named_only_where_it_would_fit(enhancer: Enhancer, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        torch.float32: memory.Need(4e3, 0),
        torch.bfloat16: memory.Need(2e3, 0),
        torch.float16: memory.Need(2e3, 0),
    }
    monkeypatch.setattr(enhancer, "needs", needs)
    for dtype, free, remedy in (
        (torch.float32, 10e9, ", or try the precision bf16"),
        (torch.float32, 5e9, ""),
        (torch.float16, 5e9, ""),
        (torch.bfloat16, 5e9, ""),
    ):
        monkeypatch.setattr(enhancer, "dtype", dtype)
        monkeypatch.setattr(enhancing, "available", lambda device, free=free: int(free))
        with pytest.raises(EnhanceError, match=f"are free: make it smaller{remedy}$"):
            enhancer.check_size(2000, 2000)


def test_the_need_of_bf16_is_that_of_an_enhancer_in_bf16(tiny_weights: Path) -> None:
    first, second = (Enhancer.from_pretrained(tiny_weights, None, "cpu", kind) for kind in ("float32", "bf16"))
    assert first._need(torch.bfloat16) == second._need(torch.bfloat16)
    assert first._need(torch.bfloat16).pixel < first._need(torch.float32).pixel


def test_a_file_that_will_not_fit_is_refused_before_it_is_decoded(
    enhancer: Enhancer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enhancing, "available", lambda device: 1 << 20)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    Image.new("L", (2000, 1800)).save(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes((tmp_path / "x.png").read_bytes()[:60])
    outcome = enhance_files(enhancer, [Job(tmp_path / "x.png", tmp_path / "y.png")], progress=False)
    assert "x.png: 2000 x 1800 pixels need about" in outcome.faults[0]
    with pytest.raises(EnhanceError, match="2000 x 1800 pixels need about"):
        enhancer(tmp_path / "x.png")


def test_a_process_limit_is_seen_from_inside(tmp_path: Path) -> None:
    code = (
        "import resource, torch\n"
        "from nerco_plugin.inference import memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))\n"
        "print(memory.available(torch.device('cpu')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 6 << 30


def test_a_control_group_of_either_version_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes, groups = tmp_path / "proc", tmp_path / "cgroup"
    (processes / "self").mkdir(parents=True)
    (processes / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    (processes / "self/status").write_text("Name: x\nVmSize: 10 kB\n")
    monkeypatch.setattr(memory, "MEMORY_FILES", (processes, groups))
    assert memory.available(CPU) == 8000 << 10  # no group
    (processes / "self/cgroup").write_text("0::/job\n")
    for name, text in (
        ("memory.max", "3000000"),
        ("memory.current", "1000000"),
        ("memory.stat", "inactive_file 500\n"),
    ):
        (groups / "job").mkdir(parents=True, exist_ok=True)
        (groups / "job" / name).write_text(text)
    assert memory.available(CPU) == 2000500
    (groups / "job/memory.max").write_text("max\n")
    assert memory.available(CPU) == 8000 << 10
    (processes / "self/cgroup").write_text("4:memory:/job\n0::/\n")
    for name, text in (
        *(("memory.limit_in_bytes", "2000000"), ("memory.usage_in_bytes", "1000000")),
        ("memory.stat", "total_inactive_file 7\n"),
    ):
        (groups / "memory/job").mkdir(parents=True, exist_ok=True)
        (groups / "memory/job" / name).write_text(text)
    assert memory.available(CPU) == 1000007


def test_a_limit_of_a_group_around_the_process_s_own_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes, groups = tmp_path / "proc", tmp_path / "cgroup"
    (processes / "self").mkdir(parents=True)
    (processes / "self/cgroup").write_text("0::/slurm/job/step\n")
    monkeypatch.setattr(memory, "MEMORY_FILES", (processes, groups))
    for group, allowed in (("slurm", "9000000"), ("slurm/job", "3000000"), ("slurm/job/step", "max")):
        (groups / group).mkdir(parents=True)
        (groups / group / "memory.max").write_text(allowed)
        (groups / group / "memory.current").write_text("1000000")
        (groups / group / "memory.stat").write_text("inactive_file 500\n")
    assert memory.available(CPU) == 2000500
    (groups / "slurm/job/step/memory.max").write_text("2000000")
    assert memory.available(CPU) == 1000500


def test_nothing_is_known_of_other_devices() -> None:
    assert memory.available(torch.device("mps")) is None
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY  # this process keeps its own limits


def test_pillow_limits_files_where_free_memory_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    Image.new("RGB", (20, 10)).save(tmp_path / "x.png")
    enhancer = Enhancer(nn.Identity(), "cpu")
    assert enhancer(tmp_path / "x.png").shape == (10, 20, 3)
    monkeypatch.setattr("nerco_plugin.inference.enhancer.available", lambda device: None)
    with pytest.raises(ImageReadError, match=r"x\.png.*exceeds limit"):
        enhancer(tmp_path / "x.png")

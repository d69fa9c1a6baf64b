"""The code of docs/extending.md runs: a loss and an arch under BasicSR's model, blocks, and a project's own scripts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.losses import build_loss
from basicsr.utils.registry import ARCH_REGISTRY, LOSS_REGISTRY

from nerco_plugin import archs, losses
from nerco_plugin.engine.options_document import options_of

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


SCRIPT = "if __name__"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def modules() -> list[str]:
    return [text for text in blocks("python") if SCRIPT not in text]


@pytest.fixture(scope="module")
def code() -> Iterator[list[dict[str, Any]]]:
    """What each block of Python defines; what they register is taken out again."""
    before = [(registry, dict(registry._obj_map)) for registry in (ARCH_REGISTRY, LOSS_REGISTRY)]
    defined = []
    for text in modules():
        module = ModuleType("nerco_plugin.extending")
        exec(compile(text, "docs/extending.md", "exec"), vars(module))
        defined.append(vars(module))
    yield defined
    for registry, objects in before:
        registry._obj_map = objects


def networks() -> list[dict[str, Any]]:
    return [options["network_g"] for options in map(yaml.safe_load, blocks("yaml")) if "network_g" in options]


def test_a_loss_and_an_arch_take_twenty_lines() -> None:
    for text in blocks("python"):
        lines = [line for line in text.splitlines() if line.strip()]
        assert len(lines) <= 20, text


def test_the_loss_is_built_and_counts(code: Any) -> None:
    block = next(options["train"]["pixel_opt"] for options in map(yaml.safe_load, blocks("yaml")) if "train" in options)
    loss = build_loss(block)
    image = torch.rand(2, 3, 8, 8)
    assert loss(image + 0.25, image).item() == pytest.approx(0.5)
    assert [option.meaning for option in options_of(type(loss))] == ["factor of the term."]


@pytest.mark.parametrize("network_g", networks(), ids=lambda block: block["type"])
def test_the_networks_learn_with_the_loss(code: Any, network_g: dict[str, Any]) -> None:
    network, loss = build_network(network_g), build_loss({"type": "ColourLoss"})
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    dark = torch.rand(1, 3, 17, 22) * 0.2
    values = []
    for _ in range(8):
        values.append(loss(network(dark), dark + 0.3))
        optimizer.zero_grad()
        values[-1].backward()
        optimizer.step()
    assert values[-1] < values[0]


def test_the_blocks_compute(code: Any) -> None:
    assert code[-1]["painted"].shape == (1, 3, 37, 50)


def test_the_files_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(\w+\.yml)`", TEXT))
    assert named == {path.name for path in (ROOT / "options" / "mix").glob("*.yml")}
    assert all((ROOT / tool).is_file() for tool in re.findall(r"tools/\w+\.py", TEXT))


OPTIONS = """
name: own
model_type: SRModel
scale: 1
num_gpu: 0
datasets:
  SET:
    name: pairs
    type: PairedImageDataset
    dataroot_gt: pairs
    dataroot_lq: pairs
    io_backend: {type: disk}
    gt_size: 16
    use_hflip: false
    use_rot: false
    num_worker_per_gpu: 0
    batch_size_per_gpu: 1
network_g: {type: GammaCurve, strongest: 3.0}
path: {pretrain_network_g: WEIGHTS}
train:
  total_iter: 1
  optim_g: {type: Adam, lr: 0.001}
  scheduler: {type: MultiStepLR, milestones: [4]}
  pixel_opt: {type: L1Loss}
val: {save_img: true}
logger: {print_freq: 1, save_checkpoint_freq: 1}
"""


def test_the_scripts_use_an_arch_that_lies_beside_them(tmp_path: Path) -> None:
    train, nerco = (text for text in blocks("python") if SCRIPT in text)
    network = next(text for text in modules() if "class GammaCurve" in text)
    texts = {"gamma_arch": network, "train": train, "test": train.replace("train", "test"), "my_nerco": nerco}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "pairs").mkdir()
    cv2.imwrite(str(tmp_path / "pairs" / "one.png"), np.full((24, 20, 3), 60, np.uint8))
    weights = "experiments/own/models/net_g_latest.pth"
    for name, loaded in (("train", "~"), ("test", weights)):
        options = OPTIONS.replace("SET", name).replace("WEIGHTS", loaded)
        (tmp_path / f"{name}.yml").write_text(options, encoding="utf-8")
    for arguments in (
        ["train.py", "-opt", "train.yml"],
        ["test.py", "-opt", "test.yml"],
        ["my_nerco.py", "enhance", "pairs/one.png", "-o", "out", "--weights", weights],
    ):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    for picture in ("results/own/visualization/pairs/one_own.png", "out/one.png"):
        assert cv2.imread(str(tmp_path / picture)).shape == (24, 20, 3), [*tmp_path.rglob("*.png")]


def test_the_readme_names_what_the_packages_hand_on() -> None:
    parts = (ROOT / "README.md").read_text(encoding="utf-8").split("## Parts")[1].split("\n## ")[0]
    for name in (*archs.__all__, *losses.__all__):
        assert f"`{name}`" in parts

"""The code of docs/extending.md runs: its loss and its arch train under BasicSR's model, its blocks compute."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.losses import build_loss
from basicsr.utils.registry import ARCH_REGISTRY, LOSS_REGISTRY

from nerco_plugin.engine.options_document import options_of

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def code() -> Iterator[list[dict[str, Any]]]:
    """What each block of Python defines; what they register is taken out again."""
    before = [(registry, dict(registry._obj_map)) for registry in (ARCH_REGISTRY, LOSS_REGISTRY)]
    defined = []
    for text in blocks("python"):
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

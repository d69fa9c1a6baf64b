"""Guards that need no clock: multiply-adds of each part, and the bytes that a step holds at once."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.counting import multiply_adds, peak_bytes
from nerco_plugin.archs.discriminator_arch import ColorDiscriminator
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nerco_arch import NeRCo
from tests.models.small_model import small_model

GMAC = {"encoder": 48.9, "mlp": 18.3, "mask_extractor": 15.7, "generator": 50.2, "whole": 132.5}  # at 256 x 256


@torch.no_grad()
def test_multiply_adds_at_full_width_are_the_documented_ones() -> None:
    with torch.device("meta"):
        network = NeRCo().eval()
        image, feature = torch.empty(1, 3, 256, 256), torch.empty(1, 64, 256, 256)
    runs: dict[str, Callable[[], Any]] = {
        "encoder": lambda: network.nrn.encoder(image),
        "mlp": lambda: network.nrn.mlp(feature),
        "mask_extractor": lambda: network.mask_extractor(image),
        "generator": lambda: network.generator(torch.cat([image, image], dim=1)),
        "whole": lambda: network(image),
    }
    counted = {name: multiply_adds(run) / 1e9 for name, run in runs.items()}
    assert counted == pytest.approx(GMAC, abs=0.06, rel=0)
    mask = 7 * 7 * 64 * 3 * 256 * 256 / 1e9  # the lightness mask is for training: enhancing leaves it out
    assert counted["whole"] == pytest.approx(sum(counted.values()) - counted["whole"] - mask, rel=1e-3)


@torch.no_grad()
def test_multiply_adds_of_what_only_training_runs() -> None:
    with torch.device("meta"):
        image = torch.empty(1, 3, 256, 256)
        assert multiply_adds(lambda: ResnetGenerator()(image)) / 1e9 == pytest.approx(49.6, abs=0.06)
        assert multiply_adds(lambda: ColorDiscriminator()(image)) / 1e9 == pytest.approx(3.2, abs=0.06)


def test_live_bytes_by_hand() -> None:
    def run() -> Tensor:
        first = torch.zeros(1000)  # 4,000 bytes
        second = first + 1  # 8,000
        del first
        return second.view(10, 100).mul_(2) + 1  # views and work in place are no new bytes; 8,000 again

    assert peak_bytes(run) == 8000
    kept = torch.zeros(1000, requires_grad=True)
    assert peak_bytes(lambda: kept.exp().exp().exp()) == 12_000  # autograd keeps each for its derivative


def step_bytes(side: int, **train: Any) -> int:
    model = small_model(**train)
    batch = {name: torch.rand(1, 3, side, side) for name in ("low", "high")}
    for iteration in (1, 2):
        model.feed_data(batch)
        used = peak_bytes(lambda iteration=iteration: model.optimize_parameters(iteration))
    return used


def test_a_step_holds_no_more_than_it_did() -> None:
    """Bytes a pixel, at eight features: what a larger image adds. It grew if something is kept that was not."""
    added = (step_bytes(96) - step_bytes(64)) / (96**2 - 64**2)
    recomputed = (step_bytes(96, checkpoint=True) - step_bytes(64, checkpoint=True)) / (96**2 - 64**2)
    assert added < 4000
    assert recomputed < 0.3 * added

"""The plan of a run: counts, networks, memory, output, without a step being taken."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from option_samples import build, make_project
from torch import nn

from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.plan import training_plan
from nerco_plugin.engine.plan_memory import expected_memory, kept_by, states_per_weight
from nerco_plugin.engine.plan_networks import network_costs
from nerco_plugin.inference.packaged import packaged_weights
from nerco_plugin.inference.weights import read_weights


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


def test_the_plan_of_nerco(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    state = torch.get_rng_state()
    plan = training_plan(build(project, "nerco", "train:total_iter=60", "logger:use_tb_logger=true"))
    assert "nerco: NeRCoModel on 1 process, CPU, seed 0" in plan
    assert "train: 3 images, train (UnpairedImageDataset)" in plan
    assert "val: 3 images" in plan
    assert "60 iterations of 1 image(s) (1 a process), 20 epochs" in plan
    assert "validation every 50 iterations and at the end" in plan
    assert "multiply-adds for an image of 24 x 24" in plan
    assert str(project / "experiments" / "nerco") in plan
    assert str(project / "tb_logger" / "nerco") in plan
    assert "train:scheduler goes on until iteration 100" in plan
    assert not (project / "experiments").exists()
    assert torch.equal(torch.get_rng_state(), state)
    assert "Unsupported operator" not in "".join(capfd.readouterr())


def test_the_plan_of_a_basicsr_gan(project: Path) -> None:
    opt = build(project, "gan", "datasets:train:gt_size=128")
    costs = {cost.name: cost for cost in network_costs(opt)}
    assert (costs["network_g"].side, costs["network_d"].side) == (64, 128)
    assert all(cost.flops for cost in costs.values())  # the discriminator takes 128 x 128 alone
    assert "network_d  VGGStyleDiscriminator: " in training_plan(opt)


def test_parameters_and_multiply_adds_are_exact(project: Path) -> None:
    cost = network_costs(build(project, "sr"))[0]
    weights = [3 * 4, 4 * 4, 4 * 4, 4 * 16, 4 * 4, 4 * 3]  # MSRResNet: first, two in the block, upsampling, hr, last
    pixels = [64, 64, 64, 64, 256, 256]  # of 8 x 8, and of 16 x 16 after upsampling
    assert cost.parameters == sum(9 * count for count in weights) + 4 + 4 + 4 + 16 + 4 + 3
    counted = sum(9 * count * size for count, size in zip(weights, pixels, strict=True))
    assert counted <= cost.flops <= 1.05 * counted  # and the bilinear enlargement


def test_pretrained_weights_for_another_network_are_told(project: Path) -> None:
    packaged = packaged_weights()
    pretrained = f"path:pretrain_network_g={packaged}"
    with pytest.raises(OptionError) as raised:
        training_plan(build(project, "nerco", pretrained, f"path:pretrain_network_d_low={packaged}"))
    said, other = str(raised.value).splitlines()
    assert said.startswith(f"path:pretrain_network_g: {packaged} does not fit NeRCo: ")
    assert other.startswith(f"path:pretrain_network_d_low: {packaged} does not fit ColorDiscriminator: ")
    assert '; the file is of network_g {"type": "NeRCo", "num_feat": 16, ' in said
    assert len(said) < 1000
    network_g = read_weights(packaged).network_g
    plan = training_plan(build(project, "nerco", pretrained, f"network_g={json.dumps(network_g)}"))
    assert "another network_g" not in plan
    other = json.dumps({key: value for key, value in network_g.items() if key != "norm"} | {"exposure": 0.5})
    plan = training_plan(build(project, "nerco", pretrained, f"network_g={other}"))  # its tensors fit
    text = 'was saved with another network_g, norm: "none" (here "instance"), exposure: 0.45 (here 0.5)'
    assert plan.endswith(f"{packaged} {text}")


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ({"type": "Adam", "lr": 1.0}, 2),
        ({"type": "Adam", "lr": 1.0, "amsgrad": True}, 3),
        ({"type": "SGD", "lr": 1.0}, 0),
        ({"type": "SGD", "lr": 1.0, "momentum": 0.9}, 1),
    ],
)
def test_what_optimizers_remember(options: dict, states: int) -> None:
    assert states_per_weight(options) == states


def test_kept_bytes_by_hand() -> None:
    image = torch.empty(1, 3, 8, 8, device="meta")
    layer = nn.Conv2d(3, 5, kernel_size=3, padding=1, device="meta")
    assert kept_by(layer, image) == 4 * image.numel()  # a convolution keeps its input
    keeps_its_output_too = nn.Sequential(layer, nn.Sigmoid())
    assert kept_by(keeps_its_output_too, image) == 4 * (image.numel() + 5 * 8 * 8)


def test_memory_counts_weights_gradients_states_and_average(project: Path) -> None:
    opt = build(project, "sr")
    costs = network_costs(opt)
    assert expected_memory(opt, costs).weights == 4 * costs[0].parameters * (1 + 1 + 2 + 1)
    twice = expected_memory(build(project, "sr", "datasets:train:batch_size_per_gpu=3"), costs).kept
    assert twice == 1.5 * expected_memory(opt, costs).kept
    large = ("datasets:train:size=64", "datasets:train:load_size=64")
    two = build(project, "nerco", "datasets:train:batch_size_per_gpu=2", *large)
    three = "datasets:train:batch_size_per_gpu=3"
    in_parts = build(project, "nerco", three, "train:accumulate=2", "train:checkpoint=true", *large)
    kept = [expected_memory(opt, network_costs(opt)).kept for opt in (in_parts, two)]
    assert kept[0] == kept[1] > 0
    assert "of 2 image(s) in float32, a seventh to a third of it with checkpoint" in training_plan(in_parts)


@pytest.mark.parametrize("error", [AssertionError("not alike"), KeyError("scale"), OSError("gone")])
def test_what_a_data_set_of_basicsr_raises_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    opt = build(project, "sr")
    monkeypatch.setattr("nerco_plugin.engine.loader.build_dataset", Mock(side_effect=error))
    with pytest.raises(OptionError, match=f"data set pairs: .*{error.args[0]}"):
        training_plan(opt)


def test_data_that_cannot_be_read_is_named(project: Path) -> None:
    opt = build(project, "sr")
    (project / "datasets" / "lq" / "1.png").unlink()
    with pytest.raises(OptionError, match="data set pairs: "):
        training_plan(opt)

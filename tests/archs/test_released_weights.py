"""Released checkpoints give the same pictures: the converted networks against the contract."""

from pathlib import Path

import pytest
import torch
from basicsr.archs import build_network

from nerco_plugin.archs.blocks import high_pass
from nerco_plugin.archs.released_weights import (
    ReleasedWeightsError,
    convert_discriminator,
    convert_generator,
    convert_mask_extractor,
    convert_nerco,
    convert_nrn,
)
from nerco_plugin.inference.weights import read_weights
from tests.data.run_tool import run_tool
from tests.released import Released

PARAMETERS = {"G_A": 11_387_587, "G_B": 11_378_179, "Pre": 11_658_051, "H": 249_765, "D_A": 2_764_737}


@pytest.fixture(scope="module")
def nerco(released: Released) -> torch.nn.Module:
    network = build_network({"type": "NeRCo", "use_position": False, "enhance_input": "concat"})
    parts = convert_generator(released.state("G_A")), convert_nrn(released.state("Pre"))
    network.load_state_dict(convert_nerco(*parts, convert_mask_extractor(released.state("H"))), strict=True)
    return network.eval()


def largest_difference(first: torch.Tensor, second: torch.Tensor) -> float:
    return (first - second).abs().max().item()


@torch.no_grad()
def test_the_enhancement_path_gives_the_released_outputs(released: Released, nerco: torch.nn.Module) -> None:
    expected, atol = released.outputs, released.contract["atol"]
    done = nerco.enhance(expected["x"])
    got = {"pre_A": done.normalized, "H": done.lightness_mask, "mask": done.attention, "fake_B": done.enhanced}
    for name, output in got.items():
        assert largest_difference(output, expected[name]) <= atol[name], name
    from_unit_range = nerco((expected["x"] + 1) / 2)
    assert largest_difference(from_unit_range, (expected["fake_B"] + 1) / 2) <= atol["fake_B"]


@torch.no_grad()
def test_the_other_networks_give_the_released_outputs(released: Released) -> None:
    expected, atol = released.outputs, released.contract["atol"]
    degrade = build_network({"type": "ResnetGenerator"})
    degrade.load_state_dict(convert_generator(released.state("G_B")))
    assert largest_difference(degrade(expected["fake_B"]), expected["rec_A"]) <= atol["rec_A"]
    for net, arch in (("D_A", "ColorDiscriminator"), ("D_A_edge", "EdgeDiscriminator")):
        discriminator = build_network({"type": arch})
        discriminator.load_state_dict(convert_discriminator(released.state(net)))
        assert largest_difference(discriminator(expected["fake_B"]), expected[net]) <= atol[net], net
    assert largest_difference(high_pass(expected["fake_B"]), expected["edge"]) <= 1e-5


def test_every_released_parameter_has_its_place(released: Released, nerco: torch.nn.Module) -> None:
    sizes = {"G_A": nerco.generator, "Pre": nerco.nrn, "H": nerco.mask_extractor}
    for net, network in sizes.items():
        assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[net]
    state = released.state("Pre")
    first = torch.cat([nerco.nrn.mlp.feature.weight.flatten(1), nerco.nrn.mlp.position.weight], dim=1)
    assert torch.equal(first, state["mlp.imnet.layers.0.weight"])
    assert torch.equal(nerco.nrn.encoder[10].conv2.bias, state["model.10.conv_block.5.bias"])


def test_unknown_and_missing_weights_are_refused_by_name(released: Released) -> None:
    state = released.state("H")
    with pytest.raises(ReleasedWeightsError, match=r"unknown: fc3\.weight"):
        convert_mask_extractor({**state, "fc3.weight": state["fc1.weight"]})
    del state["fc1.weight"]
    with pytest.raises(ReleasedWeightsError, match=r"missing: fc1\.weight"):
        convert_mask_extractor(state)


def test_the_tool_converts_what_is_there_and_names_what_is_wrong(
    released: Released, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for net in ("G_A", "Pre", "H", "G_B"):
        torch.save(released.state(net), tmp_path / f"latest_net_{net}.pth")
    arguments = "convert_released_weights", str(tmp_path), str(tmp_path / "o.pth")
    assert run_tool(*arguments) == 0
    network = build_network({"type": "NeRCo", "use_position": False, "enhance_input": "concat"})
    network.load_state_dict(torch.load(tmp_path / "o.pth", weights_only=True)["params"], strict=True)
    assert read_weights(tmp_path / "o.pth").network_g["use_position"] is False  # needs no option file
    degrade = torch.load(tmp_path / "o_degrade.pth", weights_only=True)["params"]
    assert torch.equal(degrade["trunk.1.weight"], released.state("G_B")["model.1.weight"])
    (tmp_path / "latest_net_Pre.pth").write_bytes(b"not a checkpoint")
    assert run_tool(*arguments) == 1
    said = capsys.readouterr().err
    assert "latest_net_Pre.pth" in said
    assert "Traceback" not in said

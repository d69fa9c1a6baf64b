"""A widened network computes the same, its copies learn different things, and what does not fit is named."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nerco_plugin.archs.attended_arch import AttendedNetwork
from nerco_plugin.archs.cam_arch import CAM
from nerco_plugin.archs.composed_arch import ComposedNetwork
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.archs.widening import widen
from nerco_plugin.inference.weights import Weights, build_network, read_weights, write_weights
from tests.data.run_tool import run_tool

NARROW: dict[str, Any] = {"num_feat": 4, "num_block": 1, "num_mask_block": 1, "hidden_dim": 8, "num_frequencies": 2}
WIDE: dict[str, Any] = {"num_feat": 12, "num_block": 3, "num_mask_block": 2, "hidden_dim": 16, "num_frequencies": 2}
FORMS: list[dict[str, Any]] = [
    {"norm": "none", "residual": True, "long_skip": True, "upsample": "resize", "exposure": 0.48},
    {"upsample": "transpose"},
    {"upsample": "transpose", "norm": "none", "channel_sigmoid": True, "enhance_input": "normalized"},
]


def both(form: dict[str, Any]) -> tuple[NeRCo, NeRCo]:
    """A narrow network with lively weights, and the wide one that it became."""
    torch.manual_seed(0)
    wide_options = WIDE if form.get("norm") == "none" else WIDE | {"num_block": 1, "num_mask_block": 1}
    narrow, wide = NeRCo(**NARROW, **form).double(), NeRCo(**wide_options, **form).double()
    for parameter in narrow.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    widen(narrow, wide, torch.Generator().manual_seed(0))
    return narrow, wide


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_it_computes_the_same(form: dict[str, Any]) -> None:
    narrow, wide = both(form)
    low = torch.rand(2, 3, 21, 26, dtype=torch.float64) * 2 - 1
    for expected, found in zip(narrow.enhance(low), wide.enhance(low), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_copies_of_a_feature_learn_different_things() -> None:
    _, wide = both(FORMS[0])
    low, high = torch.rand(2, 1, 3, 24, 24, dtype=torch.float64)
    (wide(low) - high).abs().mean().backward()
    first = wide.generator.trunk[1].weight.grad
    assert not torch.allclose(first[0], first[1], rtol=0.01)
    block = wide.generator.trunk[-3].conv2.weight.grad  # of a block that the narrow network has not
    assert block.abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"num_feat": 6}, "widths must be whole multiples"),
        ({"use_mask_extractor": False}, "mask_extractor is in one of the networks only"),
        ({"num_block": 2}, "blocks can be added with norm: none only"),
        ({"long_skip": True}, r"nrn\.encoder\.long_skip is False in one network and True in the other"),
        ({"channel_sigmoid": True}, r"mask_extractor\.cam\.channel\.sigmoid"),
        ({"pool_padding": False}, r"mask_extractor\.cam\.pool_padding"),
        ({"use_position": False}, r"nrn\.mlp\.use_position"),
        ({"num_frequencies": 5}, r"nrn\.mlp\.num_frequencies is 2"),  # 24 columns instead of 12
        ({"residual": True}, r"network\.residual"),
        ({"exposure": 0.48}, r"network\.exposure is None in one network and 0\.48"),
        ({"enhance_input": "normalized"}, r"network\.concat"),
        ({"upsample": "resize"}, r"Upsample0\.0: ConvTranspose2d cannot become Upsample"),
        ({"norm": "none"}, r"nrn\.encoder\.norm is 'instance'"),
        ({"num_hidden": 2}, r"mlp\.hidden\.1 is in one"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        widen(NeRCo(**NARROW), NeRCo(**(NARROW | change)))


def test_a_layer_with_a_bias_does_not_become_one_without() -> None:
    for bias in (True, False):
        with pytest.raises(ValueError, match=r"network\.parameters is \['weight'"):
            widen(nn.Conv2d(2, 2, 1, bias=bias), nn.Conv2d(4, 4, 1, bias=not bias))


@pytest.mark.parametrize(("num_feat", "wide_feat", "units"), [(4, 96, 6), (16, 160, 10)])
def test_a_squeeze_that_is_no_whole_multiple_gets_units_that_add_nothing(
    num_feat: int, wide_feat: int, units: int
) -> None:
    torch.manual_seed(0)
    narrow, wide = CAM(num_feat).double(), CAM(wide_feat).double()
    for parameter in narrow.parameters():
        torch.nn.init.normal_(parameter)
    widen(narrow, wide, torch.Generator().manual_seed(0))
    assert wide.channel.squeeze.out_channels == units
    feature = torch.rand(2, num_feat, 12, 14, dtype=torch.float64)
    repeated = feature.repeat_interleave(wide_feat // num_feat, dim=1)
    torch.testing.assert_close(wide(repeated), narrow(feature), rtol=0, atol=1e-9)
    wide(repeated).square().sum().backward()
    assert wide.channel.excite.weight.grad[:, -1].any()  # they can learn


def test_networks_on_another_device_than_the_generator() -> None:
    with torch.device("meta"):
        narrow, wide = nn.Conv2d(2, 2, 1), nn.Conv2d(4, 4, 1)
    widen(narrow, wide, torch.Generator().manual_seed(0))


def test_fewer_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="ResnetBlock1 is in one of the networks only"):
        widen(NeRCo(**(NARROW | {"num_block": 2})), NeRCo(**NARROW))


def test_the_tool_writes_weights_that_know_their_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    source, out = tmp_path / "narrow.safetensors", tmp_path / "wide.pth"
    block = {**NARROW, "norm": "none"}
    write_weights(Weights(NeRCo(**block).state_dict(), {"type": "NeRCo", **block}, "name: tiny"), source)
    assert run_tool("widen", str(source), str(out), "--num-feat", "8", "--num-block", "2") == 0
    assert "parameters instead of" in capsys.readouterr().out
    weights = read_weights(out)
    assert weights.network_g == {"type": "NeRCo", **block, "num_feat": 8, "num_block": 2}
    low = torch.rand(1, 3, 20, 24)
    narrow, wide = build_network(read_weights(source), "narrow"), build_network(weights, "wide")
    torch.testing.assert_close(wide(low), narrow(low), rtol=0, atol=1e-5)
    assert run_tool("widen", str(source), str(out), "--num-feat", "9") == 1
    assert "whole multiples" in caplog.text
    assert run_tool("widen", str(source), str(out), "--num-feat", "0") == 1
    assert "num_feat must be" in caplog.text


SRVGG: dict[str, Any] = {"type": "SRVGGNetCompact", "num_feat": 8, "num_conv": 1, "upscale": 1}


def packaged(path: Path, network: nn.Module, block: dict[str, Any]) -> str:
    write_weights(Weights(network.state_dict(), block), path)
    return str(path)


def test_the_tool_refuses_a_width_that_the_network_does_not_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    block = {"front": SRVGG, "body": SRVGG}
    source = packaged(tmp_path / "net.pth", ComposedNetwork(**block), {"type": "ComposedNetwork", **block})
    assert run_tool("widen", source, str(tmp_path / "wide.pth"), "--num-feat", "16") == 1
    assert "ComposedNetwork cannot be widened to num_feat 16" in caplog.text
    assert "unexpected keyword argument 'num_feat'" in caplog.text
    assert not (tmp_path / "wide.pth").exists()


def test_the_tool_refuses_what_does_not_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    block = {"network": SRVGG, "at": "body.2", "num_feat": 8}
    source = packaged(tmp_path / "net.pth", AttendedNetwork(**block), {"type": "AttendedNetwork", **block})
    assert run_tool("widen", source, str(tmp_path / "wide.pth"), "--num-feat", "16") == 1
    assert "AttendedNetwork cannot be widened to num_feat 16" in caplog.text
    assert not (tmp_path / "wide.pth").exists()


def test_the_tool_refuses_another_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packaged(tmp_path / "net.pth", NeRCo(**NARROW), {"type": "NeRCo", **NARROW})
    monkeypatch.setattr("nerco_plugin.archs.widening.widen", lambda *_: None)
    assert run_tool("widen", source, str(tmp_path / "wide.pth"), "--num-feat", "8") == 1
    assert "picture differs from the narrow one's by" in caplog.text
    assert not (tmp_path / "wide.pth").exists()

"""NeRCo without InstanceNorm, with a residual G_H, on exposed images: the options of the small LOL network."""

from typing import Any

import pytest
import torch
from basicsr.archs import build_network

from nerco_plugin.archs.blocks.ranges import to_signed
from nerco_plugin.light import expose

SMALL: dict[str, Any] = {"type": "NeRCo", "num_feat": 8, "num_block": 1, "num_mask_block": 1, "hidden_dim": 16}


@pytest.mark.parametrize("upsample", ["transpose", "resize"])
def test_without_normalization_it_has_the_same_parameters(upsample: str) -> None:
    kinds = [build_network({**SMALL, "upsample": upsample, "norm": norm}).state_dict() for norm in ("instance", "none")]
    assert {name: value.shape for name, value in kinds[0].items()} == {n: v.shape for n, v in kinds[1].items()}


@torch.no_grad()
def test_without_normalization_brightness_passes() -> None:
    image = torch.rand(1, 3, 24, 24)
    for norm, passes in (("instance", False), ("none", True)):
        torch.manual_seed(0)
        generator = build_network({"type": "ResnetGenerator", "num_feat": 8, "num_block": 1, "norm": norm}).eval()
        change = (generator(image) - generator(image * 0.5)).abs().max()
        assert bool(change > 0.02 * generator(image).std()) == passes


@torch.no_grad()
def test_a_residual_network_begins_at_its_normalization() -> None:
    network = build_network({**SMALL, "norm": "none", "residual": True}).eval()
    low = to_signed(torch.rand(1, 3, 20, 21))
    done = network.enhance(low)
    seen = done.attention * network.generator_input(low, done.normalized)
    torch.testing.assert_close(done.enhanced, network.generator(seen) + done.normalized)
    assert (done.enhanced - done.normalized).abs().mean() < 0.05
    enhanced = network(torch.rand(1, 3, 20, 21))
    assert enhanced.min() >= 0
    assert enhanced.max() <= 1


@torch.no_grad()
def test_an_exposed_network_sees_exposed_images() -> None:
    torch.manual_seed(0)
    plain, exposed = build_network(SMALL).eval(), build_network({**SMALL, "exposure": 0.5}).eval()
    exposed.load_state_dict(plain.state_dict())
    low = torch.rand(2, 3, 30, 22) * 0.2
    torch.testing.assert_close(exposed(low), plain(expose(low, 0.5)))


@pytest.mark.parametrize(("option", "value"), [("norm", "batch"), ("exposure", 0.0), ("exposure", 1.5)])
def test_a_wrong_option_is_named(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=option):
        build_network({**SMALL, option: value})

"""NeRCo without InstanceNorm, with a residual G_H, on exposed images: the options of the small LOL network."""

from typing import Any

import pytest
import torch
from basicsr.archs import build_network

from nerco_plugin.archs.blocks.ranges import to_signed
from nerco_plugin.archs.blocks.resnet import ResnetTrunk
from nerco_plugin.detail import with_detail
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


@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("upsample", ["transpose", "resize"])
def test_long_skips_add_no_parameter_and_are_the_same_in_strips(norm: str, upsample: str) -> None:
    torch.manual_seed(0)
    trunks = [ResnetTrunk(3, 8, 1, upsample=upsample, norm=norm, long_skip=skip).eval() for skip in (False, True)]
    trunks[1].load_state_dict(trunks[0].state_dict())
    image = torch.rand(2, 3, 44, 36)
    with torch.no_grad():
        without, in_strips = (trunk(image) for trunk in trunks)
    whole = trunks[1](image)  # with gradients: not in strips
    torch.testing.assert_close(in_strips, whole, rtol=1e-4, atol=1e-5)
    assert (whole - without).abs().mean() > 0.1


def test_detail_passes_a_trunk_whose_coarse_scales_are_dead() -> None:
    trunk = ResnetTrunk(3, 8, 1, norm="none", long_skip=True)
    layers = list(trunk)
    for layer in layers[4:]:
        for parameter in layer.parameters():
            torch.nn.init.zeros_(parameter)
    image = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(trunk(image), torch.nn.Sequential(*layers[:4])(image))


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
    lifted = build_network({**SMALL, "exposure": 0.5, "highlights": 0.8}).eval()
    lifted.load_state_dict(plain.state_dict())
    torch.testing.assert_close(lifted(low), plain(expose(low, 0.5, 0.8)))
    lifted.shadows = 0.4
    torch.testing.assert_close(lifted(low), plain(expose(low, 0.5, 0.8, 0.4)))
    lifted.black_level = 3.0
    torch.testing.assert_close(lifted(low), plain(expose(low, 0.5, 0.8, 0.4, black_level=3.0)))
    lifted.toe = 2.0
    seen = expose(low, 0.5, 0.8, 0.4, black_level=3.0, toe=2.0)
    torch.testing.assert_close(lifted(low), plain(seen))
    brighter = expose(low, 0.5, 0.8, 0.4, black_level=3.0, toe=2.0, stops=1.0)
    torch.testing.assert_close(lifted(low, stops=1.0), plain(brighter))
    with pytest.raises(ValueError, match="stops: got 1.0, and the network has no exposure"):
        plain(low, stops=1.0)
    lifted.keep_detail = 0.2
    torch.testing.assert_close(lifted(low), with_detail(plain(seen), seen, 0.2).clamp(0, 1))
    assert (lifted(low) - plain(seen)).abs().max() > 0.1


@torch.no_grad()
def test_simulated_pairs_are_darkened_too_and_their_black_is_exact() -> None:
    levels = {"exposure": 0.4, "highlights": 0.7, "shadows": 0.2}
    network = build_network({**SMALL, **levels, "black_level": 3.0, "toe": 4.0})
    bright = 0.6 + 0.4 * torch.rand(1, 3, 24, 20)
    dark = 0.1 * torch.rand(1, 3, 24, 20)
    dark[:, 0] += 0.01
    for image in (bright, dark):
        seen = network.exposed(image, simulated=True)
        torch.testing.assert_close(seen, expose(image, 0.4, 0.7, 0.2, darken=True))
    assert network.exposed(bright, simulated=True).mean() < bright.mean() - 0.1
    assert (network.exposed(dark, simulated=True) - network.exposed(dark)).abs().max() > 0.02


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("norm", "batch"),
        ("exposure", 0.0),
        ("exposure", 1.5),
        ("highlights", 0.7),
        ("shadows", 0.1),
        ("black_level", 2.0),
        ("toe", 0.5),
        ("keep_detail", 0.005),
    ],
)
def test_a_wrong_option_is_named(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=option):
        build_network({**SMALL, option: value})


@pytest.mark.parametrize("option", ["black_level", "toe", "keep_detail"])
def test_an_amount_that_is_not_positive_is_named(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must be positive, got 0"):
        build_network({**SMALL, "exposure": 0.5, option: 0})

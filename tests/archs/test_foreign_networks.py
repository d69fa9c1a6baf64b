"""Registered networks as parts of each other: composed, attended, and as NeRCo's generator."""

from typing import Any

import pytest
import torch
from basicsr.archs import build_network
from torch import Tensor, nn

EDSR = {"type": "EDSR", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 4, "num_block": 1, "upscale": 1}
RRDBNET = {
    "type": "RRDBNet",
    "num_in_ch": 3,
    "num_out_ch": 3,
    "scale": 1,
    "num_feat": 4,
    "num_block": 1,
    "num_grow_ch": 4,
}
NRN = {"type": "NRN", "num_feat": 4, "num_block": 1, "hidden_dim": 8}
NERCO = {"num_feat": 4, "num_block": 1, "num_mask_block": 1, "hidden_dim": 8}
NETWORKS: dict[str, dict[str, Any]] = {
    "composed": {"type": "ComposedNetwork", "front": NRN, "front_signed": True, "body": EDSR},
    "composed twice": {
        "type": "ComposedNetwork",
        "front": {"type": "NeRCo", **NERCO},
        "body": {"type": "ComposedNetwork", "front": EDSR, "body": NRN, "body_signed": True},
    },
    "side by side": {
        "type": "ComposedNetwork",
        "front": NRN,
        "front_signed": True,
        "body": {**RRDBNET, "num_in_ch": 6},
        "concat": True,
    },
    "attended": {"type": "AttendedNetwork", "network": RRDBNET, "at": "conv_body", "num_feat": 4},
    "generator": {"type": "NeRCo", **NERCO, "generator": {**RRDBNET, "num_in_ch": 6}},
}


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_any_size_and_a_batch_equals_one_by_one(name: str) -> None:
    network = build_network(NETWORKS[name]).eval()
    for height, width in ((1, 5), (37, 50), (32, 48)):
        batch = torch.rand(2, 3, height, width)
        together = network(batch)
        assert together.shape == batch.shape
        torch.testing.assert_close(together, torch.cat([network(image[None]) for image in batch]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_round_trip_and_the_options_stay_as_they_are(name: str) -> None:
    before = repr(NETWORKS[name])
    network, other = build_network(NETWORKS[name]), build_network(NETWORKS[name])
    other.load_state_dict(network.state_dict(), strict=True)
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(network(image), other(image))
    assert repr(NETWORKS[name]) == before


@torch.no_grad()
def test_the_composition_is_one_network_after_the_other_each_in_its_range() -> None:
    network, image = build_network(NETWORKS["composed"]), torch.rand(1, 3, 32, 48)
    front, body = network.front.network, network.body.network
    torch.testing.assert_close(network(image), body((front(image * 2 - 1) + 1) / 2))
    network = build_network(NETWORKS["side by side"])
    front, body = network.front.network, network.body.network
    torch.testing.assert_close(network(image), body(torch.cat([image, (front(image * 2 - 1) + 1) / 2], dim=1)))


@torch.no_grad()
def test_attention_multiplies_the_feature_map() -> None:
    network, plain = build_network(NETWORKS["attended"]), build_network(RRDBNET)
    attended, image = network.network.network, torch.rand(1, 3, 32, 32)
    named = {key.replace("conv_body.module.", "conv_body."): value for key, value in attended.state_dict().items()}
    plain.load_state_dict({key: value for key, value in named.items() if ".cam." not in key}, strict=True)
    assert not torch.allclose(network(image), plain(image))
    attended.conv_body.cam.spatial.conv.weight.zero_()  # attention is sigmoid(0) = 1/2 everywhere
    plain.conv_body.weight.mul_(0.5)
    plain.conv_body.bias.mul_(0.5)
    torch.testing.assert_close(network(image), plain(image))


class Everywhere(nn.Module):
    """Attention of 1."""

    def forward(self, feature: Tensor) -> Tensor:
        return torch.ones_like(feature[:, :1])


@pytest.mark.parametrize(("at", "num_feat"), [("trunk.4", 8), ("trunk.11", 8), ("trunk.12", 4)])
@torch.no_grad()
def test_attention_to_a_scale_leaves_its_long_skip(at: str, num_feat: int) -> None:
    options = {"type": "ResnetGenerator", "num_feat": 4, "num_block": 1, "long_skip": True}
    plain = build_network(options)
    attended = build_network({"type": "AttendedNetwork", "network": options, "at": at, "num_feat": num_feat})
    inner, image = attended.network.network, torch.rand(1, 3, 32, 32)
    named = {key.replace(f"{at}.module.", f"{at}."): value for key, value in inner.state_dict().items()}
    plain.load_state_dict({key: value for key, value in named.items() if ".cam." not in key}, strict=True)
    inner.get_submodule(at).cam = Everywhere()
    torch.testing.assert_close(attended(image), plain(image))


@torch.no_grad()
def test_a_foreign_generator_is_bounded_unless_it_is_itself() -> None:
    bright = {**RRDBNET, "num_in_ch": 6}
    network = build_network({"type": "NeRCo", **NERCO, "generator": bright})
    network.generator[0].network.conv_last.bias.fill_(100.0)
    assert network(torch.rand(1, 3, 16, 16)).max() == 1
    own = {"type": "ResnetGenerator", "num_in_ch": 6, "num_feat": 4, "num_block": 1}
    named = build_network({"type": "NeRCo", **NERCO, "generator": own, "generator_tanh": False})
    default = build_network({"type": "NeRCo", **NERCO})
    state = {key.replace("generator.0.network.", "generator."): value for key, value in named.state_dict().items()}
    default.load_state_dict(state, strict=True)
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(named(image), default(image))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"front": NRN, "body": {**EDSR, "type": "EDRS"}}, "body:type: no network 'EDRS' is registered"),
        ({"front": NRN, "body": "EDSR"}, "body: expected a mapping with the type"),
        ({"front": NRN, "body": {"num_feat": 4}}, "body: expected a mapping with the type"),
    ],
)
def test_a_wrong_part_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network({"type": "ComposedNetwork", **options})


def test_a_network_that_enlarges_or_gives_no_image_is_refused() -> None:
    for body, got in (({**EDSR, "upscale": 2}, r"\(1, 3, 32, 32\)"), ({"type": "MaskExtractor"}, "Masks")):
        network = build_network({"type": "ComposedNetwork", "front": NRN, "body": body})
        with pytest.raises(ValueError, match=f"body: expected images of the size given.*got {got}"):
            network(torch.rand(1, 3, 16, 16))


@pytest.mark.parametrize("generator", [RRDBNET, {"type": "SRVGGNetCompact", "upscale": 1}])
def test_a_generator_for_other_channels_is_refused(generator: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="generator:num_in_ch must be 6 here, got 3"):
        build_network({"type": "NeRCo", **NERCO, "generator": generator})
    build_network({"type": "NeRCo", **NERCO, "generator": generator, "enhance_input": "normalized"})


def test_a_module_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"at: RRDBNet has no module 'conv_bdy'; its modules are conv_first, body, "):
        build_network({**NETWORKS["attended"], "at": "conv_bdy"})

"""Work in strips: the pictures of the plain computation at any size, in bounded memory, without gradients only."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nerco_plugin.archs.blocks import feature_map, products, resnet, strips
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.inference.memory import LiveBytes

SMALL = {"num_feat": 16, "num_block": 2, "num_mask_block": 2, "hidden_dim": 16}
FORMS: list[dict[str, Any]] = [
    {},
    {"upsample": "resize"},
    {"pool_padding": False, "channel_sigmoid": True},
    {"enhance_input": "normalized"},
    {"use_position": False, "use_mask_extractor": False},
    {"norm": "none", "residual": True, "upsample": "resize", "long_skip": True},
    {"long_skip": True},
]


def small(**options: Any) -> NeRCo:
    return NeRCo(**(SMALL | options)).eval()


@contextmanager
def plainly() -> Iterator[None]:
    """The same networks without strips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "usable", lambda image: False)
        yield


def decibels(first: Tensor, second: Tensor) -> float:
    return -10 * (first - second).square().mean().log10().item()


def apart(network: NeRCo, low: Tensor) -> float:
    """The largest difference of any output in strips from the plain one."""
    with torch.inference_mode():
        found = network.enhance(low)
        with plainly():
            expected = network.enhance(low)
    pairs = zip(found, expected, strict=True)
    return max((ours - plain).abs().max().item() for ours, plain in pairs if ours is not None and plain is not None)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("size", [(2, 1), (8, 8), (9, 8), (12, 13), (37, 53), (130, 90), (41, 200)])
def test_strips_change_nothing(form: dict[str, Any], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_BYTES", 1 << 14)  # a few rows
    network, low = small(**form), torch.rand(2, 3, *size) * 2 - 1
    assert apart(network.double(), low.double()) < 1e-9
    if min(size) >= 12:  # below, InstanceNorm makes pictures of float32's rounding, in strips or not
        assert apart(network.float(), low) < 1e-4


@pytest.mark.parametrize("height", [8, 12, 13, 14, 15, 16, 17])
@pytest.mark.parametrize(("kernel", "stride", "reflect"), [(7, 1, True), (3, 1, True), (3, 2, False), (3, 1, False)])
@torch.inference_mode()
def test_one_convolution_where_strips_meet_the_border(
    height: int, kernel: int, stride: int, reflect: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP_BYTES", 1)  # the least: four rows
    border = kernel // 2
    layer, norm = nn.Conv2d(5, 5, kernel, stride), nn.InstanceNorm2d(5)
    image = torch.randn(1, 5, height, 11)
    pad = nn.ReflectionPad2d(border) if reflect else nn.ZeroPad2d(border)
    expected = norm(layer(pad(image))).relu()
    expected = norm(layer(pad(expected))).relu()
    found = feature_map.FeatureMap(image.clone()).convolved(layer, border, reflect)
    found = found.convolved(layer, border, reflect, in_place=stride == 1)
    torch.testing.assert_close(found.settled().raw, expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_wide_network_goes_through_winograd_unchanged() -> None:
    trunk, image = resnet.ResnetTrunk(3, 32, 6), torch.rand(1, 3, 64, 60)
    with FlopCounterMode(display=False) as fewer:
        found = trunk(image)
    with plainly(), strips.everywhere(), FlopCounterMode(display=False) as all_of_them:
        expected = trunk(image)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert fewer.get_total_flops() < 0.7 * all_of_them.get_total_flops()


def test_gradients_and_graphs_take_the_plain_path() -> None:
    image = torch.rand(1, 3, 8, 8)
    assert not strips.usable(image)
    with torch.no_grad():
        assert strips.usable(image)
        assert not strips.usable(image.to("meta"))


@pytest.mark.parametrize(("dtype", "bytes_a_value"), [(torch.float32, 4), (torch.bfloat16, 2)])
@torch.inference_mode()
def test_two_maps_are_all_that_lives_at_once(
    dtype: torch.dtype, bytes_a_value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP_BYTES", 1 << 16)
    network, low = small(num_feat=32), torch.rand(1, 3, 256, 320)
    with LiveBytes() as memory, torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        network(low)
    one_map = 32 * low[0, 0].numel() * bytes_a_value
    assert memory.peak < 2.6 * one_map + 8 * low.numel() * 4  # and some images


@torch.inference_mode()
def test_what_the_generator_sees_is_kept_once() -> None:
    network, low = small(), torch.rand(1, 3, 32, 40)
    made: list[weakref.ref[Tensor]] = []
    gone: list[bool] = []
    join = network.generator_input

    def watched(image: Tensor, normalized: Tensor) -> Tensor:
        seen = join(image, normalized)
        made.append(weakref.ref(seen))
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "generator_input", watched)
        network.generator.register_forward_pre_hook(lambda *_: gone.append(made[0]() is None))
        network(low)
    assert gone == [True]  # only its product with the attention map is alive


@torch.inference_mode()
def test_freed_memory_goes_back_before_large_maps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    handed_back: list[bool] = []
    monkeypatch.setattr(feature_map, "hand_back_freed", lambda: handed_back.append(True))
    network, low = small(), torch.rand(1, 3, 32, 40)
    network(low)
    assert not handed_back
    monkeypatch.setattr(feature_map, "LARGE_MAP", 16 * low[0, 0].numel() * 4)
    network(low)
    assert handed_back


@pytest.mark.parametrize("multiplies_bf16", [False, True])
@torch.inference_mode()
def test_bf16_keeps_its_maps_in_bf16_and_stays_close(multiplies_bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "multiplies_bf16", lambda: multiplies_bf16)
    network, low = small(), torch.rand(1, 3, 64, 80)
    kept: list[feature_map.FeatureMap] = []
    convolved = feature_map.FeatureMap.convolved

    def watched(self: feature_map.FeatureMap, *args: Any, **kwargs: Any) -> feature_map.FeatureMap:
        kept.append(convolved(self, *args, **kwargs))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        patch.setattr(feature_map.FeatureMap, "convolved", watched)
        found = network(low)
    assert found.dtype == torch.float32
    assert {one.raw.dtype for one in kept} == {torch.bfloat16}
    assert decibels(found, network(low)) > 45
    with plainly(), torch.autocast("cpu", torch.bfloat16):  # as compiled code, and a GPU for small images
        whole = network(low)
    assert whole.dtype == torch.float32
    assert len(whole.unique()) > 0.9 * whole.numel()  # bfloat16 has a few hundred values in [0, 1]
    assert decibels(whole, network(low)) > 40


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("form", [{}, FORMS[2], FORMS[5]], ids=str)
@torch.inference_mode()
def test_networks_cast_to_16_bits_give_16_bits(form: dict[str, Any], dtype: torch.dtype) -> None:
    network, low = small(**form), torch.rand(1, 3, 40, 56)
    expected = network(low)
    found = network.to(dtype)(low.to(dtype))
    assert found.dtype == dtype
    assert decibels(found.float(), expected) > 35
    in_strips = network.enhance(low.to(dtype))
    with plainly():
        whole = network.enhance(low.to(dtype))
    assert {one.dtype for one in (*in_strips, *whole) if one is not None} == {dtype}


@pytest.mark.parametrize("num_down", [0, 2, 3, 4])
@pytest.mark.parametrize("norm", ["instance", "none"])
def test_any_depth_takes_tiny_images(num_down: int, norm: str) -> None:
    trunk, image = resnet.ResnetTrunk(3, 4, 1, num_down=num_down, norm=norm).double(), torch.rand(1, 3, 5, 5).double()
    drawn = resnet.at_any_size(trunk, image, multiple=trunk.multiple)
    with torch.no_grad():
        torch.testing.assert_close(resnet.at_any_size(trunk, image, multiple=trunk.multiple), drawn)


@torch.no_grad()
def test_a_map_too_small_to_be_mirrored_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a border of 1 cannot be mirrored from a map of \(1, 32, 1, 1\)"):
        resnet.ResnetTrunk(3, 4, 1, num_down=3)(torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match="a border of 3 cannot be mirrored"):
        resnet.ImageHead(4, 3).in_strips(feature_map.FeatureMap(torch.rand(1, 4, 3, 3)))

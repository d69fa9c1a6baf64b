"""Every registered arch: any size, a batch equals one by one, state_dict round trip, wrong options by name."""

from typing import Any

import pytest
import torch
from basicsr.archs import build_network

from nerco_plugin.archs.blocks import Upsample, high_pass

SMALL: dict[str, dict[str, Any]] = {
    "NRN": {"num_feat": 8, "num_block": 1, "hidden_dim": 16},
    "CAM": {"num_feat": 8},
    "MaskExtractor": {"num_feat": 8, "num_block": 1},
    "ResnetGenerator": {"num_feat": 8, "num_block": 1},
    "ColorDiscriminator": {"num_feat": 8},
    "EdgeDiscriminator": {"num_feat": 8},
    "NeRCo": {"num_feat": 8, "num_block": 1, "num_mask_block": 1, "hidden_dim": 16},
}
CHANNELS_IN = {"CAM": 8}


def build(name: str, **options: Any) -> torch.nn.Module:
    return build_network({"type": name, **SMALL[name], **options}).eval()


def tensors(output: Any) -> tuple[torch.Tensor, ...]:
    return output if isinstance(output, tuple) else (output,)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_a_batch_equals_one_by_one(name: str) -> None:
    network = build(name)
    batch = torch.rand(3, CHANNELS_IN.get(name, 3), 37, 50)
    one_by_one = [tensors(network(image[None])) for image in batch]
    for together, alone in zip(tensors(network(batch)), zip(*one_by_one), strict=True):
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_state_dict_round_trip(name: str) -> None:
    network, other = build(name), build(name)
    image = torch.rand(1, CHANNELS_IN.get(name, 3), 32, 36)
    before = tensors(other(image))
    other.load_state_dict(network.state_dict(), strict=True)
    for first, second, old in zip(tensors(network(image)), tensors(other(image)), before, strict=True):
        assert torch.equal(first, second)
        assert not torch.equal(old, second)


@pytest.mark.parametrize("name", ["NRN", "MaskExtractor", "ResnetGenerator", "NeRCo"])
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 33), (63, 8)])
@torch.no_grad()
def test_output_has_the_input_size_whatever_it_is(name: str, size: tuple[int, int]) -> None:
    for output in tensors(build(name)(torch.rand(2, 3, *size))):
        assert output.shape[-2:] == size
        assert output.isfinite().all()


@pytest.mark.parametrize(
    "options",
    [
        {"enhance_input": "normalized"},
        {"use_nrn": False},
        {"use_mask_extractor": False},
        {"use_nrn": False, "use_mask_extractor": False},
        {"use_position": False},
        {"upsample": "resize"},
        {"num_frequencies": 0},
        {"channel_sigmoid": True, "pool_padding": False},
    ],
)
@torch.no_grad()
def test_every_form_of_nerco_enhances_into_the_unit_range(options: dict[str, Any]) -> None:
    low = torch.rand(1, 3, 18, 21)
    enhanced = build("NeRCo", **options)(low)
    assert enhanced.shape == low.shape
    assert 0 <= enhanced.min() < enhanced.max() <= 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("NeRCo", {"enhance_input": "both"}),
        ("NeRCo", {"num_feat": 0}),
        ("NRN", {"num_frequencies": -1}),
        ("NRN", {"hidden_dim": 0}),
        ("NRN", {"num_frequencies": 1.5}),
        ("NeRCo", {"num_mask_block": 0}),
        ("NeRCo", {"num_hidden": 0}),
        ("EdgeDiscriminator", {"num_feat": "wide"}),
        ("ResnetGenerator", {"num_block": 0}),
        ("ResnetGenerator", {"upsample": "bicubic"}),
        ("CAM", {"kernel_size": 4}),
        ("CAM", {"reduction": 0}),
        ("ColorDiscriminator", {"num_layers": 0}),
    ],
)
def test_a_wrong_option_is_named(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        build(name, **options)


def test_a_gray_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 1, 16, 16\)"):
        build("NeRCo")(torch.rand(1, 1, 16, 16))


def test_attention_lies_between_zero_and_one_and_looks_at_the_image() -> None:
    masks = build("MaskExtractor")(torch.rand(1, 3, 20, 20) * 2 - 1)
    assert masks.attention.shape == (1, 1, 20, 20)
    assert 0 < masks.attention.min() < masks.attention.max() < 1
    assert masks.lightness_mask.abs().max() < 1


def test_the_patch_of_a_discriminator_logit_is_70_by_70() -> None:
    discriminator = build("ColorDiscriminator").double()
    for layer in discriminator.modules():  # without the statistics of the whole image, what is left is the patch
        if isinstance(layer, torch.nn.InstanceNorm2d):
            layer.forward = lambda feature: feature  # type: ignore[method-assign]
    image = torch.rand(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    logits = discriminator(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = image.grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


def test_the_edge_discriminator_sees_nothing_but_edges() -> None:
    discriminator, image = build("EdgeDiscriminator"), torch.rand(1, 3, 64, 64)
    assert torch.equal(discriminator(image), discriminator.model(high_pass(image)))
    brighter = high_pass(image + 0.25)
    torch.testing.assert_close(brighter[..., 1:-1, 1:-1], high_pass(image)[..., 1:-1, 1:-1], rtol=1e-4, atol=1e-4)


def test_the_high_pass_filter_by_hand() -> None:
    flat = high_pass(torch.full((1, 3, 5, 5), 0.3))
    assert torch.allclose(flat[..., 1:-1, 1:-1], torch.tensor(4e-3), atol=1e-6)
    ramp = torch.arange(5.0).expand(1, 3, 5, 5)  # rises by 1 a column: a central difference of 2 in every channel
    expected = 4 * 2 * (65.738 + 129.057 + 25.064) / 256
    assert torch.allclose(high_pass(ramp)[..., 1:-1, 1:-1], torch.tensor(expected), rtol=1e-5)


def test_a_discriminator_refuses_an_image_without_a_patch() -> None:
    discriminator = build("ColorDiscriminator")
    assert discriminator(torch.rand(1, 3, 24, 24)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="at least 24"):
        discriminator(torch.rand(1, 3, 23, 40))


def test_attention_begins_small_whatever_the_norm() -> None:
    torch.manual_seed(0)
    extractor = build_network({"type": "MaskExtractor", "num_feat": 64, "num_block": 1, "norm": "none"})
    for name, weight in extractor.cam.named_parameters():
        assert weight.std().item() == pytest.approx(0.02, rel=0.3), name


@pytest.mark.parametrize("size", [(3, 9), (9, 2)])
def test_attention_names_a_map_that_is_too_small(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"feature: expected sides above 3 \(kernel_size // 2\), got \(1, 8, "):
        build("CAM")(torch.rand(1, 8, *size))


def test_another_upsampling_is_named() -> None:
    with pytest.raises(ValueError, match="method must be one of transpose, resize, got 'transposed'"):
        Upsample(8, "transposed")

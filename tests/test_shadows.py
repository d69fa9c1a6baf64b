"""Shadows: lifted where a quarter of a scene is too dark, by place, at any size, and brightness keeps its order."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin import shadows
from nerco_plugin.light import expose
from nerco_plugin.shadows import shadow_lift

LEVEL = 0.02


def two_halves(dark: float, bright: float, size: tuple[int, int] = (96, 128)) -> Tensor:
    """Light (1, 1, H, W), its left half dark."""
    light = torch.full((1, 1, *size), bright)
    light[..., : size[1] // 2] = dark
    return light


@pytest.mark.parametrize("size", [(96, 128), (37, 53), (300, 70)])
def test_the_dark_reach_the_level_and_the_bright_keep_their_light(size: tuple[int, int]) -> None:
    luma = two_halves(0.004, 2.0, size)
    lift = shadow_lift(luma, LEVEL)
    far = size[1] // 2 - size[1] // 8  # the cells beside the edge hold both
    assert (luma * lift)[..., :far].mean().item() == pytest.approx(0.02, rel=0.03)
    torch.testing.assert_close(lift[..., -far:], torch.ones_like(lift[..., -far:]), rtol=0, atol=0.02)


def test_a_scene_without_deep_shadows_is_left_exactly_alone() -> None:
    for dark in (0.021, 0.5):
        luma = two_halves(dark, 2.0)
        assert torch.equal(shadow_lift(luma, LEVEL), torch.ones_like(luma))
    few = torch.full((1, 1, 96, 128), 0.5)
    few[..., :24] = 0.001  # less than a quarter
    assert torch.equal(shadow_lift(few, LEVEL), torch.ones_like(few))


def test_it_lifts_no_further_than_noise_allows_and_keeps_black_black() -> None:
    assert shadow_lift(two_halves(1e-4, 2.0), LEVEL).max().item() == pytest.approx(shadows.MOST, rel=0.01)
    assert torch.isfinite(shadow_lift(torch.zeros(1, 1, 40, 40), LEVEL)).all()
    black = torch.zeros(1, 3, 40, 40)
    assert torch.equal(expose(black, 0.5, 0.7, 0.15), black)


def test_it_follows_edges_and_passes_over_texture() -> None:
    luma = two_halves(0.01, 2.0)
    lift = shadow_lift(luma, 0.05)
    edge = 64
    assert lift[..., edge - 2].min() > 0.9 * lift[..., :32].mean()  # no dark seam before the bright half
    assert lift[..., edge + 2].max() < 1.1
    textured = luma * (1 + 0.2 * torch.rand(luma.shape, generator=torch.Generator().manual_seed(0)))
    spread = shadow_lift(textured, 0.05)[..., :32]
    assert spread.std() < 0.02 * spread.mean()


def test_the_darker_place_stays_the_darker() -> None:
    ramp = torch.linspace(0, 3, 256).square().expand(1, 1, 64, 256)
    for most in (2.0, shadows.MOST):
        lifted = ramp * (1 + (most - 1) * torch.exp(-ramp / shadows.SHADE))
        assert (lifted.diff() >= 0).all()
    lifted = ramp * shadow_lift(ramp, 0.9)
    assert (lifted.diff() >= 0).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 300)])
def test_any_size_and_every_image_of_a_batch_by_itself(size: tuple[int, int]) -> None:
    luma = torch.rand(3, 1, *size) * torch.tensor([0.01, 0.1, 2.0]).view(3, 1, 1, 1)
    together = shadow_lift(luma, LEVEL)
    assert together.shape == luma.shape
    for index in range(3):
        torch.testing.assert_close(together[index : index + 1], shadow_lift(luma[index : index + 1], LEVEL))


def test_autocast_changes_nothing() -> None:
    luma = two_halves(0.004, 2.0)
    expected = shadow_lift(luma, LEVEL)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(shadow_lift(luma, LEVEL), expected)


def test_an_exposure_with_shadows_shows_what_lies_beside_a_lamp() -> None:
    room = torch.full((1, 3, 80, 120), 0.05)
    room[..., 60:] = 0.9
    plain, lifted = expose(room, 0.48, 0.72), expose(room, 0.48, 0.72, shadows=0.15)
    assert lifted[..., :40].mean().item() == pytest.approx(0.15, abs=0.01)
    assert plain[..., :40].mean() < 0.1
    torch.testing.assert_close(lifted[..., 80:], plain[..., 80:], rtol=0, atol=0.02)


def lifted_anew(luma: Tensor, level: float) -> Tensor:
    """The same once more, in float64 by torch's own pooling and interpolation, for sides that are multiples of 64."""
    cells = F.adaptive_avg_pool2d(luma, 64)
    known = torch.log(cells + 0.001)

    def around(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, 9, stride=1, padding=4, count_include_pad=False)

    mean = around(known)
    variance = around(known**2) - mean**2
    slope = variance / (variance + 0.05)
    maps = torch.cat([around(slope), around(mean - slope * mean)], dim=1)
    slope, offset = F.interpolate(maps, luma.shape[-2:], mode="bilinear", align_corners=False).split(1, dim=1)
    brightness = (slope * torch.log(luma + 0.001) + offset).exp() - 0.001
    dark = cells.flatten().sort().values[1024]  # of 4096: a quarter
    most = (level / dark - 1) * torch.exp(dark / 0.35)
    assert 0 < most < 7
    return 1 + most * torch.exp(-brightness / 0.35)


def test_every_constant_counts() -> None:
    luma = torch.rand(1, 1, 128, 192, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.2
    luma[..., :70] = torch.linspace(0.02, 0.12, 70)  # an edge off the centre, and no two columns of the dark alike
    luma[:, :, 90:, 120:] = 1.2
    torch.testing.assert_close(shadow_lift(luma, 0.2), lifted_anew(luma, 0.2), rtol=1e-6, atol=1e-6)

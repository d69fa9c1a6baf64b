"""Transfer and tone curves by hand, and the exposure: it hits its brightness, exactly undoes a darker one, any size."""

import pytest
import torch

from nerco_plugin.data.camera import LowLightCamera, simulate_low_light
from nerco_plugin.light import STEP, WHITE, developed, expose, linear_to_srgb, scene_light, srgb_to_linear

LUMA = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)


def brightness(image: torch.Tensor) -> float:
    """Power mean of one image's luma; smooth images only, so that blocks do not matter."""
    return ((image * LUMA).sum(0) ** 4).mean().item() ** 0.25


def smooth(count: int = 1, side: int = 32) -> torch.Tensor:
    small = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(3)) * 0.9
    return torch.nn.functional.interpolate(small, size=(side, side), mode="bilinear")


def test_the_transfer_curve_by_hand_and_back() -> None:
    levels = torch.tensor([0.0, 0.04045, 0.5, 1.0], dtype=torch.float64)
    expected = torch.tensor([0.0, 0.04045 / 12.92, 0.21404114, 1.0], dtype=torch.float64)
    torch.testing.assert_close(srgb_to_linear(levels), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(linear_to_srgb(srgb_to_linear(levels)), levels, rtol=0, atol=1e-7)


def test_the_tone_curve_is_linear_in_the_dark_rolls_off_and_goes_back() -> None:
    assert developed(torch.tensor(1e-3)).item() == pytest.approx(12.92 * 1e-3, rel=1e-3)
    assert developed(torch.tensor(1.0)).item() == pytest.approx(
        linear_to_srgb(torch.tensor(0.6321206)).item(), abs=1e-6
    )
    light = torch.tensor([0.01, 0.1, 0.5])
    torch.testing.assert_close(scene_light(developed(light)), light, rtol=0.03, atol=0)


def test_values_a_little_beyond_the_range_are_black_and_white() -> None:
    beyond = torch.tensor([-0.1, 0.2, 1.05])
    assert torch.equal(scene_light(beyond), scene_light(beyond.clamp(0, 1)))
    dark = torch.full((1, 3, 8, 8), 0.1)
    dark[..., 0, 0] = 1.01  # one such pixel made the whole image NaN
    assert expose(dark, 0.5).isfinite().all()


@pytest.mark.parametrize("target", [0.3, 0.51, 0.7])
def test_a_dark_image_becomes_as_bright_as_asked(target: float) -> None:
    dark = developed(scene_light(smooth()) * 0.01)
    assert brightness(expose(dark, target)[0]) == pytest.approx(target, abs=0.01)


def test_a_bright_image_stays_itself_unless_it_may_be_darkened() -> None:
    bright = smooth() * 0.3 + 0.6
    torch.testing.assert_close(expose(bright, 0.51), developed(scene_light(bright)), rtol=0, atol=1e-6)
    torch.testing.assert_close(expose(bright, 0.51), bright, rtol=0, atol=0.012)
    assert brightness(expose(bright, 0.51, darken=True)[0]) == pytest.approx(0.51, abs=0.01)


def test_it_undoes_the_exposure_of_the_simulated_camera() -> None:
    high = smooth(side=64)
    camera = LowLightCamera((0.2, 0.2), (1.0, 1.0), (1e-12, 1e-12), (1e-12, 1e-12))
    exposed = expose(simulate_low_light(high, camera), 0.51, darken=True)
    torch.testing.assert_close(exposed, expose(high, 0.51, darken=True), rtol=0, atol=0.03)  # 8 bits, enlarged
    assert (exposed - expose(high, 0.51, darken=True)).abs().mean() < 0.004


def test_every_image_of_a_batch_has_its_own_exposure() -> None:
    dark = developed(scene_light(smooth(3)) * torch.tensor([0.01, 0.1, 0.5]).view(3, 1, 1, 1))
    together = expose(dark, 0.51)
    for index in range(3):
        torch.testing.assert_close(together[index : index + 1], expose(dark[index : index + 1], 0.51))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (37, 53)])
def test_any_size_and_black_images(size: tuple[int, int]) -> None:
    exposed = expose(torch.full((1, 3, *size), 0.01), 0.5)
    torch.testing.assert_close(exposed, torch.full((1, 3, *size), 0.5), rtol=0, atol=1e-3)
    assert torch.equal(expose(torch.zeros(1, 3, *size), 0.5), torch.zeros(1, 3, *size))


def test_the_gradient_goes_through_the_light_alone() -> None:
    dark = (smooth() * 0.1).requires_grad_()
    expose(dark, 0.5).sum().backward()
    assert dark.grad is not None
    assert dark.grad.min() > 0  # as for a fixed exposure: more light, a brighter pixel


def test_highlights_expose_further_and_lamps_do_not_hold_a_scene_down() -> None:
    plain = developed(scene_light(smooth()) * 0.01)
    ramp = developed(torch.linspace(0.001, 0.02, 100).repeat_interleave(4).expand(1, 3, 4, 400))
    luma = (expose(ramp, 0.3, highlights=0.72)[0] * LUMA).sum(0)[::4, 2::4].flatten()  # one of every block
    assert luma.sort().values[98].item() == pytest.approx(0.72, abs=1e-3)  # of a hundred, two are as bright
    with_lamps = plain.clone()
    with_lamps[..., :8, :8] = 1.0  # a sixteenth of the image: bright enough from the start
    with_lamps = expose(with_lamps, 0.5, highlights=0.72)[0]
    assert brightness(with_lamps) == pytest.approx(0.5, abs=0.01)


def test_a_black_level_that_is_off_by_channel_is_undone() -> None:
    neutral = smooth() - smooth().amin((2, 3), keepdim=True)  # the black of every channel is the same
    dark = scene_light(neutral) * 0.01
    off = developed(dark + torch.tensor([1.2, 0.2, 0.7]).view(3, 1, 1) * STEP)
    expected = expose(developed(dark + 0.2 * STEP), 0.5, black_level=1.5)
    torch.testing.assert_close(expose(off, 0.5, black_level=1.5), expected, rtol=0, atol=0.005)
    assert (expose(off, 0.5) - expected).abs().mean() > 0.02


def test_red_and_blue_are_moved_by_no_more_than_asked_and_nothing_below_zero() -> None:
    dark = scene_light(smooth()) * 0.01 + torch.tensor([5e-3, 0.0, 0.0]).view(3, 1, 1)  # a red scene
    moved = scene_light(expose(developed(dark), 0.5, black_level=1.5))
    kept = developed((dark - torch.tensor([1.5 * STEP, 0.0, 0.0]).view(3, 1, 1)).clamp(min=0))
    torch.testing.assert_close(moved[:, :2], scene_light(expose(kept, 0.5))[:, :2], rtol=0.02, atol=0.003)
    dark[..., :2, :2] = 0  # darker than the darkest 2 %
    assert expose(developed(dark), 0.5, black_level=1.5).amin() == 0
    bright = smooth() * 0.5 + 0.2
    torch.testing.assert_close(expose(bright, 0.3, black_level=1.5), expose(bright, 0.3), rtol=0, atol=0.003)
    gray = torch.full((1, 3, 9, 7), 0.01)
    torch.testing.assert_close(expose(gray, 0.5, black_level=1.5), expose(gray, 0.5))


def test_highlights_bound_nothing_where_the_brightness_asks_for_more() -> None:
    dark = developed(scene_light(smooth()) * 0.01)
    torch.testing.assert_close(expose(dark, 0.9, highlights=0.3), expose(dark, 0.9))


def test_a_toe_halves_light_of_its_size_and_leaves_bright_places() -> None:
    light = torch.full((1, 3, 40, 60), 50 * STEP)
    light[..., :20] = 0.5 * STEP
    light[..., 20:40] = 0
    dark = developed(light / WHITE)
    seen, plain = scene_light(expose(dark, 0.5, toe=0.5)), scene_light(expose(dark, 0.5))
    kept = seen / plain * plain.amax() / seen.amax()
    assert kept[..., :16].mean().item() == pytest.approx(0.5 * 50.5 / 50, abs=2e-3)
    assert kept[..., 44:].mean().item() == pytest.approx(1, abs=2e-3)
    assert brightness(expose(dark, 0.5, toe=0.5)[0]) == pytest.approx(0.5, abs=0.01)
    assert seen[..., 24:36].amax() == 0
    lit = smooth() * 0.5 + 0.2
    torch.testing.assert_close(expose(lit, 0.3, toe=0.5), expose(lit, 0.3), rtol=0, atol=0.2 / 255)


def test_a_toe_tells_a_place_by_seven_pixels() -> None:
    light = torch.zeros(1, 3, 15, 15)
    light[..., 7, 7] = 49 * STEP  # a dot: of 7 x 7 pixels around it the mean is one step
    dark = developed(torch.cat([light, torch.full_like(light, 40 * STEP)], dim=3) / WHITE)
    seen = scene_light(expose(dark, 0.5, toe=1.0))[0, 1]
    assert (seen[7, 7] / seen[7, 25]).item() == pytest.approx(49 / 2 / (40 * 40 / 41), rel=0.01)


def test_a_toe_keeps_noise_as_large_as_its_place_and_shadows_as_they_were_lifted() -> None:
    noisy = developed(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 8 * STEP)
    noisy[..., 32:] = developed(torch.tensor(200 * STEP))
    seen, plain = (scene_light(expose(noisy, 0.5, shadows=0.2, toe=toe))[..., :24] for toe in (2.0, None))
    kept = seen / plain.clamp(min=1e-6)
    share = kept[plain > 1e-3]
    assert 0.6 < share.mean() < 0.75  # 4 steps of light on average, of which 2 are a third
    assert share.std() < 0.06  # by place, not by pixel


def test_stops_multiply_the_light_that_was_found() -> None:
    dark = developed(scene_light(smooth()) * 0.01)
    levels = {"highlights": 0.6, "shadows": 0.15, "black_level": 1.5, "toe": 0.5}
    found = scene_light(expose(dark, 0.4, **levels))
    for stops in (1.0, -1.5):
        moved = scene_light(expose(dark, 0.4, **levels, stops=stops))
        expected = scene_light(developed(found / WHITE * 2**stops))
        torch.testing.assert_close(moved, expected, rtol=0.03, atol=0.003)

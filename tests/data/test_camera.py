"""The simulated camera: exposure, colour, noise, 8 bits, reproducibility, wrong ranges."""

import pytest
import torch

from nerco_plugin.data.camera import LowLightCamera, simulate_low_light
from nerco_plugin.light import developed, scene_light

STILL = {"shot_noise": (1e-12, 1e-12), "read_noise": (1e-12, 1e-12)}


def test_without_noise_it_is_exposure_and_white_balance_in_scene_light() -> None:
    camera = LowLightCamera(exposure=(0.1, 0.1), white_balance=(1.0, 1.0), **STILL)
    high = torch.rand(1, 3, 8, 8)
    expected = (developed(scene_light(high) * 0.1) * 255).round() / 255
    torch.testing.assert_close(simulate_low_light(high, camera), expected, rtol=0, atol=1.01 / 255)
    tinted = simulate_low_light(high, LowLightCamera(exposure=(0.5, 0.5), white_balance=(0.5, 2.0), **STILL))
    assert (scene_light(tinted).mean((2, 3)) / scene_light(high).mean((2, 3))).std() > 0.02


def test_every_photograph_draws_its_own_exposure_within_the_range() -> None:
    camera = LowLightCamera(exposure=(0.01, 0.1), white_balance=(1.0, 1.0), **STILL)
    high = torch.full((64, 3, 2, 2), 0.8)
    exposures = (scene_light(simulate_low_light(high, camera)) / scene_light(high)).mean((1, 2, 3))
    assert 0.008 < exposures.min() < 0.02
    assert 0.06 < exposures.max() < 0.11


def test_noise_grows_with_light_and_stays_in_the_dark() -> None:
    camera = LowLightCamera((1.0, 1.0), (1.0, 1.0), (1e-3, 1e-3), (1e-2, 1e-2), channel_gain=(2.0, 1.0, 1.5))
    for light in (0.1, 0.5):
        high = developed(torch.full((1, 3, 200, 200), light))
        noise = scene_light(simulate_low_light(high, camera)).std((0, 2, 3)).tolist()
        expected = [(gain * 1e-3 * light + gain**2 * 1e-4) ** 0.5 for gain in (2.0, 1.0, 1.5)]
        assert noise == pytest.approx(expected, rel=0.06)


def test_it_gives_8_bits_reproducibly() -> None:
    high = torch.rand(2, 3, 16, 16)
    first, second = (simulate_low_light(high, LowLightCamera(), torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first * 255, (first * 255).round(), rtol=0, atol=1e-4)
    assert not torch.equal(first, simulate_low_light(high, LowLightCamera(), torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("name", ["exposure", "white_balance", "shot_noise", "read_noise"])
def test_a_range_that_does_not_rise_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        LowLightCamera(**{name: (0.2, 0.1)})
    with pytest.raises(ValueError, match=name):
        LowLightCamera(**{name: (0.0, 0.1)})


def test_a_channel_gain_that_is_not_positive_is_named() -> None:
    with pytest.raises(ValueError, match="channel_gain"):
        LowLightCamera(channel_gain=(1.0, 0.0, 1.0))


def test_it_wants_a_batch_of_rgb_images() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4, 4\)"):
        simulate_low_light(torch.rand(3, 4, 4), LowLightCamera())

"""The simulated camera: exposure, colour, noise, 8 bits, reproducibility, wrong ranges."""

import math
from typing import Any

import cv2
import numpy as np
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


@pytest.mark.parametrize("blur", [0.4, 0.8])
def test_blurred_noise_keeps_its_strength_and_is_alike_in_neighbours(blur: float) -> None:
    camera = LowLightCamera((1.0, 1.0), (1.0, 1.0), (1e-12, 1e-12), (1e-2, 1e-2), (1.0, 1.0, 1.0), (blur, blur))
    high = developed(torch.full((2, 3, 256, 256), 0.3))
    noise = scene_light(simulate_low_light(high, camera))
    noise = noise - noise.mean()
    assert noise.std().item() == pytest.approx(1e-2, rel=0.08)
    beside = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    taps = [math.exp(-0.5 * (place / blur) ** 2) for place in range(-3, 4)]
    expected = sum(one * other for one, other in zip(taps, taps[1:])) / sum(tap**2 for tap in taps)
    assert beside.item() == pytest.approx(expected, abs=0.03)


def test_a_share_of_the_photographs_is_stored_as_jpeg() -> None:
    camera = {"exposure": (0.5, 0.5), "white_balance": (1.0, 1.0), **STILL}
    high = torch.rand(32, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    high = torch.nn.functional.interpolate(high, size=(20, 27), mode="bilinear")
    plain = simulate_low_light(high, LowLightCamera(**camera))
    stored = simulate_low_light(high, LowLightCamera(**camera, jpeg_share=0.5, jpeg_quality=(50, 50)))
    apart = (stored - plain).abs().mean((1, 2, 3))
    assert 8 <= (apart > 1e-3).sum() <= 24
    assert ((apart > 1e-3) | (apart < 1e-5)).all()
    whole = simulate_low_light(high, LowLightCamera(**camera, jpeg_share=1.0, jpeg_quality=(30, 30)))
    coded, pixels = (image[0].permute(1, 2, 0).mul(255).round().byte().numpy() for image in (whole, plain))
    _, content = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])
    known = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]  # enlarges the colours more smoothly
    assert np.abs(coded.astype(int) - known).mean() < 0.6 * np.abs(coded.astype(int) - pixels).mean()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("jpeg_share", [0.0, 1.0])
def test_it_keeps_the_type_of_the_image(dtype: torch.dtype, jpeg_share: float) -> None:
    camera = LowLightCamera(jpeg_share=jpeg_share, noise_blur=(0.3, 0.6))
    high = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(0)).to(dtype)
    low, known = (simulate_low_light(one, camera, torch.Generator().manual_seed(1)) for one in (high, high.float()))
    assert low.dtype == dtype
    apart = (low.float() - known).abs()
    assert apart.mean() < 5e-4  # a step of 8 bits here and there, in 16 bits the last digit
    assert apart.max() < 0.02


@pytest.mark.parametrize("wrong", [{"noise_blur": (0.5, 0.1)}, {"jpeg_share": 1.5}, {"jpeg_quality": (60, 101)}])
def test_a_wrong_blur_or_file_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LowLightCamera(**wrong)


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

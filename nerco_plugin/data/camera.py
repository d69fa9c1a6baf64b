"""A camera in the dark: low-light photographs simulated from normal-light ones, in linear light (ours).

The warm start trains on such pairs and the demo's low side is made of them: exposure, colour, shot and read noise, JPEG
and 8-bit quantisation, in the order in which they happen behind a lens.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from basicsr.utils.diffjpeg import DiffJPEG
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.light import developed, scene_light

BLUR_REACH = 3  # pixels to each side that the blur of the noise reaches
JPEG_BLOCK = 16  # pixels, with the colours at half size


@dataclass(frozen=True)
class LowLightCamera:
    """Ranges from which each photograph's camera settings are drawn.

    Attributes:
        exposure: factor on linear light, drawn log-uniformly, in (0, 1].
        white_balance: factor on each of R, G, B in linear light, drawn uniformly.
        shot_noise: variance of the noise per unit of linear light (photon counting), drawn log-uniformly.
        read_noise: standard deviation of the noise that does not depend on light, drawn log-uniformly.
        channel_gain: how much more than green the sensor's R, G and B are amplified, noise and all.
        noise_blur: standard deviation, in pixels, of the blur that demosaicing and scaling leave on the noise, which
            keeps its strength; drawn uniformly.
        jpeg_share: of the photographs that are stored as JPEG, in [0, 1].
        jpeg_quality: of those, 1 to 100, drawn uniformly.

    Raises:
        ValueError: a range is not two rising positive numbers (``noise_blur``: 0 or more), a gain not positive, or
            ``exposure``, ``jpeg_share`` or ``jpeg_quality`` outside its range.
    """

    exposure: tuple[float, float] = (0.006, 0.3)
    white_balance: tuple[float, float] = (0.92, 1.08)
    shot_noise: tuple[float, float] = (2e-5, 8e-5)
    read_noise: tuple[float, float] = (5e-5, 2.5e-4)
    channel_gain: tuple[float, float, float] = (1.8, 1.0, 1.5)
    noise_blur: tuple[float, float] = (0.0, 0.0)
    jpeg_share: float = 0.0
    jpeg_quality: tuple[float, float] = (60.0, 95.0)

    def __post_init__(self) -> None:
        for name in ("exposure", "white_balance", "shot_noise", "read_noise", "jpeg_quality"):
            values = getattr(self, name)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ValueError(f"{name} must be two rising positive numbers, got {values}")
        if self.exposure[1] > 1:
            raise ValueError(f"exposure must not exceed 1, for the dark is not brighter, got {self.exposure}")
        if len(self.noise_blur) != 2 or not 0 <= self.noise_blur[0] <= self.noise_blur[1]:
            raise ValueError(f"noise_blur must be two rising numbers, 0 or more, got {self.noise_blur}")
        if not 0 <= self.jpeg_share <= 1:
            raise ValueError(f"jpeg_share must lie between 0 and 1, got {self.jpeg_share}")
        if not 1 <= self.jpeg_quality[0] <= self.jpeg_quality[1] <= 100:
            raise ValueError(f"jpeg_quality must lie between 1 and 100, got {self.jpeg_quality}")
        if len(self.channel_gain) != 3 or min(self.channel_gain) <= 0:
            raise ValueError(f"channel_gain must be three positive numbers, got {self.channel_gain}")


def simulate_low_light(high: Tensor, camera: LowLightCamera, generator: torch.Generator | None = None) -> Tensor:
    """Photograph normal-light scenes again in the dark.

    Args:
        high: (N, 3, H, W) RGB in [0, 1].
        camera: ranges of the settings; every photograph of the batch draws its own.
        generator: source of randomness on ``high``'s device; the global one where left out.

    Returns:
        (N, 3, H, W) RGB in [0, 1], in steps of 1/255; in the type of ``high``, computed in float32 at least.

    Raises:
        ValueError: ``high`` is not a batch of RGB images.
    """
    if high.ndim != 4 or high.shape[1] != 3:
        raise ValueError(f"high must be (N, 3, H, W), got {tuple(high.shape)}")

    def uniform(bounds: tuple[float, float], channels: int = 1) -> Tensor:
        drawn = torch.rand(len(high), channels, 1, 1, generator=generator, device=high.device)
        return bounds[0] + (bounds[1] - bounds[0]) * drawn

    def log_uniform(bounds: tuple[float, float]) -> Tensor:
        return uniform((math.log(bounds[0]), math.log(bounds[1]))).exp()

    light = scene_light(high.to(torch.promote_types(high.dtype, torch.float32)))
    light = light * log_uniform(camera.exposure) * uniform(camera.white_balance, channels=3)
    shot, read = log_uniform(camera.shot_noise), log_uniform(camera.read_noise)
    colours = zip(light.split(1, dim=1), camera.channel_gain, strict=True)
    deviation = torch.cat([(gain * one * shot + (gain * read) ** 2).sqrt() for one, gain in colours], dim=1)
    noise = torch.randn(high.shape, generator=generator, device=high.device)
    if camera.noise_blur[1] > 0:
        noise = _blurred(noise, uniform(camera.noise_blur))
    captured = developed((light + deviation * noise).clamp(min=0))
    if camera.jpeg_share > 0:
        stored = uniform((0.0, 1.0)) < camera.jpeg_share
        captured = torch.where(stored, _as_jpeg(captured, uniform(camera.jpeg_quality).flatten()), captured)
    return ((captured * 255).round() / 255).to(high.dtype)


def _blurred(noise: Tensor, deviation: Tensor) -> Tensor:
    """White noise (N, 3, H, W) after a Gaussian blur by ``deviation`` pixels (N, 1, 1, 1), as strong as before."""
    place = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=noise.device, dtype=noise.dtype)
    taps = torch.exp(-0.5 * (place / deviation.flatten()[:, None].clamp(min=1e-2)).square())
    taps = (taps / taps.square().sum(dim=1, keepdim=True).sqrt()).repeat_interleave(noise.shape[1], dim=0)
    flat = noise.flatten(0, 1)[None]
    flat = F.pad(flat, (BLUR_REACH,) * 4, mode="circular" if min(noise.shape[2:]) > BLUR_REACH else "replicate")
    flat = F.conv2d(flat, taps[:, None, :, None], groups=len(taps))
    return F.conv2d(flat, taps[:, None, None, :], groups=len(taps))[0].view_as(noise)


def _as_jpeg(image: Tensor, quality: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] written to JPEG of a ``quality`` (N,) each and read again, by BasicSR's simulation.

    That knows float32 alone.
    """
    height, width = image.shape[2:]
    padded = F.pad(image.float(), (0, -width % JPEG_BLOCK, 0, -height % JPEG_BLOCK), mode="replicate")
    factor = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).clamp(min=1) / 100
    jpeg = _jpeg(image.device)
    with torch.no_grad():
        parts = jpeg.compress(padded, factor=factor)
        return jpeg.decompress(*parts, *padded.shape[2:], factor=factor)[..., :height, :width].to(image.dtype)


@cache
def _jpeg(device: torch.device) -> DiffJPEG:
    return DiffJPEG(differentiable=False).to(device)

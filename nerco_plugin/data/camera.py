"""A camera in the dark: low-light photographs simulated from normal-light ones, in linear light (ours).

The warm start trains on such pairs and the demo's low side is made of them: exposure, colour, shot and read noise and
8-bit quantisation, in the order in which they happen behind a lens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LowLightCamera:
    """Ranges from which each photograph's camera settings are drawn.

    Attributes:
        exposure: factor on linear light, drawn log-uniformly, in (0, 1].
        white_balance: factor on each of R, G, B in linear light, drawn uniformly.
        shot_noise: variance of the noise per unit of linear light (photon counting), drawn log-uniformly.
        read_noise: standard deviation of the noise that does not depend on light, drawn log-uniformly.

    Raises:
        ValueError: a range is not two rising positive numbers.
    """

    exposure: tuple[float, float] = (0.008, 0.12)
    white_balance: tuple[float, float] = (0.85, 1.15)
    shot_noise: tuple[float, float] = (1e-5, 2e-4)
    read_noise: tuple[float, float] = (2e-4, 2e-3)

    def __post_init__(self) -> None:
        for name in ("exposure", "white_balance", "shot_noise", "read_noise"):
            values = getattr(self, name)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ValueError(f"{name} must be two rising positive numbers, got {values}")


def srgb_to_linear(image: Tensor) -> Tensor:
    """Undo the sRGB transfer curve (IEC 61966-2-1). Any shape, [0, 1] to [0, 1]."""
    return torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Apply the sRGB transfer curve (IEC 61966-2-1). Any shape, [0, 1] to [0, 1]."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def simulate_low_light(high: Tensor, camera: LowLightCamera, generator: torch.Generator | None = None) -> Tensor:
    """Photograph normal-light scenes again in the dark.

    Args:
        high: (N, 3, H, W) RGB in [0, 1].
        camera: ranges of the settings; every photograph of the batch draws its own.
        generator: source of randomness on ``high``'s device; the global one where left out.

    Returns:
        (N, 3, H, W) RGB in [0, 1], in steps of 1/255.

    Raises:
        ValueError: ``high`` is not a batch of RGB images.
    """
    if high.ndim != 4 or high.shape[1] != 3:
        raise ValueError(f"high must be (N, 3, H, W), got {tuple(high.shape)}")

    def uniform(bounds: tuple[float, float], channels: int = 1) -> Tensor:
        drawn = torch.rand(len(high), channels, 1, 1, generator=generator, device=high.device)
        return bounds[0] + (bounds[1] - bounds[0]) * drawn

    def log_uniform(bounds: tuple[float, float]) -> Tensor:
        low, high_ = torch.tensor(bounds, dtype=torch.float64).log().tolist()
        return uniform((low, high_)).exp()

    light = srgb_to_linear(high) * log_uniform(camera.exposure) * uniform(camera.white_balance, channels=3)
    deviation = (light * log_uniform(camera.shot_noise) + log_uniform(camera.read_noise) ** 2).sqrt()
    noise = torch.randn(high.shape, generator=generator, device=high.device)
    captured = linear_to_srgb((light + deviation * noise).clamp(0, 1))
    return (captured * 255).round() / 255

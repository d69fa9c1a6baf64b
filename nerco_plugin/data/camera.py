"""A camera in the dark: low-light photographs simulated from normal-light ones, in linear light (ours).

The warm start trains on such pairs and the demo's low side is made of them: exposure, colour, shot and read noise and
8-bit quantisation, in the order in which they happen behind a lens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nerco_plugin.light import developed, scene_light


@dataclass(frozen=True)
class LowLightCamera:
    """Ranges from which each photograph's camera settings are drawn.

    Attributes:
        exposure: factor on linear light, drawn log-uniformly, in (0, 1].
        white_balance: factor on each of R, G, B in linear light, drawn uniformly.
        shot_noise: variance of the noise per unit of linear light (photon counting), drawn log-uniformly.
        read_noise: standard deviation of the noise that does not depend on light, drawn log-uniformly.
        channel_gain: how much more than green the sensor's R, G and B are amplified, noise and all.

    Raises:
        ValueError: a range is not two rising positive numbers, or a gain not positive.
    """

    exposure: tuple[float, float] = (0.006, 0.3)
    white_balance: tuple[float, float] = (0.92, 1.08)
    shot_noise: tuple[float, float] = (2e-5, 8e-5)
    read_noise: tuple[float, float] = (5e-5, 2.5e-4)
    channel_gain: tuple[float, float, float] = (1.8, 1.0, 1.5)

    def __post_init__(self) -> None:
        for name in ("exposure", "white_balance", "shot_noise", "read_noise"):
            values = getattr(self, name)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ValueError(f"{name} must be two rising positive numbers, got {values}")
        if len(self.channel_gain) != 3 or min(self.channel_gain) <= 0:
            raise ValueError(f"channel_gain must be three positive numbers, got {self.channel_gain}")


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

    light = scene_light(high) * log_uniform(camera.exposure) * uniform(camera.white_balance, channels=3)
    gain = high.new_tensor(camera.channel_gain).view(1, 3, 1, 1)
    deviation = (gain * light * log_uniform(camera.shot_noise) + (gain * log_uniform(camera.read_noise)) ** 2).sqrt()
    noise = torch.randn(high.shape, generator=generator, device=high.device)
    captured = developed((light + deviation * noise).clamp(min=0))
    return (captured * 255).round() / 255

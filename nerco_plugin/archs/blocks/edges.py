"""The high-pass filter of the edge path (Sec. 3.3): one fixed gradient magnitude, nothing learned, nothing random."""

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (65.738 / 256, 129.057 / 256, 25.064 / 256)  # ITU-R BT.601, studio range


def high_pass(image: Tensor, gain: float = 4.0, epsilon: float = 1e-6) -> Tensor:
    """Gradient magnitude of the luma: gain * sqrt(gv^2 + gh^2 + epsilon), central differences, zero padding.

    Note: the released filter passes this through a new random 1-to-3-channel convolution at every call; here each of
    the three channels is the magnitude itself.

    Args:
        image: (N, 3, H, W) RGB, any range.
        gain: factor on the magnitude (released: 4).
        epsilon: keeps the root differentiable where nothing changes.

    Returns:
        (N, 3, H, W), three equal channels, not below gain * sqrt(epsilon).

    Raises:
        ValueError: ``image`` is not (N, 3, H, W).
    """
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"image must be (N, 3, H, W), got {tuple(image.shape)}")
    red, green, blue = image.split(1, dim=1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue  # no tensor of weights: making one would wait for a GPU
    framed = F.pad(luma, (1, 1, 1, 1))
    vertical = framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]
    horizontal = framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]
    return (gain * torch.sqrt(vertical**2 + horizontal**2 + epsilon)).expand(-1, 3, -1, -1)

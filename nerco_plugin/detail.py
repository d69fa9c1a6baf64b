"""Detail of a photograph that was hardly noisy, put back after the network took it away with the noise (ours)."""

from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.light import block_means, level_of, luma_of

FLAT = 0.25  # of an image that has no texture


def with_detail(enhanced: Tensor, seen: Tensor, noise: float) -> Tensor:
    """Put back what the network took from the luma of an image, by how little of it was noise.

    A network that has learned to remove much noise also softens what has next to none. Which of the two it took,
    ``seen - enhanced`` tells: where an image is flat that is noise alone. Sigma^2 is the mean square of half
    the diagonal differences of its luma, in the block of 4 x 4 that a quarter of them lie below; the share put back is
    1 / (1 + (sigma / noise)^4). Colours stay the network's.

    Args:
        enhanced: what the network made of ``seen``, (N, 3, H, W) RGB.
        seen: the image as bright as that, with its noise, same shape and range.
        noise: sigma at which half is put back, in units of that range, positive.

    Returns:
        (N, 3, H, W), not clamped. No gradient passes through the share.
    """
    taken = luma_of(seen - enhanced)
    return enhanced + _share(taken.detach(), noise) * taken


def _share(taken: Tensor, noise: float) -> Tensor:
    """How much is put back, (N, 1, 1, 1) in (0, 1]."""
    near = F.pad(taken, (0, 1, 0, 1), mode="replicate")
    across = near[..., 1:] - near[..., :-1]
    diagonal = (across[..., 1:, :] - across[..., :-1, :]) / 2  # of white noise it has the deviation
    variance = level_of(block_means(diagonal.square()), FLAT)
    return 1 / (1 + (variance / noise**2).square())

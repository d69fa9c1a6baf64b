"""Mean and variance of every channel of a map that exists in strips only: what InstanceNorm divides by."""

import torch
from torch import Tensor


class Moments:
    """Mean and variance of every channel of a map, from its strips."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []
        self.rows: list[int] = []

    def add(self, strip: Tensor) -> None:
        """Count (1, C, h, W) in."""
        exact = strip.to(torch.promote_types(strip.dtype, torch.float32))
        self.parts.append(torch.stack(torch.batch_norm_update_stats(exact, None, None, 0.0)))
        self.rows.append(strip.shape[2])

    def whole(self) -> tuple[Tensor, Tensor]:
        """Mean and variance, each (C,), of all that was counted."""
        means, variances = torch.stack(self.parts, dim=1)
        share = means.new_tensor(self.rows)[:, None] / sum(self.rows)
        mean = (share * means).sum(dim=0)
        return mean, (share * (variances + (means - mean).square())).sum(dim=0)

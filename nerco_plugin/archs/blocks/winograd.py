"""3x3 convolutions with fewer products (Winograd; Lavin and Gray 2016), as matrix products.

Every tile of T + 2 by T + 2 pixels gives T by T values: it is transformed to (T + 2)^2 numbers, these are multiplied by
the transformed weights, summed over the channels, and transformed back. T 4 needs a quarter of the products, T 2 four
ninths. Exact but for rounding: in float32 about four times that of the plain convolution at T 4; in bfloat16 T 4 would
be too rough, T 2 doubles it.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_CHANNELS = 128  # below, the transforms cost what the products save

# Of the image, of the weights, and back: interpolation at 0, 1, -1 and infinity; for T 4 at 2 and -2 too.
MATRICES = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            *([4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]),
            *([0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]),
        ],
        [
            *([1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6]),
            *([1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]),
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}


def best_tile(weight: Tensor, stride: int) -> int:
    """T with which :class:`Winograd` is the faster way, 0 for none: on the CPU, for 3x3 kernels and many channels."""
    is_wide = min(weight.shape[:2]) >= LEAST_CHANNELS and weight.shape[2:] == (3, 3)
    if not is_wide or stride != 1 or weight.device.type != "cpu":
        return 0
    return 4 if weight.element_size() >= 4 else 2 if weight.dtype == torch.bfloat16 else 0


class Winograd:
    """A 3x3 convolution without padding.

    Args:
        weight: (D, C, 3, 3).
        bias: (D,).
        tile: T, 2 or 4.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, tile: int) -> None:
        self.tile = tile
        self.seen = tile + 2
        to_image, to_weight, back = (torch.tensor(rows, dtype=torch.float64) for rows in MATRICES[tile])
        self.to_image, self.back = (torch.kron(one, one).to(weight.dtype) for one in (to_image, back))
        exact = torch.promote_types(weight.dtype, torch.float32)
        taps = weight.contiguous().view(-1, 9).to(exact).T
        transformed = (torch.kron(to_weight, to_weight).to(exact) @ taps).to(weight.dtype)
        self.weight = transformed.view(-1, *weight.shape[:2]).transpose(1, 2)
        self.bias = bias

    def __call__(self, frame: Tensor) -> Tensor:
        """(1, C, H + 2, W + 2) channels last to (1, D, H, W)."""
        height, width = frame.shape[2] - 2, frame.shape[3] - 2
        down, across = -(-height // self.tile), -(-width // self.tile)
        if (down * self.tile, across * self.tile) != (height, width):
            frame = F.pad(frame, (0, across * self.tile - width, 0, down * self.tile - height))
        tiles = frame.unfold(2, self.seen, self.tile).unfold(3, self.seen, self.tile)  # (1, C, down, across, T+2, T+2)
        image = self.to_image @ tiles[0].permute(3, 4, 1, 2, 0).reshape(self.seen**2, -1)
        product = torch.bmm(image.view(self.seen**2, down * across, -1), self.weight)
        values = (self.back @ product.view(self.seen**2, -1)).view(self.tile, self.tile, down, across, -1)
        whole = values.permute(2, 0, 3, 1, 4).reshape(down * self.tile, across * self.tile, -1)[:height, :width]
        return (whole if self.bias is None else whole.add_(self.bias)).permute(2, 0, 1)[None]

"""Two registered networks in a row (ours, not the paper's): the NRN, say, as the front end of a BasicSR network."""

from typing import Any

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.ranges import from_signed, to_signed
from nerco_plugin.archs.foreign import ForeignNetwork


@ARCH_REGISTRY.register()
class ComposedNetwork(nn.Module):
    """``body(front(image))``, or ``body(image, front(image))``, both trained together.

    Args:
        front: the first network, ``{type: NRN, ...}``; any registered one that keeps the size.
        body: the second, likewise.
        front_signed: the first works in [-1, 1] (NRN, ResnetGenerator), not in [0, 1] (NeRCo, BasicSR's networks).
        body_signed: the second does.
        concat: the second sees the image before the first one's result, so it takes 6 channels of RGB images.

    Raises:
        ValueError: a block that names no registered network.
    """

    def __init__(
        self,
        front: dict[str, Any],
        body: dict[str, Any],
        front_signed: bool = False,
        body_signed: bool = False,
        concat: bool = False,
    ) -> None:
        super().__init__()
        self.front = ForeignNetwork(front, key="front")
        self.body = ForeignNetwork(body, key="body")
        self.front_signed = front_signed
        self.body_signed = body_signed
        self.concat = concat

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W) RGB in [0, 1], any H and W, to (N, D, H, W) about [0, 1], as far as the second network is."""
        between = _in_its_range(self.front, image, self.front_signed)
        seen = torch.cat([image, between], dim=1) if self.concat else between
        return _in_its_range(self.body, seen, self.body_signed)


def _in_its_range(network: nn.Module, image: Tensor, signed: bool) -> Tensor:
    """What a network makes of an image in [0, 1], in [0, 1]."""
    return from_signed(network(to_signed(image))) if signed else network(image)

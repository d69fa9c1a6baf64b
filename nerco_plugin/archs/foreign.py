"""Any registered network as a part of another: built from its YAML block, and given sizes that fit it."""

import inspect
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from nerco_plugin.archs.blocks.resnet import at_any_size
from nerco_plugin.registry import find_network

MULTIPLE = 16  # fits four halvings (U-Nets), windows of 8 pixels, and the pixel unshuffling of RRDBNet


class ForeignNetwork(nn.Module):
    """A registered image-to-image network that keeps the size, whatever the size is.

    Args:
        block: ``{type: NAME, ...}``, the network as YAML has it.
        key: where the block stands in the options, for messages.
        num_in_ch: channels that it will be given; where its own ``num_in_ch`` is another number, that is refused.

    Raises:
        ValueError: no such network, or one for other channels.
    """

    def __init__(self, block: dict[str, Any], key: str, num_in_ch: int | None = None) -> None:
        super().__init__()
        if not isinstance(block, dict) or "type" not in block:
            raise ValueError(f"{key}: expected a mapping with the type and arguments of a network, got {block!r}")
        arguments = deepcopy(block)
        name = arguments.pop("type")
        cls = find_network(name)
        if cls is None:
            raise ValueError(f"{key}:type: no network {name!r} is registered")
        parameter = inspect.signature(cls).parameters.get("num_in_ch")
        takes = arguments.get("num_in_ch", parameter.default if parameter else num_in_ch)
        if num_in_ch is not None and takes != num_in_ch:
            raise ValueError(f"{key}:num_in_ch must be {num_in_ch} here, got {takes}")
        self.network = cls(**arguments)
        self.key = key

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W), any H and W, to (N, D, H, W), in the network's own ranges.

        Sides that are no multiple of 16 are filled up by repeating the border, and cropped back.

        Raises:
            ValueError: the network gives something else than images of the size it was given.
        """
        return at_any_size(self._checked, image, multiple=MULTIPLE, least=MULTIPLE)

    def _checked(self, image: Tensor) -> Tensor:
        result = self.network(image)
        if not isinstance(result, Tensor) or result.ndim != 4 or result.shape[-2:] != image.shape[-2:]:
            got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
            raise ValueError(
                f"{self.key}: expected images of the size given, (N, C, {image.shape[-2]}, {image.shape[-1]}), from "
                f"{type(self.network).__name__}, got {got}; networks that enlarge take scale or upscale: 1"
            )
        return result

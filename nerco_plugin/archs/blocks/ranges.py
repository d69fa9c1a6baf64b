"""The one place where images change between [0, 1] (files, ``network_g``) and [-1, 1] (inside the dual loop)."""

from torch import Tensor


def to_signed(image: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], any shape."""
    return image * 2 - 1


def from_signed(image: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], any shape."""
    return (image + 1) / 2

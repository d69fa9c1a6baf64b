"""When images go through networks in strips of rows, and how high a strip is; see feature_map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

STRIP_BYTES = 8 << 20  # of the rows that a convolution reads or writes: about what the caches of a CPU hold
GPU_STRIP_BYTES = 1 << 28  # enough to fill a GPU
SMALL_STRIP_BYTES = 1 << 18
LEAST_GPU_PIXELS = 1 << 21  # below, a GPU has the memory, and is faster on whole maps
_everywhere: ContextVar[bool] = ContextVar("everywhere", default=False)


def usable(image: Tensor) -> bool:
    """Whether (N, C, H, W) may go in strips: no gradients, not traced for a graph, worth it on its device."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if isinstance(image.shape[-1], torch.SymInt):
        return False
    least = 0 if image.device.type == "cpu" or _everywhere.get() else LEAST_GPU_PIXELS
    return image.device.type in ("cpu", "cuda") and image[:, 0].numel() >= least


@contextmanager
def everywhere() -> Iterator[None]:
    """Strips for small images too, on every device, and nothing that takes the same memory whatever the size.

    For measuring on small images what large ones need.
    """
    token = _everywhere.set(True)
    try:
        yield
    finally:
        _everywhere.reset(token)


def are_small() -> bool:
    """Whether this is inside :func:`everywhere`."""
    return _everywhere.get()


def strip_bytes(device: torch.device) -> int:
    """What a strip may hold."""
    if are_small():
        return SMALL_STRIP_BYTES
    return STRIP_BYTES if device.type == "cpu" else GPU_STRIP_BYTES


def one_by_one(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``function`` of each image (1, C, H, W) of a batch, together again."""
    return function(images) if len(images) == 1 else torch.cat([function(image) for image in images.split(1)])

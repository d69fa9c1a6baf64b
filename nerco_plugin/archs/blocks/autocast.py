"""Contexts in which tensors keep their types and bits: without autocast, and on a GPU without TF32."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

_SWITCHING = threading.RLock()  # the switch is the whole process's


def under_autocast(device: torch.device) -> bool:
    """Whether autocast is on for ``device``; ``meta``, which has none, counts as off."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which tensors keep their types whatever autocast says."""
    return torch.autocast(device.type, enabled=False) if under_autocast(device) else nullcontext()


def in_float32(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which convolutions of float32 are that: no autocast, and on a GPU no TF32, which has 10 bits."""
    if device.type != "cuda" or torch.compiler.is_compiling():  # a graph has no place for it
        return without_autocast(device)
    return _without_tf32(device)


@contextmanager
def _without_tf32(device: torch.device) -> Iterator[None]:
    cudnn: Any = torch.backends.cudnn
    by_operator = hasattr(cudnn, "conv")  # from torch 2.9 on, which refuses to mix this with what it had before
    switch, name, off = (cudnn.conv, "fp32_precision", "ieee") if by_operator else (cudnn, "allow_tf32", False)
    with _SWITCHING, without_autocast(device):
        before = getattr(switch, name)
        setattr(switch, name, off)
        try:
            yield
        finally:
            setattr(switch, name, before)

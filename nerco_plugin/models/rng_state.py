"""The random state of this process (Python, numpy, torch, CUDA) as tensors and lists, which ``weights_only`` reads."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def get_rng_state() -> dict[str, Any]:
    """What :func:`set_rng_state` needs to make every generator go on from here."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [str(name), torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,  # a run on the CPU leaves it alone
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Put every generator of this process where it was when ``state`` was taken."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def kept_rng_state() -> Iterator[None]:
    """Whatever is drawn inside the block, every generator goes on after it as if nothing had been."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)

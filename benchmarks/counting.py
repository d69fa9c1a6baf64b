"""Counts that do not depend on the machine: multiply-adds, and the bytes of tensors alive at once."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


def multiply_adds(run: Callable[[], Any]) -> int:
    """Of the convolutions and matrix products of ``run``."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


class LiveBytes(TorchDispatchMode):
    """Adds up the storages that are made inside the context and not yet freed.

    Attributes:
        peak: the most bytes that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self.known: dict[int, int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        result = function(*args, **(kwargs or {}))
        before = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in before:
                self._note(leaf.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self.known:
            return
        self.known[storage._cdata] = storage.nbytes()
        self.alive += storage.nbytes()
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._freed, storage._cdata)

    def _freed(self, address: int) -> None:
        self.alive -= self.known.pop(address)


def peak_bytes(run: Callable[[], Any]) -> int:
    """The most bytes of new tensors alive at once in ``run``; what existed before it is not counted."""
    with LiveBytes() as live:
        run()
    return live.peak

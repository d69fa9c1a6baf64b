"""Counts that do not depend on the machine: multiply-adds, and the bytes of tensors alive at once."""

from collections.abc import Callable
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from nerco_plugin.inference.memory import LiveBytes


def multiply_adds(run: Callable[[], Any]) -> int:
    """Of the convolutions and matrix products of ``run``."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def peak_bytes(run: Callable[[], Any]) -> int:
    """The most bytes of new tensors alive at once in ``run``; what existed before it is not counted."""
    with LiveBytes() as live:
        run()
    return live.peak

"""Which type products are taken in: that in which maps are stored, or float32 where the processor is faster in it."""

import platform
from functools import cache
from pathlib import Path

import torch

X86 = ("x86_64", "AMD64")
PROCESSOR = Path("/proc/cpuinfo")


@cache
def multiplies_bf16() -> bool:
    """Whether this CPU gains by products in bfloat16: on x86 with AMX alone.

    AVX-512's bfloat16 instructions do at most twice the products of float32's, and on some processors half; Winograd's
    convolutions take a quarter in float32, but four ninths in bfloat16.
    """
    if platform.machine() not in X86:
        return True
    try:
        return "amx_bf16" in PROCESSOR.read_text(encoding="utf-8").split()
    except OSError:  # no Linux
        return False


def product_dtype(stored: torch.dtype, device: torch.device) -> torch.dtype:
    """The type for products of maps that are stored in ``stored`` on ``device``."""
    if device.type != "cpu" or stored not in (torch.bfloat16, torch.float16):
        return stored
    return stored if stored == torch.bfloat16 and multiplies_bf16() else torch.float32

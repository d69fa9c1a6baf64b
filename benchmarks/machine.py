"""What machine this is, without its name, and what it can do: a large matrix product and a large copy."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

ALLOCATOR = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "LD_PRELOAD")
SIDE = {"cpu": 2048, "cuda": 8192}  # of the matrices
HOPELESS_S = 2.0  # a product that slow is taken without the processor's instructions for its type
COPIED = {"cpu": 2**28, "cuda": 2**31}  # bytes


def describe(device: torch.device) -> dict[str, Any]:
    """Processor, cores, threads, torch, and what the environment tells the C library's allocator."""
    facts = {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "allocator": {name: os.environ[name] for name in ALLOCATOR if name in os.environ} or "default",
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def processor() -> str:
    """The processor's model."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def timed(run: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one run, with all that it leaves to the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def matrix_product(device: torch.device, dtype: torch.dtype, runs: int = 3) -> float:
    """Multiply-adds a second of a large square matrix product; the best run, or one where the type is not for here."""
    side = SIDE.get(device.type, 2048)
    left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(runs + 1):
        best = min(best, timed(lambda: left @ right, device))
        if best > HOPELESS_S:
            break
    return side**3 / best


def copying(device: torch.device, runs: int = 3) -> float:
    """Bytes a second that a large copy reads and writes; the median run."""
    source = torch.zeros(COPIED.get(device.type, 2**28), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * source.numel() / median(timed(lambda: target.copy_(source), device) for _ in range(runs))

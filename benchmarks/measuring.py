"""Measuring in processes of their own: times interleaved in one, so that all suffer alike; memory alone in another."""

import gc
import os
import resource
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.counting import multiply_adds
from benchmarks.machine import copying, describe, matrix_product, timed
from benchmarks.subjects import PRECISIONS, Run, Subject, build
from nerco_plugin.allocator import keep_freed_memory
from nerco_plugin.archs.blocks.strips import everywhere
from nerco_plugin.inference.memory import LiveBytes


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """What a worker process does: ``{"kind": "time" | "memory" | "machine", "subjects": [...], ...}``."""
    subjects = [Subject(**values) for values in order["subjects"]]
    device = torch.device(order["device"])
    kept = order.get("keep_memory", False) and keep_freed_memory()
    if order["kind"] == "machine":
        facts = describe(device)
        return {**facts, "copy_gb_s": copying(device) / 1e9, **({"allocator": "keeps freed memory"} if kept else {})}
    if order["kind"] == "memory":
        return memory(subjects[0], device)
    return times(subjects, device, warmup=order["warmup"], runs=order["runs"])


def times(subjects: list[Subject], device: torch.device, *, warmup: int, runs: int) -> dict[str, Any]:
    """Seconds of every run of every subject, taken in turns (ABAB); and of large matrix products before and after."""
    built = {subject.label: build(subject) for subject in subjects}
    precisions = sorted({subject.precision for subject in subjects})
    peaks = {name: [matrix_product(device, PRECISIONS[name])] for name in precisions}
    seconds: dict[str, list[float]] = {label: [] for label in built}
    for turn in range(-warmup, runs):
        for label, run in built.items():
            taken = timed(run, device)
            if turn >= 0:
                seconds[label].append(taken)
    for name in precisions:
        peaks[name].append(matrix_product(device, PRECISIONS[name]))
    return {
        "seconds": seconds,
        "median": {label: median(taken) for label, taken in seconds.items()},
        "matrix_gmac_s": {name: max(rates) / 1e9 for name, rates in peaks.items()},
    }


def memory(subject: Subject, device: torch.device) -> dict[str, Any]:
    """Peak of a second run: of the whole process, and its growth over what was there before the first one."""
    run = build(subject)
    compiled = subject.variant == "compiled"
    if compiled:
        run()  # the compiler's own memory is none of the network's
    gc.collect()
    cuda = device.type == "cuda"
    before = torch.cuda.memory_allocated(device) if cuda else resident("VmRSS")
    gmac = work_of(subject, run)
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    else:
        forget_peak()
    with nullcontext() if compiled else LiveBytes() as live:
        run()
    peak = torch.cuda.max_memory_allocated(device) if cuda else resident("VmHWM")
    tensors = None if live is None else live.peak / 1e6
    return {"gmac": gmac, "tensors_mb": tensors, "peak_mb": peak / 1e6, "growth_mb": (peak - before) / 1e6}


def work_of(subject: Subject, run: Run) -> float | None:
    """GMAC: what the method needs, however cleverly it is computed; ``None`` for compiled steps, which hide it."""
    if subject.task != "step":  # counted on shapes alone
        variant = "ours" if subject.variant == "compiled" else subject.variant
        run = build(subject._replace(device="meta", precision="float32", variant=variant))
    elif subject.variant == "compiled":
        return None
    with everywhere():  # no Winograd
        return multiply_adds(run) / 1e9


def resident(name: str) -> int:
    """``VmRSS`` or ``VmHWM`` (its peak) of this process in bytes; without /proc the peak for both."""
    path = Path("/proc/self/status")
    if not path.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)
    line = next(line for line in path.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Let ``VmHWM`` begin anew, where Linux allows it."""
    path = Path("/proc/self/clear_refs")
    if path.is_file() and os.access(path, os.W_OK):
        path.write_text("5", encoding="ascii")

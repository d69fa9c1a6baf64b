"""How much memory an image will take, measured on small ones, and how much there is: what will not fit is refused."""

import math
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nerco_plugin.archs.blocks import strips

SMALL = ((96, 384), (192, 384))  # pixels; what both take alike is of strips and weights
FIXED = {"cpu": 256 << 20, "cuda": 2048 << 20}  # bytes of strips and one layer's weights, whatever the size
MARGIN = 1.1  # over what tensors hold: the allocator's slack and the convolutions' own workspace
MEMORY_FILES = Path("/proc"), Path("/sys/fs/cgroup")


class LiveBytes(TorchDispatchMode):
    """Adds up the storages that are made inside the context and not yet freed.

    Attributes:
        peak: the most bytes that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self.known: dict[int, int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
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


class Need(NamedTuple):
    """Bytes that a computation takes: ``pixel`` for every pixel, and ``fixed``."""

    pixel: float
    fixed: int

    def of(self, height: int, width: int) -> int:
        """For an image of that size."""
        return int(MARGIN * self.pixel * height * width) + self.fixed


@torch.inference_mode()
def measure(run: Callable[[Tensor], Any], device: torch.device) -> Need:
    """What ``run`` takes for an image (1, 3, H, W) in [0, 1], from the tensors alive at once for two small ones."""
    peaks = []
    for size in SMALL:
        image = torch.rand(1, 3, *size, device=device)
        with strips.everywhere(), LiveBytes() as live:
            run(image)
        peaks.append(live.peak)
    more = math.prod(SMALL[1]) - math.prod(SMALL[0])
    return Need((peaks[1] - peaks[0]) / more, FIXED.get(device.type, FIXED["cpu"]))


def available(device: torch.device) -> int | None:
    """Bytes that this process may still take on ``device``; ``None`` where nothing says so."""
    if device.type == "cuda":
        reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + reusable
    if device.type != "cpu":
        return None
    limits = [_machine(), _control_group(), *_process_limits()]
    return min((limit for limit in limits if limit is not None), default=None)


def _machine() -> int | None:
    return _fields(MEMORY_FILES[0] / "meminfo").get("MemAvailable")


def _process_limits() -> list[int]:
    """What RLIMIT_AS and RLIMIT_DATA leave."""
    if sys.platform == "win32":
        return []
    import resource

    used = _fields(MEMORY_FILES[0] / "self/status")
    left = []
    for limit, field in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        allowed = resource.getrlimit(limit)[0]
        if allowed != resource.RLIM_INFINITY and field in used:
            left.append(max(0, allowed - used[field]))
    return left


def _control_group() -> int | None:
    """What the control groups leave (container, Slurm, systemd), version 2 or 1; page cache counts as free.

    A group's limit holds for all groups in it: the tightest counts, up to the root.
    """
    try:
        lines = (MEMORY_FILES[0] / "self/cgroup").read_text().splitlines()
    except OSError:
        return None
    names = {part[1]: part[2].lstrip("/") for part in (line.split(":", 2) for line in lines)}
    version2 = "memory.max", "memory.current", "inactive_file"
    version1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    left = []
    for root, name, files in (
        (MEMORY_FILES[1], names.get("", ""), version2),
        (MEMORY_FILES[1] / "memory", names.get("memory", ""), version1),
    ):
        left += [_left_in(group, *files) for group in (root / name, *(root / name).parents)]
    return min((limit for limit in left if limit is not None), default=None)


def _left_in(group: Path, limit: str, usage: str, cache: str) -> int | None:
    try:
        allowed, taken = int((group / limit).read_text()), int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such file, or "max"
        return None
    return max(0, allowed - taken + int(stat.get(cache, 0)))


def _fields(file: Path) -> dict[str, int]:
    """The fields in kB of a file of /proc, in bytes; none where there is no such file."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {parts[0].rstrip(":"): int(parts[1]) << 10 for parts in lines if len(parts) == 3 and parts[2] == "kB"}

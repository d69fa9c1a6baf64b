"""The group of processes that trains or tests together: torchrun or Slurm, NCCL beside gloo, or one process alone."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import torch
import torch.distributed as dist

from nerco_plugin.engine.alarm import Alarm
from nerco_plugin.engine.options import OptionError


class Place(NamedTuple):
    """Which process this is; ``local_rank`` counts on its own machine; ``slurm`` may show it one device alone."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    slurm: bool = False


def find_place(launcher: str, local_rank: int = 0) -> Place:
    """Read this process's place from the launcher's environment, and complete that environment for Slurm.

    Raises:
        OptionError: the launcher's variables are not set, or torchrun started this without ``--launcher pytorch``.
    """
    if launcher == "slurm":
        return _slurm_place()
    if launcher == "pytorch":
        return Place(_number("RANK"), _number("WORLD_SIZE"), int(os.environ.get("LOCAL_RANK", local_rank)))
    if "TORCHELASTIC_RUN_ID" in os.environ and _number("WORLD_SIZE") > 1:
        raise OptionError("torchrun started several processes: add --launcher pytorch, or each trains alone")
    return Place()


def _slurm_place() -> Place:
    place = Place(_number("SLURM_PROCID"), _number("SLURM_NTASKS"), _number("SLURM_LOCALID"), slurm=True)
    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_NODELIST") or "localhost"
    os.environ.setdefault("MASTER_ADDR", first_node(nodes))
    os.environ.update(RANK=str(place.rank), WORLD_SIZE=str(place.world_size), LOCAL_RANK=str(place.local_rank))
    return place


def first_node(nodes: str) -> str:
    """The first host of a Slurm node list: ``gpu[003-005,7],b1`` -> ``gpu003``."""
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", re.split(r",(?![^\[]*\])", nodes)[0])


def _number(name: str) -> int:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError) as error:
        found = os.environ.get(name)
        raise OptionError(f"the launcher should set {name} to a number, found {found!r}: start with it") from error


@contextmanager
def process_group(place: Place, opt: dict[str, Any]) -> Iterator[None]:
    """Join the group that ``opt['dist']`` asks for, and leave it at the end; an error inside ends every process.

    ``dist_params``: ``backend`` (``nccl`` on CUDA, else ``gloo``), ``timeout`` in seconds (1800), ``port`` (Slurm,
    where the environment has no MASTER_PORT).
    """
    use_cuda = opt["num_gpu"] != 0
    if use_cuda:
        select_device(place.local_rank, place.slurm)
    if not opt["dist"]:
        yield
        return
    params = opt.get("dist_params") or {}
    job = int(os.environ.get("SLURM_JOB_ID", "9500"))  # jobs may share a machine
    os.environ.setdefault("MASTER_PORT", str(params.get("port") or 20000 + job % 20000))
    backend = params.get("backend", "nccl" if use_cuda else "gloo")
    if backend == "nccl":
        backend = "cpu:gloo,cuda:nccl"  # gloo carries what is on the CPU: flags, random states, scores
    timeout = float(params.get("timeout", 1800))
    limit = timedelta(seconds=timeout)
    dist.init_process_group(backend, rank=place.rank, world_size=place.world_size, timeout=limit)
    alarm = Alarm(place.rank, timeout)
    try:
        yield
    except BaseException as error:
        alarm.ring(error)
        raise
    reduced = wait_for_all()  # kept until the group is gone: see below
    alarm.stop()
    # gloo's thread frees what it reduced a little later. Were it the last owner, it would wait for the GIL, which this
    # process holds while it waits for the thread: with torch 2.4 a run in some five ended in that.
    dist.destroy_process_group()
    del reduced


def select_device(local_rank: int, slurm: bool = False) -> None:
    """Make CUDA device ``local_rank`` this process's own, or the only one that Slurm shows to it.

    Args:
        local_rank: of this process on its machine.
        slurm: whether Slurm started this process, and not torchrun, which may run within a step of Slurm's.

    Raises:
        OptionError: there is no such device, or it cannot be used.
    """
    count = torch.cuda.device_count()
    if count == 1 and slurm:
        local_rank = 0
    if local_rank >= count:
        raise OptionError(
            f"process {local_rank} of this machine needs CUDA device {local_rank}, and {count} are visible: "
            "set num_gpu: 0 to use the CPU, or start fewer processes"
        )
    try:
        torch.cuda.set_device(local_rank)
    except RuntimeError as error:  # a driver that is too old, a device that another process keeps to itself
        reason = str(error).splitlines()[0]
        raise OptionError(f"CUDA device {local_rank}: {reason} (num_gpu: 0 uses the CPU)") from error


def wait_for_all() -> torch.Tensor:
    """Return when every process has come here, with the tensor that they reduced."""
    nothing = torch.zeros(())  # on the CPU: NCCL's barrier would have to guess a device
    if dist.is_initialized():
        dist.all_reduce(nothing)
    return nothing


def gather(value: Any) -> list[Any]:
    """``value`` of every process, in the order of ranks, in all of them."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values

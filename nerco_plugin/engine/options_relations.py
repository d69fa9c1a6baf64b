"""Checks what options must be to each other: schedules and iterations, processes and devices."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch

from nerco_plugin.archs.blocks.products import multiplies_bf16
from nerco_plugin.engine.options_source import Faults, lookup
from nerco_plugin.losses.ssim_loss import WINDOW


def check_iterations(opt: dict[str, Any], faults: Faults) -> None:
    """The schedule must last as long as the run; where the run is shorter, :func:`remarks` says so."""
    total, schedule = lookup(opt, "train", "total_iter"), lookup(opt, "train", "scheduler")
    if not _is_count(total) or not isinstance(schedule, dict):
        return
    keys = ("train", "scheduler")
    periods, end = schedule.get("periods"), schedule.get("total_iter")
    if isinstance(periods, list) and all(map(_is_count, periods)) and sum(periods) < total:
        faults.add((*keys, "periods"), f"{periods} end at iteration {sum(periods)}, before train:total_iter {total}")
    if _is_count(end) and end < total:
        faults.add(
            (*keys, "total_iter"), f"the learning rate is 0 after iteration {end}, before train:total_iter {total}"
        )


def check_crops(opt: dict[str, Any], faults: Faults) -> None:
    """Training images must hold the window by which their structure is judged."""
    size = lookup(opt, "datasets", "train", "size")
    if lookup(opt, "train", "ssim_opt", "type") == "SSIMLoss" and _is_count(size) and size < WINDOW:
        faults.add(("datasets", "train", "size"), f"{size} is less than the {WINDOW} pixels of train:ssim_opt's window")


def check_logger(opt: dict[str, Any], faults: Faults) -> None:
    """wandb copies what TensorBoard gets."""
    if not lookup(opt, "logger", "wandb", "project"):
        return
    if not opt["logger"]["use_tb_logger"]:
        faults.add(("logger", "wandb"), "needs logger:use_tb_logger: true, from which it copies")
    if "wandb" not in sys.modules and find_spec("wandb") is None:
        faults.add(("logger", "wandb"), "needs wandb (pip install wandb)")


def check_devices(opt: dict[str, Any], faults: Faults) -> None:
    """``num_gpu`` against the machine."""
    wanted, visible = opt["num_gpu"], torch.cuda.device_count()
    if _is_count(wanted) and wanted > visible and not opt["dist"]:
        faults.add(("num_gpu",), f"{wanted} wanted, {visible} visible; 'auto' takes what there is, 0 the CPU")


def remarks(opt: dict[str, Any]) -> Iterator[str]:
    """What will run, but perhaps not as it was meant."""
    if _is_count(opt["num_gpu"]) and opt["num_gpu"] > 1 and not opt["dist"]:
        yield f"num_gpu is {opt['num_gpu']}, but a process uses one: torchrun with --launcher pytorch starts several"
    if opt["val"]["metrics"] and not _validates(opt):
        yield f"val:metrics are not computed: there is no {_phase(opt)} data set"
    if opt["is_train"]:
        if opt["logger"].get("keep_best") and not (opt["val"]["metrics"] and _validates(opt)):
            yield "logger:keep_best keeps none: it needs a val data set and val:metrics to tell which is the best"
        if "debug" in opt["name"] and not opt["debug"]:
            yield f"name: {opt['name']} has 'debug' in it, so BasicSR logs every iteration and validates every 8"
        batch, parts = lookup(opt, "datasets", "train", "batch_size_per_gpu") or 1, opt["train"].get("accumulate") or 1
        if parts > batch:
            yield f"train:accumulate is {parts}: a batch of {batch} has no more parts than images"
        cooperative = opt["train"].get("cooperative_opt")
        if (
            cooperative
            and cooperative.get("inspect", True)
            and not any(opt[name] for name in opt if "network_d_" in name)
        ):
            yield "train:cooperative_opt: l_insp (Eq. 13) is 0: there is no discriminator to inspect"
        yield from _lengths(opt)
        if opt["num_gpu"] == 0 and opt["train"].get("amp") and not multiplies_bf16():
            yield "train:amp saves memory and costs time here: this CPU has no AMX, float32's products are its fastest"


def _validates(opt: dict[str, Any]) -> bool:
    return any(block["phase"] == _phase(opt) for block in opt["datasets"].values())


def _phase(opt: dict[str, Any]) -> str:
    return "val" if opt["is_train"] else "test"


def _lengths(opt: dict[str, Any]) -> Iterator[str]:
    total = opt["train"]["total_iter"]
    schedule = opt["train"].get("scheduler") or {}
    end = schedule.get("total_iter") or 0
    if end > total:
        yield f"train:scheduler goes on until iteration {end}, the run ends at {total}"
    late = [step for step in schedule.get("milestones") or [] if step >= total]
    if late:
        yield f"train:scheduler:milestones {late} come after the end of the run at {total}"
    for name in ("warmup_iter", "warm_start:num_iter"):
        length = lookup(opt, "train", *name.split(":")) or 0
        if length >= total:
            yield f"train:{name} is {length}: the run of {total} iterations ends before it does"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

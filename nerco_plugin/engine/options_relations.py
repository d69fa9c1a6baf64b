"""Checks what options must be to each other: schedules and iterations, batches and data, processes and devices."""

from collections.abc import Iterator
from typing import Any

import torch

from nerco_plugin.engine.options_data import count_images
from nerco_plugin.engine.options_source import Faults, lookup


def check_iterations(opt: dict[str, Any], faults: Faults) -> list[str]:
    """The schedule against ``total_iter``; remarks where the run is only shorter than what was planned for it."""
    return list(_iterations(opt, faults)) if opt["is_train"] else []


def _iterations(opt: dict[str, Any], faults: Faults) -> Iterator[str]:
    total = lookup(opt, "train", "total_iter")
    schedule = lookup(opt, "train", "scheduler")
    if not _is_count(total) or not isinstance(schedule, dict):
        return
    kind = schedule.get("type")
    keys = ("train", "scheduler")
    if kind == "CosineAnnealingRestartLR" and isinstance(schedule.get("periods"), list):
        covered = sum(schedule["periods"])
        if covered < total:
            faults.add(
                (*keys, "periods"), f"{schedule['periods']} end at iteration {covered}, before total_iter {total}"
            )
    if kind == "LinearDecayLR" and _is_count(schedule.get("total_iter")):
        end = schedule["total_iter"]
        if end < total:
            faults.add(
                (*keys, "total_iter"), f"the learning rate is 0 from iteration {end} on, train:total_iter is {total}"
            )
        elif end > total:
            yield f"train:scheduler decays until iteration {end}, the run ends at {total}"
    late = [step for step in schedule.get("milestones") or [] if step >= total]
    if late:
        yield f"train:scheduler:milestones {late} lie after the end of the run at {total}"
    for name in ("warmup_iter", "warm_start:num_iter"):
        length = lookup(opt, "train", *name.split(":"))
        if _is_count(length) and length >= total:
            yield f"train:{name} is {length}, the run ends at {total}: it never gets past it"


def check_batch(opt: dict[str, Any], faults: Faults) -> None:
    """The images of one iteration, over all processes, must be in the training data."""
    block = lookup(opt, "datasets", "train")
    batch = lookup(opt, "datasets", "train", "batch_size_per_gpu")
    if not _is_count(batch):
        return
    images = count_images(block)
    together = batch * opt["world_size"]
    enlarged = None if images is None else images * (block.get("dataset_enlarge_ratio") or 1)
    if enlarged is not None and together > enlarged:
        processes = f" for each of {opt['world_size']} processes" if opt["world_size"] > 1 else ""
        faults.add(
            ("datasets", "train", "batch_size_per_gpu"),
            f"{batch}{processes} is more than the {int(enlarged)} images in the data: no iteration would be possible",
        )


def check_devices(opt: dict[str, Any], faults: Faults) -> None:
    """``num_gpu`` against the machine."""
    wanted, visible = opt.get("num_gpu"), torch.cuda.device_count()
    if isinstance(wanted, int) and wanted > visible and not opt["dist"]:
        faults.add(("num_gpu",), f"{wanted} wanted, {visible} visible; 'auto' takes what there is, 0 the CPU")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

"""Checks the ``train`` block: optimizers, schedule, losses, and what else the model reads there."""

from typing import Any

from nerco_plugin.engine.options_arguments import check_block, check_required
from nerco_plugin.engine.options_parts import check_loss, check_optimizer, check_schedule
from nerco_plugin.engine.options_reads import Reads
from nerco_plugin.engine.options_signature import fields_of
from nerco_plugin.engine.options_source import Faults
from nerco_plugin.engine.options_tables import TRAIN


def check_train(opt: dict[str, Any], model: str, reads: Reads, faults: Faults) -> None:
    """Add the faults of ``opt['train']``, which the class of the name ``model`` reads."""
    train, keys = opt.get("train") or {}, ("train",)
    published = fields_of(reads.types["train"].annotation) if "train" in reads.types else None
    types = {**reads.found, **published.arguments} if published else reads.types
    check_block(train, keys, types | TRAIN, model, faults, reads)
    if opt["is_train"]:
        check_required(train, keys, types | TRAIN, model, faults)
    for key, value in train.items():
        here = (*keys, key)
        if value is None:
            continue
        if key.startswith("optim"):
            check_optimizer(value, here, faults)
        elif key == "scheduler":
            check_schedule(value, here, faults)
        elif key.endswith("_opt") or (isinstance(value, dict) and "type" in value):
            check_loss(value, here, faults)
        elif isinstance(value, dict) and published is None:
            check_block(value, here, types, model, faults, reads)

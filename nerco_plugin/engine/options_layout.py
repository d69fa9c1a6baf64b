"""Lays options out as BasicSR's models and data sets expect them: its keys for a run, defaults, folders."""

import inspect
from pathlib import Path
from typing import Any

import torch
from basicsr.utils.registry import METRIC_REGISTRY

from nerco_plugin.engine.options_parts import registered

_DEFAULTS: dict[str, dict[str, Any]] = {  # what BasicSR reads without one: a bare KeyError where it is missing
    "path": {"resume_state": None},
    "val": {"val_freq": None, "save_img": None, "suffix": None, "metrics": None},
    "logger": {"print_freq": 100, "save_checkpoint_freq": 5000, "use_tb_logger": False, "wandb": None},
}
_LOWER_IS_BETTER = ("calculate_niqe",)  # BasicSR's, whose signature does not tell


def lay_out(opt: dict[str, Any], root: Path, debug: bool) -> None:
    """Fill ``opt`` in place; ``is_train`` is in it already. A part that is ``~`` is off, so it is taken away."""
    if opt.get("num_gpu", "auto") == "auto":
        opt["num_gpu"] = torch.cuda.device_count()
    if opt.get("manual_seed") is None:
        opt["manual_seed"] = 0  # not drawn: every process must have the same, and so must a resumed run
    if opt["num_gpu"] == 0 and (opt.get("dist_params") or {}).get("backend") == "nccl":
        opt["dist_params"]["backend"] = "gloo"  # BasicSR's files all say nccl, which is for CUDA alone
    for block, defaults in _DEFAULTS.items():
        opt[block] = defaults | _switched_on(opt.get(block) or {})
    if isinstance(opt["val"]["metrics"], dict):
        opt["val"]["metrics"] = _switched_on(opt["val"]["metrics"])
        for metric in filter(_takes_the_lower, opt["val"]["metrics"].values()):
            metric["better"] = "lower"  # BasicSR takes the higher one where nothing is written
    for network in [key for key in opt if key.startswith("network_") and opt[key] is None]:
        del opt[network]
    name = str(opt.get("name"))
    opt["name"] = f"debug_{name}" if debug and not name.startswith("debug_") else name
    _lay_out_data_sets(opt)
    _lay_out_folders(opt, root)
    if opt["is_train"] and "debug" in opt["name"]:  # BasicSR tells debug mode by the name, here and elsewhere
        opt["val"]["val_freq"] = 8
        opt["logger"].update(print_freq=1, save_checkpoint_freq=8)


def _switched_on(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}


def _takes_the_lower(metric: Any) -> bool:
    """Whether a metric's options leave ``better`` out, and its own default is ``lower``."""
    if not isinstance(metric, dict) or metric.get("better") is not None:
        return False
    function = registered(METRIC_REGISTRY, str(metric.get("type")))
    if function is None:
        return False
    own = inspect.signature(function).parameters.get("better")
    return own.default == "lower" if own else function.__name__ in _LOWER_IS_BETTER


def _lay_out_data_sets(opt: dict[str, Any]) -> None:
    for name, data_set in opt["datasets"].items():
        data_set["phase"] = name.split("_")[0]  # val_1, val_2, test_1, ...
        data_set["scale"] = opt.get("scale", 1)
        for key, default in (("name", name), ("io_backend", {"type": "disk"})):
            if data_set.get(key) is None:
                data_set[key] = default


def _lay_out_folders(opt: dict[str, Any], root: Path) -> None:
    folder = root / ("experiments" if opt["is_train"] else "results") / opt["name"]
    opt["path"]["experiments_root" if opt["is_train"] else "results_root"] = str(folder)
    opt["path"]["log"] = str(folder)
    opt["path"]["visualization"] = str(folder / "visualization")
    if opt["is_train"]:
        opt["path"].update(models=str(folder / "models"), training_states=str(folder / "training_states"))

"""Options of a run: read safely, overridden from the command line, checked, and laid out as BasicSR's models expect."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from nerco_plugin.engine.options_base import expand_environment, read_with_base
from nerco_plugin.engine.options_check import check_inside, check_outside, check_shape
from nerco_plugin.engine.options_overrides import apply_overrides
from nerco_plugin.engine.options_relations import check_iterations
from nerco_plugin.engine.options_source import Faults, OptionError, Options

__all__ = ["OptionError", "build_options", "load_options", "parse_arguments", "parse_options"]

LAUNCHERS = ("none", "pytorch", "slurm")

_DEFAULTS: dict[str, dict[str, Any]] = {  # what BasicSR reads without one: a bare KeyError where it is missing
    "path": {"resume_state": None},
    "val": {"val_freq": None, "save_img": None, "suffix": None, "metrics": None},
    "logger": {"print_freq": 100, "save_checkpoint_freq": 5000, "use_tb_logger": False, "wandb": None},
}


def parse_arguments(argv: Sequence[str] | None = None, is_train: bool = True) -> argparse.Namespace:
    """BasicSR's flags (``sys.argv`` where ``argv`` is None), and ``--check`` for training."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-opt", required=True, metavar="FILE", help="option file (YAML)")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help="how the processes are started")
    parser.add_argument("--auto_resume", action="store_true", help="continue the run of this name from its last state")
    parser.add_argument("--debug", action="store_true", help="name the run debug_*, log and validate often")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help="set by older launchers")
    parser.add_argument(
        "--force_yml",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY:KEY=VALUE",
        help="e.g. train:ema_decay=0.999",
    )
    if is_train:
        parser.add_argument("--check", action="store_true", help="check the options, print the run's plan, and stop")
    return parser.parse_args(argv)


def load_options(path: str | Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """The options of a file over its ``base``, with ``overrides`` (``a:b=value``) and ``${NAME}`` filled in; unchecked.

    Raises:
        OptionError: with file and line, for anything that is not plain data, or a key that does not exist.
    """
    return _read(path, overrides).values


def parse_options(
    root_path: str | Path, is_train: bool = True, argv: Sequence[str] | None = None
) -> tuple[dict[str, Any], argparse.Namespace]:
    """Arguments and options in one call, for a single process."""
    args = parse_arguments(argv, is_train)
    return build_options(args, root_path, is_train), args


def build_options(
    args: argparse.Namespace, root_path: str | Path, is_train: bool, rank: int = 0, world_size: int = 1
) -> dict[str, Any]:
    """The checked options that BasicSR's models and data sets are built from.

    ``root_path`` is the project's folder, under which experiments/ and results/ lie. Nothing is initialised or seeded.

    Raises:
        OptionError: naming all faults, each with its file and line or its argument.
    """
    root = Path(root_path).resolve()
    options = _read(args.opt, args.force_yml)
    faults = Faults(options)
    opt = _laid_out(options.values, args, root, is_train, faults)
    opt.update(rank=rank, world_size=world_size)
    check_inside(opt, faults)
    check_outside(opt, root, faults)
    opt["remarks"] = check_iterations(opt, faults)
    faults.raise_if_any()
    return opt


def _laid_out(
    opt: dict[str, Any], args: argparse.Namespace, root: Path, is_train: bool, faults: Faults
) -> dict[str, Any]:
    """``opt`` with BasicSR's keys for a run, and what it reads without a default."""
    check_shape(opt, faults)
    opt.update(dist=args.launcher != "none", rank=0, world_size=1, auto_resume=args.auto_resume, is_train=is_train)
    opt["root_path"] = str(root)
    if opt.get("num_gpu", "auto") == "auto":
        opt["num_gpu"] = torch.cuda.device_count()
    if opt.get("manual_seed") is None:
        opt["manual_seed"] = 0  # not drawn: every process must have the same, and so must a resumed run
    for block, defaults in _DEFAULTS.items():
        opt[block] = defaults | _switched_on(opt.get(block) or {})
    if opt["val"]["metrics"]:
        opt["val"]["metrics"] = _switched_on(opt["val"]["metrics"])
    for network in [key for key in opt if key.startswith("network_") and opt[key] is None]:
        del opt[network]
    name = str(opt.get("name"))
    opt["name"] = f"debug_{name}" if args.debug and not name.startswith("debug") else name
    _lay_out_data_sets(opt)
    _lay_out_folders(opt, root)
    if is_train and "debug" in opt["name"]:  # BasicSR tells debug mode by the name, here and elsewhere
        opt["val"]["val_freq"] = 8
        opt["logger"].update(print_freq=1, save_checkpoint_freq=8)
    return opt


def _read(path: str | Path, overrides: Iterable[str]) -> Options:
    options = read_with_base(Path(path))
    apply_overrides(options, overrides)
    expand_environment(options)
    return options


def _fill_defaults(opt: dict[str, Any]) -> None:
    if opt.get("num_gpu", "auto") == "auto":
        opt["num_gpu"] = torch.cuda.device_count()
    if opt.get("manual_seed") is None:
        opt["manual_seed"] = 0  # not drawn: every process must have the same, and so must a resumed run
    for block, defaults in _DEFAULTS.items():
        opt[block] = defaults | (opt.get(block) or {})


def _switched_on(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}


def _lay_out_data_sets(opt: dict[str, Any]) -> None:
    for name, data_set in opt["datasets"].items():
        data_set["phase"] = name.split("_")[0]  # val_1, val_2, test_1, ...
        data_set["scale"] = opt.get("scale", 1)
        data_set.setdefault("name", name)
        data_set.setdefault("io_backend", {"type": "disk"})


def _lay_out_folders(opt: dict[str, Any], root: Path) -> None:
    folder = root / ("experiments" if opt["is_train"] else "results") / opt["name"]
    opt["path"]["experiments_root" if opt["is_train"] else "results_root"] = str(folder)
    opt["path"]["log"] = str(folder)
    opt["path"]["visualization"] = str(folder / "visualization")
    if opt["is_train"]:
        opt["path"].update(models=str(folder / "models"), training_states=str(folder / "training_states"))

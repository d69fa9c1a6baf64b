"""Options of a run: read safely, overridden from the command line, checked, and laid out as BasicSR's models expect."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nerco_plugin.engine.options_base import expand_environment, read_with_base
from nerco_plugin.engine.options_check import check_inside, check_outside, check_shape
from nerco_plugin.engine.options_flags import parse_arguments
from nerco_plugin.engine.options_layout import lay_out
from nerco_plugin.engine.options_overrides import apply_overrides
from nerco_plugin.engine.options_relations import remarks
from nerco_plugin.engine.options_source import Faults, OptionError

__all__ = ["OptionError", "build_options", "load_options", "parse_arguments", "written_options"]


def load_options(path: str | Path, overrides: Iterable[str] = (), may_add: bool = False) -> dict[str, Any]:
    """The options of a file over its ``base``, with ``overrides`` (``a:b=value``) and ``${NAME}`` filled in; unchecked.

    Args:
        path: of the option file.
        overrides: as on the command line.
        may_add: take keys that the file does not have, too, as training does, where they are checked.

    Raises:
        OptionError: with file and line, for anything that is not plain data, or a key that does not exist.
    """
    faults = _read(path, overrides, may_add)
    faults.raise_if_any()
    return faults.options.values


def written_options(args: argparse.Namespace, opt: dict[str, Any]) -> dict[str, Any]:
    """What was written in the files and on the command line, in one piece: run again, it gives the same run.

    Values are those of the checked options ``opt``, paths absolute, but what depends on the machine as it was written.
    """
    written = load_options(args.opt, args.force_yml, may_add=True)
    machine = {key: written[key] for key in ("num_gpu", "dist_params") if key in written}
    return {**_those_of(opt, written), **machine}


def _those_of(values: Any, written: Any) -> Any:
    if not isinstance(written, dict) or not isinstance(values, dict):
        return values
    return {key: _those_of(values[key], item) for key, item in written.items() if key in values}


def build_options(
    args: argparse.Namespace,
    root_path: str | Path,
    is_train: bool,
    rank: int = 0,
    world_size: int = 1,
    look_outside: bool = True,
) -> dict[str, Any]:
    """The checked options that BasicSR's models and data sets are built from.

    Args:
        args: from :func:`parse_arguments`.
        root_path: the project's folder, under which experiments/ and results/ lie.
        is_train: training, or testing.
        rank: of this process.
        world_size: number of processes.
        look_outside: also check what is not in the file: paths, the data's size, devices, CLIP's weights.

    Returns:
        BasicSR's layout, and under ``remarks`` what is odd but will run. Nothing is initialised or seeded.

    Raises:
        OptionError: naming all faults, each with its file and line or its argument.
    """
    root = Path(root_path).resolve()
    faults = _read(args.opt, args.force_yml, may_add=True)
    opt = faults.options.values
    check_shape(opt, faults)
    opt.update(dist=args.launcher != "none", rank=rank, world_size=world_size)
    opt.update(auto_resume=args.auto_resume, is_train=is_train, root_path=str(root), debug=args.debug)
    lay_out(opt, root, debug=args.debug)
    check_inside(opt, faults)
    odd = check_outside(opt, root, faults) if look_outside else []
    faults.raise_if_any()
    opt["remarks"] = [*remarks(opt), *odd]
    return opt


def _read(path: str | Path, overrides: Iterable[str], may_add: bool) -> Faults:
    faults = Faults(read_with_base(Path(path)))
    apply_overrides(overrides, faults, may_add)
    expand_environment(faults)
    return faults

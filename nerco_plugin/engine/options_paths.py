"""Where the relative paths of an option file lead: the project's folder first, then the folder of the file itself."""

import os
from pathlib import Path
from typing import Any

from nerco_plugin.engine.options_source import Faults, KeyPath, Options

_BEGINNINGS = ("dataroot", "meta_info", "pretrain_network", "resume_state")
_ENDINGS = ("_path", "_file", "_folder", "_dir", "_root")


def is_path_key(key: str | int) -> bool:
    """Whether an option of this name holds the path of an input, as ``dataroot_gt`` and ``spynet_path`` do."""
    name = str(key)
    return name.startswith(_BEGINNINGS) or name.endswith(_ENDINGS)


def resolve_paths(options: Options, root: Path, faults: Faults) -> None:
    """Make every input path absolute, in place; one that exists nowhere is a fault that says what was tried."""
    _resolve(options.values, (), options, root, faults)


def _resolve(container: Any, keys: KeyPath, options: Options, root: Path, faults: Faults) -> None:  # noqa: ANN401
    for key, value in container.items():
        here = (*keys, key)
        if isinstance(value, dict):
            _resolve(value, here, options, root, faults)
        elif isinstance(value, str) and is_path_key(key):
            container[key] = _found(value, here, options, root, faults)


def _found(text: str, keys: KeyPath, options: Options, root: Path, faults: Faults) -> str:
    place = options.place(keys)
    # what was typed on the command line may also be meant from where one stands
    folders = [root, place.file.parent if place.file else Path.cwd()]
    tried = list(dict.fromkeys(Path(os.path.abspath(folder / Path(text).expanduser())) for folder in folders))  # noqa: PTH100
    for path in tried:
        if path.exists():
            return str(path)
    faults.add(keys, f"no such file or folder: {text!r}; tried {', '.join(str(path) for path in tried)}")
    return str(tried[0])

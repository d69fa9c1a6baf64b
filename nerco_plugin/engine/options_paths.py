"""Where the relative paths of an option file lead: the project's folder first, then the folder of the file itself."""

import os
from pathlib import Path
from typing import Any

from nerco_plugin.engine.options_source import Faults, KeyPath, lookup

_BEGINNINGS = ("dataroot", "meta_info")
_ENDINGS = ("_path", "_file", "_folder", "_dir", "_root")
_MAYBE = ("pretrained", "weights")  # a name that downloads, or a file
_FILE_ENDINGS = (".pth", ".pt", ".bin", ".safetensors", ".npz")


def is_path(key: str | int, value: Any) -> bool:
    """Whether an argument of a part holds the path of an input, as ``dataroot_gt`` and ``spynet_path`` do."""
    name = str(key)
    if not isinstance(value, str) or not value or "://" in value:
        return False
    if name in _MAYBE:
        return "/" in value or value.startswith("~") or value.endswith(_FILE_ENDINGS)
    return name.startswith(_BEGINNINGS) or name.endswith(_ENDINGS)


def resolve_paths(opt: dict[str, Any], root: Path, faults: Faults) -> None:
    """Make the input paths that this run reads absolute, in place.

    One that exists nowhere, or is a file where a folder must be (or the reverse), is a fault that says what was tried.
    """
    for key, value in opt["path"].items():
        if isinstance(value, str) and (key.startswith("pretrain_network_") or key == "resume_state"):
            opt["path"][key] = _found(value, ("path", key), root, faults)
    for name in opt:
        if str(name).startswith("network_"):
            _resolve(opt[name], (name,), root, faults)
    _resolve(lookup(opt, "val", "metrics"), ("val", "metrics"), root, faults)
    if opt["is_train"]:
        _resolve(opt.get("train"), ("train",), root, faults)
    for name, block in opt["datasets"].items():
        if opt["is_train"] or name != "train":
            _resolve(block, ("datasets", name), root, faults)


def _resolve(block: Any, keys: KeyPath, root: Path, faults: Faults) -> None:
    if not isinstance(block, dict):
        return
    for key, value in block.items():
        if is_path(key, value):
            block[key] = _found(value, (*keys, key), root, faults)
        elif str(key).startswith(_BEGINNINGS) and value is not None and not isinstance(value, str):
            faults.add((*keys, key), f"expected a path, got {value!r}")
        else:
            _resolve(value, (*keys, key), root, faults)


def found_inputs(block: dict[str, Any], folders: list[Path]) -> dict[str, Any]:
    """A data set's options with its paths looked for in ``folders``; the first place where it is nowhere."""
    places = {key: places_of(value, folders) for key, value in block.items() if is_path(key, value)}
    found = {key: next((path for path in tried if path.exists()), tried[0]) for key, tried in places.items()}
    return {**block, **{key: str(path) for key, path in found.items()}}


def places_of(text: str, folders: list[Path]) -> list[Path]:
    """Where a path of an option file may lead."""
    return list(dict.fromkeys(Path(os.path.abspath(folder / Path(text).expanduser())) for folder in folders))  # noqa: PTH100


def _found(text: str, keys: KeyPath, root: Path, faults: Faults) -> str:
    place = faults.options.place(keys)
    # what was typed on the command line may also be meant from where one stands
    tried = places_of(text, [root, place.file.parent if place.file else Path.cwd()])
    for path in tried:
        if path.exists():
            _check_kind(path, keys, faults)
            return str(path)
    faults.add(keys, f"no such file or folder: {text!r}; tried {', '.join(str(path) for path in tried)}")
    return str(tried[0])


def _check_kind(path: Path, keys: KeyPath, faults: Faults) -> None:
    name = str(keys[-1])
    if name.startswith("dataroot") and not path.is_dir():
        faults.add(keys, f"expected a folder, got a file: {path}")
    if name.startswith(("meta_info", "pretrain_network", "resume_state")) and not path.is_file():
        faults.add(keys, f"expected a file, got a folder: {path}")

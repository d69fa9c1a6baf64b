"""Holds the options of a run against everything that they name, before anything is built."""

from pathlib import Path
from typing import Any

from basicsr.utils.registry import MODEL_REGISTRY

from nerco_plugin.engine import options_tables as tables
from nerco_plugin.engine.options_arguments import (
    check_block,
    check_finite,
    check_published,
    check_required,
    check_value,
)
from nerco_plugin.engine.options_data import check_data_set, check_sizes
from nerco_plugin.engine.options_parts import check_network, registered
from nerco_plugin.engine.options_paths import resolve_paths
from nerco_plugin.engine.options_reads import Reads, reads_of
from nerco_plugin.engine.options_relations import check_crops, check_devices, check_iterations, check_logger
from nerco_plugin.engine.options_required import MODEL_METHODS, required_keys
from nerco_plugin.engine.options_source import Faults, KeyPath, did_you_mean, lookup
from nerco_plugin.engine.options_step import check_step
from nerco_plugin.engine.options_train import check_train
from nerco_plugin.engine.options_validation import check_validation
from nerco_plugin.engine.options_weights import check_clip


def check_shape(opt: dict[str, Any], faults: Faults) -> None:
    """What must hold before anything can be filled in: mappings where they belong, with text as keys, and a name.

    What is not so becomes a fault and is emptied.
    """
    _check_keys(opt, (), faults)
    check_required(opt, (), tables.TOP, "an option file", faults)
    if "name" in opt:
        check_value(opt, "name", (), tables.TOP["name"], faults)
        _check_folder_name(opt["name"], ("name",), faults)
    for block in tables.BLOCKS:
        if not isinstance(opt.get(block) or {}, dict):
            faults.add((block,), f"expected a mapping, got {opt[block]!r}")
            opt[block] = {}
        _check_keys(opt.get(block) or {}, (block,), faults)
    opt["datasets"] = data_sets = opt.get("datasets") or {}
    for name in [name for name, block in data_sets.items() if not isinstance(block, dict)]:
        if data_sets[name] is not None:
            faults.add(("datasets", name), f"expected a mapping, got {data_sets[name]!r}")
        del data_sets[name]


def _check_folder_name(name: Any, keys: KeyPath, faults: Faults) -> None:
    if {"/", "\\"} & set(str(name)) or name in (".", ".."):
        faults.add(keys, f"expected a name that a folder can have, got {name!r}")


def _check_keys(block: dict[Any, Any], keys: KeyPath, faults: Faults) -> None:
    for key in [key for key in block if not isinstance(key, str)]:
        faults.add((*keys, key), "expected text as the key, got a number")
        del block[key]


def check_inside(opt: dict[str, Any], faults: Faults) -> None:
    """Everything that the options themselves and the registered classes tell; ``opt`` is laid out."""
    check_finite(opt, (), faults)
    name = str(opt.get("model_type", "the model"))
    cls = registered(MODEL_REGISTRY, name)
    if cls is None and "model_type" in opt:
        faults.add(("model_type",), f"no model {name!r} is registered{did_you_mean(name, MODEL_REGISTRY.keys())}")
    reads = reads_of(cls) if cls else Reads({}, open=True)
    check_block(opt, (), reads.types | tables.TOP, name, faults, reads)
    networks = [key for key in opt if key.startswith("network_") and opt[key] is not None]
    for key in networks:
        check_network(opt[key], (key,), faults)
    check_block(opt["path"], ("path",), _path_options(networks, reads), name, faults, reads)
    check_train(opt, name, reads, faults)
    check_block(opt["logger"], ("logger",), tables.LOGGER, "the engine", faults)
    if isinstance(opt["logger"]["wandb"], dict):
        check_block(opt["logger"]["wandb"], ("logger", "wandb"), tables.WANDB, "the engine", faults)
    check_block(opt.get("dist_params") or {}, ("dist_params",), tables.DIST_PARAMS, "the engine", faults)
    if opt["is_train"]:
        check_logger(opt, faults)
        check_iterations(opt, faults)
        check_crops(opt, faults)
    check_validation(opt, _check_data_sets(opt, reads, faults), cls, reads, faults)
    if cls is not None:
        _check_required(opt, required_keys(cls, MODEL_METHODS, opt["is_train"]), name, faults)
    if hasattr(cls, "OPTIONS"):
        tested = {key: argument for key, argument in reads.types.items() if key == "network_g"}
        check_required(opt, (), reads.types if opt["is_train"] else tested, name, faults)
        if opt["is_train"] and not faults.found:
            check_published(opt, (), cls.OPTIONS, faults)


def check_outside(opt: dict[str, Any], root: Path, faults: Faults) -> list[str]:
    """What the options need around them: files and folders, enough data, devices, CLIP's weights.

    Returns:
        What is odd but will run.
    """
    resolve_paths(opt, root, faults)
    check_devices(opt, faults)
    odd = check_sizes(opt, faults)
    if opt["is_train"]:
        check_clip(opt, faults)
        if opt.get("model_type") == "NeRCoModel" and not faults.found:
            check_step(opt, faults)
    return odd


def _path_options(networks: list[str], reads: Reads) -> dict[str, tables.Argument]:
    labels = [network.removeprefix("network_") for network in networks]
    of_networks = {
        beginning + label: argument for label in labels for beginning, argument in tables.PATH_OF_NETWORK.items()
    }
    beginnings = tuple(tables.PATH_OF_NETWORK)
    of_model = {key: argument for key, argument in reads.types.items() if key.startswith(beginnings)}
    return of_model | of_networks | tables.PATH


def _check_data_sets(opt: dict[str, Any], model: Reads, faults: Faults) -> dict[str, type[Any] | None]:
    if opt["is_train"] and "train" not in opt["datasets"]:
        faults.add(("datasets",), f"needs 'train', the data to train on{did_you_mean('train', opt['datasets'])}")
    phases = ("train", "val") if opt["is_train"] else ("train", "val", "test")
    classes = {}
    names: set[str] = set()  # of those that are scored
    for name, block in opt["datasets"].items():
        keys = ("datasets", name)
        _check_folder_name(block["name"], (*keys, "name"), faults)
        if not (opt["is_train"] and name == "train"):
            if str(block["name"]) in names:
                text = f"{block['name']!r} is another data set's name too: scores and pictures would be mixed up"
                faults.add((*keys, "name"), text)
            names.add(str(block["name"]))
        if block["phase"] not in phases:
            expected = ", ".join(f"{phase} or {phase}_*" for phase in phases[1:])
            faults.add(keys, f"expected {'train, ' if opt['is_train'] else ''}{expected} as the name of a data set")
        classes[name] = check_data_set(block, keys, model, faults)
        if name == "train" and opt["is_train"] and block.get("batch_size_per_gpu") is None:
            faults.add(keys, "needs 'batch_size_per_gpu'")
    return classes


def _check_required(opt: dict[str, Any], paths: set[KeyPath], model: str, faults: Faults) -> None:
    """The first key that is missing on each path that the model reads."""
    missing = set()
    for path in paths:
        for length in range(1, len(path) + 1):
            around = lookup(opt, *path[: length - 1]) if length > 1 else opt
            if not isinstance(around, dict):
                break
            if path[length - 1] not in around:
                missing.add(path[:length])
                break
    for path in missing:
        faults.add(path[:-1], f"{model} needs {path[-1]!r}")

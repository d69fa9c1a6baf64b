"""Checks data sets: what their class reads, whether they hold images enough, and whether they have references."""

import ast
from pathlib import Path
from typing import Any

from basicsr.utils.registry import DATASET_REGISTRY

from nerco_plugin.data.image_list import list_meta_info
from nerco_plugin.data.image_source import ImageSource
from nerco_plugin.engine.options_arguments import Block, check_block, check_published, check_required
from nerco_plugin.engine.options_parts import chosen
from nerco_plugin.engine.options_reads import Reads, module_tree, reads_of, source_classes
from nerco_plugin.engine.options_required import DATA_SET_METHODS, required_keys
from nerco_plugin.engine.options_source import Faults, KeyPath, lookup
from nerco_plugin.engine.options_tables import DATA_SET

_SIDES = {"PairedImageDataset": ("lq", "gt"), "SingleImageDataset": ("lq",), "UnpairedImageDataset": ("low", "high")}
_BACKENDS = ("disk", "lmdb", "memcached")  # of BasicSR's FileClient


def check_data_set(block: Block, keys: KeyPath, model: Reads, faults: Faults) -> type[Any] | None:
    """One data set's options, among them those that the model reads; returns its class, or None where there is none."""
    cls = chosen(block, keys, DATASET_REGISTRY, "data set", faults)
    if cls is None:
        return None
    reads, before = reads_of(cls), len(faults.found)
    own = DATA_SET | reads.types if hasattr(cls, "OPTIONS") else reads.types | DATA_SET
    check_block(block, keys, model.types | own, cls.__name__, faults, reads)
    check_required(block, keys, reads.types, cls.__name__, faults)
    for path in required_keys(cls, DATA_SET_METHODS, is_train=block["phase"] == "train"):
        if len(path) == 1 and path[0] not in block:
            faults.add(keys, f"{cls.__name__} needs {path[0]!r}")
    if len(faults.found) == before:
        _check_whole(block, keys, cls, faults)
    return cls


def _check_whole(block: Block, keys: KeyPath, cls: type[Any], faults: Faults) -> None:
    """What can be told of a data set whose options are sound one by one."""
    if hasattr(cls, "OPTIONS"):
        check_published(block, keys, cls.OPTIONS, faults)
    elif (backend := block["io_backend"].get("type")) not in _BACKENDS:
        faults.add((*keys, "io_backend", "type"), f"expected one of {', '.join(_BACKENDS)}, got {backend!r}")


def gives_reference(cls: type[Any]) -> bool:
    """Whether samples of a data set hold ``gt``, the paired truth; True where its source does not tell."""
    trees = [module_tree(parent) for parent in source_classes(cls)]
    return any(tree is None or any(_makes_gt(node) for node in ast.walk(tree)) for tree in trees)


def _makes_gt(node: ast.AST) -> bool:
    keys: list[ast.expr | None] = []
    if isinstance(node, ast.Dict):
        keys = node.keys
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        keys = [node.slice]
    return any(isinstance(key, ast.Constant) and key.value == "gt" for key in keys)


def check_sizes(opt: dict[str, Any], faults: Faults) -> list[str]:
    """Every folder that is there must hold images; returns a remark where an iteration takes some of them twice."""
    odd = []
    for name, block in opt["datasets"].items():
        keys = ("datasets", name)
        counts = [_count(block, side, keys, faults) for side in _SIDES.get(str(block.get("type")), ())]
        batch = block.get("batch_size_per_gpu")
        if name == "train" and counts and counts[0] and isinstance(batch, int):
            together = batch * opt["world_size"]
            if together > counts[0]:
                odd.append(f"an iteration takes {together} images and the data have {counts[0]}: it sees some twice")
    return odd


def _count(block: Block, side: str, keys: KeyPath, faults: Faults) -> int | None:
    """Images on one side of a data set; None where the path itself is at fault."""
    root, backend = block.get(f"dataroot_{side}"), lookup(block, "io_backend", "type")
    meta_info = block.get(f"meta_info_{side}") or block.get("meta_info_file")
    if backend not in ("disk", "lmdb") or not isinstance(meta_info, str | None):
        return None
    if not isinstance(root, str) or not Path(root).is_dir():
        return None
    try:
        return len(list_meta_info(meta_info)) if meta_info else len(ImageSource(root, backend))
    except (OSError, ValueError) as error:
        faults.add((*keys, f"dataroot_{side}"), str(error))
        return None

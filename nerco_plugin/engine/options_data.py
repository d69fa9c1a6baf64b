"""Checks data sets: what their class reads, how many images they hold, and whether they have references."""

import ast
from typing import Any

from basicsr.utils.registry import DATASET_REGISTRY

from nerco_plugin.data.image_source import ImageSource
from nerco_plugin.engine.options_arguments import Block, check_block, check_published, check_required
from nerco_plugin.engine.options_parts import chosen
from nerco_plugin.engine.options_reads import Reads, module_tree, reads_of, source_classes
from nerco_plugin.engine.options_required import DATA_SET_METHODS, required_keys
from nerco_plugin.engine.options_source import Faults, KeyPath, lookup
from nerco_plugin.engine.options_tables import DATA_SET

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
    backend = lookup(block, "io_backend", "type")
    if not hasattr(cls, "OPTIONS"):
        if backend not in _BACKENDS:
            faults.add((*keys, "io_backend", "type"), f"expected one of {', '.join(_BACKENDS)}, got {backend!r}")
    elif len(faults.found) == before:
        check_published(block, keys, cls.OPTIONS, faults)
    return cls


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


def count_images(block: Block) -> int | None:
    """How many images a data set of BasicSR's or ours will have; None where only building it would tell."""
    side = {"PairedImageDataset": "lq", "SingleImageDataset": "lq", "UnpairedImageDataset": "low"}.get(
        str(block.get("type"))
    )
    root = block.get(f"dataroot_{side}")
    if side is None or not isinstance(root, str):
        return None
    meta_info = block.get("meta_info_low" if side == "low" else "meta_info_file")
    is_lmdb = lookup(block, "io_backend", "type") == "lmdb"
    try:
        return len(ImageSource(root, "lmdb" if is_lmdb else "disk", meta_info))
    except (OSError, ValueError):
        return None

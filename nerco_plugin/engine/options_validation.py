"""Checks the ``val`` block: its metrics, and that the data sets have the references that these compare with."""

from typing import Any

from nerco_plugin.engine.options_arguments import check_block
from nerco_plugin.engine.options_data import gives_reference
from nerco_plugin.engine.options_parts import check_metric
from nerco_plugin.engine.options_reads import Reads
from nerco_plugin.engine.options_source import Faults, lookup
from nerco_plugin.engine.options_tables import VAL
from nerco_plugin.engine.scores import needs_reference


def check_validation(opt: dict[str, Any], classes: dict[str, Any], model: str, reads: Reads, faults: Faults) -> None:
    """Add the faults of ``opt['val']``; ``classes`` are those of the data sets by name, None where unknown."""
    check_block(opt["val"], ("val",), reads.types | VAL, model, faults, reads)
    metrics = lookup(opt, "val", "metrics")
    if not isinstance(metrics, dict):
        return
    without = [
        f"{name} ({cls.__name__})"
        for name, cls in classes.items()
        if cls is not None and not name.startswith("train") and not gives_reference(cls)
    ]
    for name, block in metrics.items():
        keys = ("val", "metrics", name)
        function = check_metric(block, keys, faults)
        if function is not None and needs_reference(function) and without:
            faults.add(keys, f"{block['type']} compares with references, which {', '.join(without)} does not have")

"""Checks the ``val`` block: names of data sets, its metrics, and that there are references that these compare with."""

from typing import Any

from nerco_plugin.engine.options_arguments import check_block
from nerco_plugin.engine.options_data import gives_reference
from nerco_plugin.engine.options_parts import check_metric
from nerco_plugin.engine.options_reads import Reads
from nerco_plugin.engine.options_source import Faults, did_you_mean, lookup
from nerco_plugin.engine.options_tables import VAL
from nerco_plugin.engine.scores import needs_reference, validates_itself


def check_validation(
    opt: dict[str, Any], classes: dict[str, Any], model: type[Any] | None, reads: Reads, faults: Faults
) -> None:
    """Add the faults of ``opt['val']``; ``classes`` are those of the data sets by name, None where unknown."""
    check_block(opt["val"], ("val",), reads.types | VAL, str(opt.get("model_type", "the model")), faults, reads)
    names = [str(block["name"]) for block in opt["datasets"].values()]
    tables = lookup(opt, "val", "paper_table")
    for name in [name for name in tables if name not in names] if isinstance(tables, dict) else ():
        faults.add(("val", "paper_table", name), f"no data set has this name{did_you_mean(name, names)}")
    metrics = lookup(opt, "val", "metrics")
    if not isinstance(metrics, dict):
        return
    scored = {name: cls for name, cls in classes.items() if not name.startswith("train")}
    without = [
        f"{name} ({cls.__name__})" for name, cls in scored.items() if cls is not None and not gives_reference(cls)
    ]
    if len(without) < len(scored) and not validates_itself(model):
        without = []  # metrics that compare with references score the others alone
    for name, block in metrics.items():
        keys = ("val", "metrics", name)
        function = check_metric(block, keys, faults)
        if function is not None and needs_reference(function) and without:
            faults.add(keys, f"{block['type']} compares with references, which {', '.join(without)} does not have")

"""The plan of a training run, for ``tools/train.py --check``: what it reads, does, costs and writes."""

from collections.abc import Iterator
from typing import Any

from nerco_plugin.engine.loader import build
from nerco_plugin.engine.options_parts import build as build_part
from nerco_plugin.engine.options_source import OptionError
from nerco_plugin.engine.plan_memory import Memory, expected_memory, images_at_once
from nerco_plugin.engine.plan_networks import NetworkCost, network_costs
from nerco_plugin.engine.scores import metrics_of
from nerco_plugin.models.checkpoint_error import CheckpointError
from nerco_plugin.models.fitting import departures, fill, find_params


def training_plan(opt: dict[str, Any]) -> str:
    """The plan of the checked options ``opt``, as text for a console; takes a few seconds.

    Raises:
        OptionError: a data set cannot be built, or is empty; pretrained weights cannot be read, or do not fit.
    """
    odd = check_pretrained(opt)
    counts = {
        name: len(build(block, opt["manual_seed"]))  # type: ignore[arg-type]
        for name, block in opt["datasets"].items()
    }
    costs = network_costs(opt)
    parts = {
        "Run": _run(opt),
        "Data": _data(opt, counts),
        "Schedule": _schedule(opt, counts["train"]),
        "Networks": _networks(costs),
        "Memory": _memory(opt, expected_memory(opt, costs)),
        "Output": _output(opt),
        "Remarks": iter([*opt["remarks"], *odd]),
    }
    lines = []
    for title, rows in parts.items():
        for number, row in enumerate(rows):
            lines.append(f"{title if number == 0 else '':<10}{row}")
    return "\n".join(lines)


def check_pretrained(opt: dict[str, Any]) -> list[str]:
    """Fill every network with the weights that ``path`` names for it, and say where these were for another one.

    Raises:
        OptionError: all that cannot be read or do not fit.
    """
    path, faults, odd = opt["path"], [], []
    for name in [name for name in opt if name.startswith("network_")]:
        label = name.removeprefix("network_")
        if (file := path.get(f"pretrain_{name}")) and path.get(f"strict_load_{label}", True):
            try:
                found = find_params(file, path.get(f"param_key_{label}", "params"))
                fill(build_part(opt[name], "cpu"), found, file)
            except CheckpointError as error:
                faults.append(f"path:pretrain_{name}: {error}")
                continue
            odd += [other] if (other := departures(found, opt[name], file)) else []
    if faults:
        raise OptionError("\n".join(faults))
    return odd


def _run(opt: dict[str, Any]) -> Iterator[str]:
    device = "CUDA" if opt["num_gpu"] else "CPU"
    processes = f"{opt['world_size']} process" + ("es" if opt["world_size"] > 1 else "")
    yield f"{opt['name']}: {opt['model_type']} on {processes}, {device}, seed {opt['manual_seed']}"


def _data(opt: dict[str, Any], counts: dict[str, int]) -> Iterator[str]:
    for name, block in opt["datasets"].items():
        roots = ", ".join(str(value) for key, value in block.items() if key.startswith("dataroot") and value)
        scored = "" if name == "train" else ", ".join(metrics_of(opt, block))
        by = f"; scored by {scored}" if scored else ""
        yield f"{name}: {counts[name]} images, {block['name']} ({block['type']}) from {roots}{by}"


def _schedule(opt: dict[str, Any], images: int) -> Iterator[str]:
    train, block = opt["train"], opt["datasets"]["train"]
    batch, processes = block["batch_size_per_gpu"], opt["world_size"]
    together = batch * processes
    epochs = train["total_iter"] * together / (images * (block.get("dataset_enlarge_ratio") or 1))
    yield f"{train['total_iter']} iterations of {together} image(s) ({batch} a process), {epochs:.4g} epochs"
    if every := opt["val"]["val_freq"]:
        yield f"validation every {every} iterations and at the end"
    yield f"checkpoint every {opt['logger']['save_checkpoint_freq']} iterations and at the end"


def _networks(costs: list[NetworkCost]) -> Iterator[str]:
    width = max((len(cost.name) for cost in costs), default=0)
    for cost in costs:
        flops = "multiply-adds unknown" if cost.flops is None else f"{cost.flops / 1e9:.4g} G multiply-adds"
        yield (
            f"{cost.name:<{width}}  {cost.kind}: {cost.parameters:,} parameters, "
            f"{flops} for an image of {cost.side} x {cost.side}"
        )
    total = sum(cost.parameters for cost in costs)
    yield f"{'together':<{width}}  {total:,} parameters"


def _memory(opt: dict[str, Any], memory: Memory) -> Iterator[str]:
    gib = 2**30
    yield f"{memory.weights / gib:.2f} GiB for weights, gradients and optimizer states"
    if memory.kept is None:
        yield "what the step keeps for its backward pass cannot be told without running the model"
    else:
        shares = {"amp": "about half", "checkpoint": "a seventh to a third"}  # the more blocks, the less
        less = "".join(f", {share} of it with {name}" for name, share in shares.items() if opt["train"].get(name))
        kept = f"{memory.kept / gib:.2f} GiB kept for the backward pass of {images_at_once(opt)} image(s) in float32"
        yield kept + less
        yield f"{(memory.weights + memory.kept) / gib:.2f} GiB a process then; losses and work space come on top"


def _output(opt: dict[str, Any]) -> Iterator[str]:
    yield opt["path"]["experiments_root"]
    if opt["logger"]["use_tb_logger"]:
        yield f"{opt['root_path']}/tb_logger/{opt['name']}"

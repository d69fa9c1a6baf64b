"""How much memory a training step will take, counted on shapes alone: weights, optimizer, and what autograd keeps."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nerco_plugin.engine.options_parts import build
from nerco_plugin.engine.plan_networks import NetworkCost
from nerco_plugin.models.dual_loop import DualLoop

BYTES = 4  # of a float32


class Memory(NamedTuple):
    """Bytes of one process; ``kept`` is what the forward passes of a step keep for the backward pass."""

    weights: int  # with gradients, optimizer states and the moving average
    kept: int | None  # None where the networks cannot be run without their model


def expected_memory(opt: dict[str, Any], costs: list[NetworkCost]) -> Memory:
    """What one process of a training run needs at least, in float32."""
    weights = 0
    for cost in costs:
        optimizer = opt["train"].get("optim_d" if cost.name.startswith("network_d") else "optim_g") or {}
        averaged = cost.name == "network_g" and bool(opt["train"].get("ema_decay"))
        weights += cost.parameters * BYTES * (2 + states_per_weight(optimizer) + averaged)
    try:
        return Memory(weights, _kept(opt, costs))
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError):
        return Memory(weights, None)


def states_per_weight(optimizer: dict[str, Any]) -> int:
    """How many numbers an optimizer remembers for each weight, seen after one step: Adam two."""
    arguments = deepcopy(optimizer)
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.ones(3)
    chosen = getattr(torch.optim, arguments.pop("type", "Adam"))([weight], **arguments)
    chosen.step()
    return sum(isinstance(value, Tensor) and value.shape == weight.shape for value in chosen.state[weight].values())


def _kept(opt: dict[str, Any], costs: list[NetworkCost]) -> int:
    batch = images_at_once(opt)
    networks = {cost.name: build(opt[cost.name], "meta").train() for cost in costs}
    passes: dict[str, Callable[[Tensor], Any]] = dict(networks)
    if opt["model_type"] == "NeRCoModel":
        passes["network_g"] = _loop(opt, networks)
        del passes["network_degrade"]
    sides = {cost.name: cost.side for cost in costs}
    return sum(
        kept_by(run, torch.empty(batch, 3, sides[name], sides[name], device="meta")) for name, run in passes.items()
    )


def images_at_once(opt: dict[str, Any]) -> int:
    """How many images of a process go through the networks together."""
    return -(-opt["datasets"]["train"]["batch_size_per_gpu"] // opt["train"].get("accumulate", 1))


def _loop(opt: dict[str, Any], networks: dict[str, nn.Module]) -> Callable[[Tensor], Any]:
    """Both generators as a step of NeRCoModel runs them."""
    cooperative, identity = (bool(opt["train"].get(name)) for name in ("cooperative_opt", "identity_opt"))
    loop = DualLoop(networks["network_g"], networks["network_degrade"], cooperative, identity)  # type: ignore[arg-type]
    return lambda image: loop(image, image)


def kept_by(run: Callable[[Tensor], Any], image: Tensor) -> int:
    """Bytes of all tensors that autograd keeps of one call, weights aside."""
    storages: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run(image)
    del result  # until here it kept the storages, and so their addresses, apart
    return sum(storages.values())

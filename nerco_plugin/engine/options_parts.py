"""Checks the parts that ``type`` chooses (networks, losses, metrics, optimizers, schedules) against what they take."""

import inspect
from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any

import torch
from basicsr.models import lr_scheduler as basicsr_schedules
from basicsr.utils.registry import ARCH_REGISTRY, LOSS_REGISTRY, METRIC_REGISTRY, Registry

from nerco_plugin.engine.options_arguments import Block, check_arguments
from nerco_plugin.engine.options_paths import is_path
from nerco_plugin.engine.options_reads import keyword_reads
from nerco_plugin.engine.options_signature import Argument, Signature, signature_of
from nerco_plugin.engine.options_source import Faults, KeyPath, did_you_mean
from nerco_plugin.engine.options_tables import Count, Index
from nerco_plugin.models import lr_scheduler as own_schedules
from nerco_plugin.models.mended import find_schedule

IMAGES = ("img", "img2", "lq")  # what validation gives a metric
HEAVY = ("PerceptualLoss",)  # loads a network, or downloads it
REFUSALS = (  # what a constructor raises that is given something odd
    ValueError,
    TypeError,
    AssertionError,
    RuntimeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


def registered(registry: Registry, name: str) -> Any:
    """What BasicSR's ``registry.get(name)`` gives, or None where there is none; nothing goes to the console."""
    found = dict(iter(registry))
    return found.get(name) or found.get(f"{name}_basicsr")


def chosen(block: Any, keys: KeyPath, registry: Registry, kind: str, faults: Faults) -> Any:
    """The registered thing that the ``type`` of a block names; a fault and None where there is none."""
    name = type_name(block, keys, kind, faults)
    if name is None:
        return None
    found = registered(registry, name)
    if found is None:
        faults.add((*keys, "type"), f"no {kind} {name!r} is registered{did_you_mean(name, registry.keys())}")
    return found


def type_name(block: Any, keys: KeyPath, kind: str, faults: Faults) -> str | None:
    """The text under ``type``; a fault and None where the block has none."""
    if not isinstance(block, dict):
        faults.add(keys, f"expected a mapping with the type and arguments of a {kind}, got {block!r}")
    elif "type" not in block:
        faults.add(keys, f"needs 'type', the name of a {kind}")
    elif not isinstance(block["type"], str):
        faults.add((*keys, "type"), f"expected the name of a {kind}, got {block['type']!r}")
    else:
        return block["type"]
    return None


def check_network(block: Block, keys: KeyPath, faults: Faults) -> None:
    """A network: its arguments, those of networks within it, and what its class itself refuses."""
    before = len(faults.found)
    cls = chosen(block, keys, ARCH_REGISTRY, "network", faults)
    if cls is None:
        return
    check_arguments(block, keys, signature_of(cls), cls.__name__, faults)
    for key, value in block.items():
        if isinstance(value, dict) and "type" in value:
            check_network(value, (*keys, key), faults)
    if len(faults.found) == before and not any(is_path(key, value) for key, value in block.items()):
        _try(lambda **_: _build_somewhere(block), block, keys, faults)


def check_loss(block: Block, keys: KeyPath, faults: Faults) -> None:
    """A loss: its arguments, and what its class itself refuses."""
    before = len(faults.found)
    cls = chosen(block, keys, LOSS_REGISTRY, "loss", faults)
    if cls is None:
        return
    check_arguments(block, keys, signature_of(cls), cls.__name__, faults)
    if len(faults.found) == before and cls.__name__ not in HEAVY:
        _try(cls, block, keys, faults)


def check_metric(block: Block, keys: KeyPath, faults: Faults) -> Any:
    """A metric and its arguments; returns the function, or None where there is none of its name."""
    function = chosen(block, keys, METRIC_REGISTRY, "metric", faults)
    if function is not None:
        signature = signature_of(function, IMAGES)
        arguments = {"better": Argument(str, "higher"), **signature.arguments, **keyword_reads(function)}
        # BasicSR's metrics swallow every further argument, misspelt ones too
        check_arguments(block, keys, Signature(arguments, takes_others=False), function.__name__, faults)
        if block.get("better", "higher") not in ("higher", "lower"):
            faults.add((*keys, "better"), f"expected 'higher' or 'lower', got {block['better']!r}")
    return function


def check_optimizer(block: Block, keys: KeyPath, faults: Faults) -> None:
    """An optimizer of torch.optim, tried on one number, as models step it: without a closure, on a dense gradient."""
    name = type_name(block, keys, "optimizer of torch.optim", faults)
    if name is None:
        return
    known: dict[str, Any] = {key: value for key, value in vars(torch.optim).items() if _is_optimizer(value)}
    if name not in known:
        faults.add((*keys, "type"), f"torch.optim has no optimizer {name!r}{did_you_mean(name, known)}")
        return
    before = len(faults.found)
    check_arguments(block, keys, signature_of(known[name], ("params",)), name, faults)
    if "lr" not in block:
        faults.add(keys, f"{name} needs 'lr'")
    if len(faults.found) == before:
        _try(lambda **arguments: _step(known[name], arguments), block, keys, faults)


def check_schedule(block: Block, keys: KeyPath, faults: Faults) -> None:
    """A schedule of BasicSR or of nerco_plugin.models.lr_scheduler, tried on one number."""
    name = type_name(block, keys, "schedule", faults)
    if name is None:
        return
    try:
        cls: Any = find_schedule(name)
    except ValueError:
        faults.add((*keys, "type"), f"there is no schedule {name!r}{did_you_mean(name, _schedules())}")
        return
    before = len(faults.found)
    signature = signature_of(cls, ("optimizer",))
    known = {
        key: Argument(_ITERATIONS.get(key, argument.annotation), argument.default)
        for key, argument in signature.arguments.items()
    }
    check_arguments(block, keys, Signature(known, signature.takes_others), name, faults)
    if len(faults.found) == before:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        _try(lambda **arguments: cls(optimizer, **arguments), block, keys, faults)


_ITERATIONS = {"periods": list[Count], "milestones": list[Index], "restarts": list[Index]}  # BasicSR's have no types


def _schedules() -> list[str]:
    modules = (own_schedules, basicsr_schedules)
    own = [name for module in modules for name, value in vars(module).items() if _is_defined_in(module, value)]
    return ["MultiStepLR", *own]


def _is_defined_in(module: ModuleType, value: Any) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__


def _is_optimizer(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, torch.optim.Optimizer)


def _step(cls: type[torch.optim.Optimizer], arguments: dict[str, Any]) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    of_a_gpu = {"capturable"}  # refused on the CPU, where this is tried
    cls([weight], **{key: value for key, value in arguments.items() if key not in of_a_gpu}).step()


def build(block: Block, device: str) -> torch.nn.Module:
    """The network of a block; on ``meta`` it has shapes alone. Nothing is logged, no random number used up."""
    arguments = deepcopy(block)
    cls: type[torch.nn.Module] = registered(ARCH_REGISTRY, arguments.pop("type"))
    with torch.device(device), torch.random.fork_rng(devices=[]):
        return cls(**arguments)


def _build_somewhere(block: Block) -> None:
    """Build a network without memory for its weights, or, if it cannot be, as it is."""
    try:
        build(block, "meta")
    except REFUSALS:
        build(block, "cpu")


def _try(build: Callable[..., Any], block: Block, keys: KeyPath, faults: Faults) -> None:
    """Build something from a block only to hear whether its class refuses a value."""
    arguments = deepcopy(block)
    name = arguments.pop("type")
    try:
        build(**arguments)
    except REFUSALS as error:
        faults.add_refusal(arguments, keys, f"{name}: {error}")

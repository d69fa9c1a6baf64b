"""Weights of a file for a network: which of its tensors those are, and in a few words what does not fit."""

import inspect
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor, nn

from nerco_plugin.models.state_file import CheckpointError, load_safetensors, load_torch
from nerco_plugin.registry import find_network

SHOWN = 4  # tensors that a message names


class Found(NamedTuple):
    """The tensors of a file, for one network."""

    params: dict[str, Tensor]
    key: str | None  # under which the file has them; None where it is itself a state dict
    network_g: Mapping[str, Any] = MappingProxyType({})  # what it says of the network that it is for
    has_average: bool = False  # whether it has a moving average too


def find_params(path: str, param_key: str | None = "params") -> Found:
    """The weights in a .pth, BasicSR's ``{param_key: ...}`` or a bare state dict, or in a .safetensors.

    Raises:
        CheckpointError: the file cannot be read, or holds no weights.
    """
    content: Any
    if path.endswith(".safetensors"):
        content, about = load_safetensors(path)
    else:
        content, about = load_torch(path), None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not the weights of a network")
    key = next((key for key in (param_key, "params", "params_ema") if key and key in content), None)
    params = {name.removeprefix("module."): value for name, value in (content[key] if key else content).items()}
    return Found(params, key, _network_g(content.get("metadata") if key else about), "params_ema" in content)


def _network_g(metadata: Any) -> dict[str, Any]:
    """The ``network_g`` that this package keeps beside weights; empty for a file with no metadata or another's."""
    try:
        network_g = json.loads(metadata["network_g"])
    except (LookupError, TypeError, ValueError):
        return {}
    return network_g if isinstance(network_g, dict) else {}


def fill(network: nn.Module, found: Found, path: str, strict: bool = True) -> None:
    """Load what was found in ``path``; raises CheckpointError if it does not fit."""
    try:
        network.load_state_dict(found.params, strict=strict)
    except RuntimeError as error:
        words = misfits(network.state_dict(), found.params) or str(error).partition("\n")[0]
        its = f"; the file is of network_g {json.dumps(found.network_g)}" if found.network_g else ""
        raise CheckpointError(f"{path} does not fit {type(network).__name__}: {words}{its}") from error


def departures(found: Found, block: dict[str, Any], path: str) -> str:
    """Where ``path`` says another network of ``block``'s type, in words: its tensors may fit and mean other things.

    Empty where it says the same, or nothing, or is of another type.
    """
    cls = find_network(str(block.get("type")))
    if cls is None or found.network_g.get("type") != block["type"]:
        return ""
    defaults = {name: argument.default for name, argument in inspect.signature(cls).parameters.items()}
    file, here = (
        {name: json.dumps(value, default=str) for name, value in (defaults | dict(network)).items()}
        for network in (found.network_g, block)
    )
    other = [name for name in file if file[name] != here.get(name)]
    said = ", ".join(f"{name}: {file[name]} (here {here.get(name, 'unknown')})" for name in other)
    return f"{path} was saved with another network_g, {said}" if said else ""


def misfits(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> str:
    """What keeps ``got`` from being loaded, a few tensors by name; torch names all of them, in kilobytes."""
    both = [name for name in expected if name in got and expected[name].shape != got[name].shape]
    faults = [
        *(f"{name} is {_size(got[name])} instead of {_size(expected[name])}" for name in both),
        *(f"{name} is missing" for name in expected if name not in got),
        *(f"{name} is unknown" for name in got if name not in expected),
    ]
    more = f", and {len(faults) - SHOWN} tensors more" if len(faults) > SHOWN else ""
    return ", ".join(faults[:SHOWN]) + more


def _size(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a number"

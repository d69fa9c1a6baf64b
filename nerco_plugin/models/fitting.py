"""Weights of a file for a network: which of its tensors those are, and in a few words what does not fit."""

import inspect
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from nerco_plugin.models.state_file import CheckpointError, load_safetensors, load_torch
from nerco_plugin.registry import find_network

SHOWN = 4  # tensors that a message names


class Found(NamedTuple):
    """The tensors of a file, for one network."""

    params: dict[str, Tensor]
    key: str | None  # under which the file has them; None where it is itself a state dict
    network_g: str = ""  # what it says of the network that it is for, as JSON


def find_params(path: str, param_key: str | None = "params") -> Found:
    """The weights in a .pth, BasicSR's ``{param_key: ...}`` or a bare state dict, or in a .safetensors.

    Raises:
        CheckpointError: the file cannot be read, or holds no weights.
    """
    content: Any
    if path.endswith(".safetensors"):
        content, about = load_safetensors(path)
    else:
        content, about = load_torch(path), {}
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds {type(content).__name__}, not the weights of a network")
    key = next((key for key in (param_key, "params", "params_ema") if key and key in content), None)
    params = {name.removeprefix("module."): value for name, value in (content[key] if key else content).items()}
    about = about or (content.get("metadata", {}) if key else {})
    return Found(params, key, about.get("network_g", ""))


def fill(network: nn.Module, found: Found, path: str, strict: bool = True) -> None:
    """Load what was found in ``path``; raises CheckpointError if it does not fit."""
    try:
        network.load_state_dict(found.params, strict=strict)
    except RuntimeError as error:
        words = misfits(network.state_dict(), found.params) or str(error).partition("\n")[0]
        its = f"; the file is of network_g {found.network_g}" if found.network_g else ""
        raise CheckpointError(f"{path} does not fit {type(network).__name__}: {words}{its}") from error


def departures(found: Found, network_g: dict[str, Any], path: str) -> str:
    """Where ``path`` says another ``network_g`` of the same type, in words: its tensors may fit and mean other things.

    Empty where it says the same, or nothing, or is of another type.
    """
    theirs = json.loads(found.network_g) if found.network_g else {}
    cls = find_network(str(network_g.get("type")))
    if cls is None or theirs.get("type") != network_g.get("type"):
        return ""
    defaults = {name: argument.default for name, argument in inspect.signature(cls).parameters.items()}
    file, here = (
        {name: json.dumps(value, default=str) for name, value in (defaults | block).items()}
        for block in (theirs, network_g)
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

"""Weights that say which network they are for: read from .safetensors and .pth, and packaged for others to use.

Beside the tensors lie three texts: ``network_g`` (JSON: the arch's name as ``type``, and its arguments), ``options``
(the YAML that it was trained with, may be empty) and ``nerco_plugin`` (version). In a .safetensors they are its
metadata; in a .pth the entry ``metadata`` beside ``params``, which BasicSR's loader does not look at.
"""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import yaml
from torch import Tensor, nn

from nerco_plugin.engine.options_source import OptionError
from nerco_plugin.models.fitting import misfits
from nerco_plugin.models.state_file import CheckpointError, load_safetensors, load_torch, save_torch, write_bytes
from nerco_plugin.registry import find_network

State = dict[str, Tensor]


class Weights(NamedTuple):
    """A network's tensors and what rebuilds it."""

    params: State
    network_g: dict[str, Any]  # as in an option file
    options: str = ""  # the YAML text that it was trained with
    version: str = ""  # of nerco_plugin


def read_weights(path: str | Path, option_file: str | Path | None = None) -> Weights:
    """Read a packaged file, a checkpoint of a run, or any BasicSR .pth with the option file that it belongs to.

    Args:
        path: .safetensors, or .pth with ``params_ema`` (preferred), ``params``, or a bare state dict.
        option_file: where ``network_g`` is taken from; by default from the file itself, or else from the option file
            of the run in whose ``models`` folder it lies.

    Raises:
        CheckpointError: the file cannot be read, or nothing says which network it is for. Shapes alone cannot: three
            of NeRCo's options (use_position, channel_sigmoid, pool_padding) leave no trace in them.
        OptionError: the option file is at fault.
    """
    path = Path(path)
    params, about = load_safetensors(path) if path.suffix == ".safetensors" else _read_pth(path)
    if option_file is not None:
        about = _about(option_file)
    elif "network_g" not in about:
        about = _about_run(path)
    try:
        network_g = json.loads(about["network_g"])
    except (json.JSONDecodeError, TypeError) as error:
        raise CheckpointError(f"{path}: metadata network_g is no JSON: {error}") from error
    return Weights(params, network_g, about.get("options", ""), about.get("nerco_plugin", ""))


def write_weights(weights: Weights, path: str | Path) -> None:
    """Package ``weights`` as ``path``, a .safetensors or a .pth, whole or not at all.

    Raises:
        CheckpointError: they do not fit their network, the file cannot be written, or has another ending.
    """
    from nerco_plugin import __version__

    path = Path(path)
    build_network(weights, name=str(path))
    params = {name: value.detach().cpu().contiguous().clone() for name, value in weights.params.items()}
    about = {"network_g": json.dumps(weights.network_g), "options": weights.options, "nerco_plugin": __version__}
    if path.suffix == ".safetensors":
        content = safetensors.torch.save(params, metadata=about | {"format": "pt"})
        write_bytes(path, content)
    elif path.suffix == ".pth":
        save_torch({"params": OrderedDict(params), "metadata": about}, path)
    else:
        raise CheckpointError(f"{path}: expected the ending .safetensors or .pth")


def build_network(weights: Weights, name: str) -> nn.Module:
    """The network that ``weights`` are for, filled with them, in evaluation mode; ``name`` is for errors.

    Raises:
        CheckpointError: unknown arch, arguments it does not take, or tensors that do not fit.
    """
    arguments = dict(weights.network_g)
    arch = arguments.pop("type", None)
    cls = find_network(str(arch))
    if cls is None:
        raise CheckpointError(f"{name}: network_g:type: no registered arch {arch!r}")
    try:
        network: nn.Module = cls(**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{name}: network_g does not fit {arch}: {error}; it says {arguments}") from error
    try:
        network.load_state_dict(weights.params, strict=True)
    except RuntimeError as error:
        faults = misfits(network.state_dict(), weights.params) or str(error).partition("\n")[0]
        raise CheckpointError(f"{name} does not fit {arch} with {arguments}: {faults}") from error
    return network.eval()


def _read_pth(path: Path) -> tuple[State, dict[str, str]]:
    content = load_torch(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: expected a mapping of tensors, got {type(content).__name__}")
    key = next((key for key in ("params_ema", "params") if key in content), None)
    params = content[key] if key else content
    if not params or not all(isinstance(value, Tensor) for value in params.values()):
        raise CheckpointError(f"{path}: expected tensors under 'params_ema', 'params', or as the file itself")
    return {name.removeprefix("module."): value for name, value in params.items()}, content.get("metadata", {})


def _about(option_file: str | Path) -> dict[str, str]:
    from nerco_plugin.engine.options import load_options  # with all that checks options: weights say theirs mostly

    options = load_options(option_file)
    if not isinstance(options.get("network_g"), dict):
        raise OptionError(f"{option_file}: network_g is missing, which says what network the weights are for")
    text = yaml.safe_dump(options, sort_keys=False, allow_unicode=True)
    return {"network_g": json.dumps(options["network_g"]), "options": text}


def _about_run(path: Path) -> dict[str, str]:
    """From the option file that training keeps beside its ``models`` folder.

    Its ``base`` is named relative to where it was copied from: the project's ``options`` then has the original.
    """
    run = path.resolve().parent.parent
    kept = sorted(run.glob("*.yml")) if path.resolve().parent.name == "models" else []
    faults = []
    for copy in kept:
        for file in (copy, *sorted((run.parent.parent / "options").glob(f"**/{copy.name}"))):
            try:
                return _about(file)
            except OptionError as error:
                faults.append(str(error))
    raise CheckpointError(
        "\n".join([f"{path} does not say which network it is for; name its option file (--opt)", *faults])
    )

"""Weights and states as files: written whole or not at all, read back without running code from them."""

import pickle
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from nerco_plugin.models.checkpoint_error import CheckpointError
from nerco_plugin.whole_file import whole_file

FOREIGN = {  # what torch.load is not for, by a file's ending
    ".onnx": "an ONNX model has no weights to go on with; name the .pth or .safetensors that it was exported from",
    ".pt2": "an exported program has no weights to go on with; name the .pth or .safetensors that it was exported from",
    ".safetensors": "a .safetensors that is damaged, or that stands where a .pth is expected",
}
NO_CHECKPOINT = (  # what torch.load raises for files that are none, or damaged ones
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(AssertionError, pickle.UnpicklingError, struct.error, SafetensorError),
)


def write_atomically(path: str | Path, write: Callable[[BinaryIO], Any]) -> None:
    """Make ``path``, and its folder, of what ``write`` writes, by :func:`~nerco_plugin.whole_file.whole_file`.

    Raises:
        CheckpointError: the file cannot be written (full disk, ...); ``path`` is then as it was.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary, temporary.open("wb") as file:
            write(file)
    except (OSError, RuntimeError) as error:  # torch.save turns a failed write into a RuntimeError
        raise CheckpointError(f"cannot write {path}: {error}") from error


def write_bytes(path: str | Path, content: bytes) -> None:
    """A file of ``content``, all or nothing. Raises CheckpointError as :func:`write_atomically`."""
    write_atomically(path, lambda file: file.write(content))


def save_torch(content: Any, path: str | Path) -> None:
    """``torch.save``, all or nothing. Raises CheckpointError as :func:`write_atomically`."""
    write_atomically(path, lambda file: torch.save(content, file))


def load_torch(path: str | Path) -> Any:
    """``torch.load`` onto the CPU with ``weights_only=True``.

    Raises:
        CheckpointError: the file is absent, damaged, or holds more than tensors and plain data.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what a file that is no checkpoint may be
            content = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(content, torch.jit.ScriptModule):  # torch 2.4 loads what newer ones refuse
            raise RuntimeError("TorchScript")
        return content
    except FileNotFoundError as error:
        raise CheckpointError(f"no such file: {path}") from error
    except NO_CHECKPOINT as error:
        raise CheckpointError(f"cannot read {path}: {_reason(Path(path), error)}") from error


def _reason(path: Path, error: Exception) -> str:
    """In our own words: torch's are long, and advise to run whatever code a file holds."""
    if path.suffix.lower() in FOREIGN:
        return FOREIGN[path.suffix.lower()]
    if "TorchScript" in str(error):
        return "a TorchScript program; expected the network's state_dict, saved by torch.save"
    if found := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it holds code ({found[1]}), which is not run; expected tensors: save the network's state_dict instead"
    if isinstance(error, OSError):
        return str(error)
    is_plain = isinstance(error, RuntimeError) and "weights_only" not in str(error)
    detail = f" ({str(error).partition('. ')[0]})" if is_plain else ""
    return f"no PyTorch checkpoint, or a damaged one{detail}; expected a .pth as torch.save writes it"


def load_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a .safetensors, on the CPU, and its metadata.

    Raises:
        CheckpointError: the file is absent or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error

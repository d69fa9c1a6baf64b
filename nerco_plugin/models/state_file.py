"""Files that are whole or absent: written aside, synced and renamed; read back without running code from them."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or used; the message names the file."""


def write_atomically(path: str | Path, write: Callable[[BinaryIO], Any]) -> None:
    """Call ``write`` on a temporary file, sync it, and rename it to ``path``.

    Raises:
        CheckpointError: the file cannot be written (full disk, missing folder, ...); ``path`` is then as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch.save turns a failed write into a RuntimeError
        temporary.unlink(missing_ok=True)
        raise CheckpointError(f"cannot write {path}: {error}") from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_torch(content: Any, path: str | Path) -> None:  # noqa: ANN401
    """``torch.save``, all or nothing. Raises CheckpointError as :func:`write_atomically`."""
    write_atomically(path, lambda file: torch.save(content, file))


def load_torch(path: str | Path) -> Any:  # noqa: ANN401
    """``torch.load`` onto the CPU with ``weights_only=True``.

    Raises:
        CheckpointError: the file is absent, damaged, or holds more than tensors and plain data.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"no such file: {path}") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"cannot read {path}: damaged, or no file of plain tensors: {error}") from error


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

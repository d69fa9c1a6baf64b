"""The weights that lie in this package, by name; their SHA-256 stands beside them in ``SHA256SUMS``."""

import hashlib
from importlib.resources import files
from pathlib import Path

DEFAULT = "nerco_small"
FOLDER = Path(str(files("nerco_plugin"))) / "weights"
SUMS = "SHA256SUMS"


class WeightsMissingError(FileNotFoundError):
    """No such weights on this machine, and none to be had; the message says what to do."""


def packaged_weights(name: str = DEFAULT) -> Path:
    """The file of packaged weights, unharmed.

    Raises:
        WeightsMissingError: this installation lacks it, or holds another file in its place.
    """
    path = FOLDER / f"{name}.safetensors"
    remedy = "install nerco_plugin again, or name other weights"
    try:
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
        promised = _promised(path.name)
    except OSError as error:
        raise WeightsMissingError(f"packaged weights {name}: cannot read {error.filename}; {remedy}") from error
    if actual != promised:
        said = f"{SUMS} says {promised}" if promised else f"{SUMS} does not name it"
        raise WeightsMissingError(f"packaged weights {name}: {path} is damaged: SHA-256 {actual}, {said}; {remedy}")
    return path


def _promised(file: str) -> str | None:
    lines = (FOLDER / SUMS).read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in lines if line.split()[1:] == [file]), None)

"""Checkpoints of a run: which are complete (a manifest says), how to go on from one, and which to keep."""

import hashlib
import json
from pathlib import Path
from typing import Any

from basicsr.utils import get_root_logger

from nerco_plugin.models.state_file import CheckpointError, load_torch, write_atomically

Entry = dict[str, Any]  # {"iter", "files": {path in the run's folder: {"bytes", "sha256"}}, "validation"}


class Checkpoints:
    """The checkpoints of the run in ``folder`` (experiments/NAME), listed in training_states/manifest.json.

    A checkpoint is complete once the manifest, which is written last, names its files with their sizes and hashes.

    Args:
        folder: of the run.
        keep_last: how many of the newest to keep; None keeps all.
        keep_best: how many to keep for their validation score.
    """

    def __init__(self, folder: str | Path, keep_last: int | None = None, keep_best: int = 0) -> None:
        self.folder = Path(folder)
        self.manifest = self.folder / "training_states" / "manifest.json"
        self.keep_last = keep_last
        self.keep_best = keep_best
        self.entries: list[Entry] = self._read()

    def _read(self) -> list[Entry]:
        try:
            entries = json.loads(self.manifest.read_text(encoding="utf-8"))["checkpoints"]
            return sorted(entries, key=lambda entry: entry["iter"])
        except FileNotFoundError:
            states = (self.folder / "training_states").glob("*.state")  # BasicSR's own runs have no manifest
            return [self._entry(int(state.stem)) for state in sorted(states, key=lambda path: int(path.stem))]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self.manifest} is damaged ({error}): remove it to use the files as they are"
            ) from error

    def _entry(self, iteration: int) -> Entry:
        paths = sorted((self.folder / "models").glob(f"net_*_{iteration}.pth"))
        paths.append(self.folder / "training_states" / f"{iteration}.state")
        files = {path.relative_to(self.folder).as_posix(): _fingerprint(path) for path in paths}
        return {"iter": iteration, "files": files, "validation": None}

    def _write(self) -> None:
        text = json.dumps({"version": 1, "checkpoints": self.entries}, indent=1)
        write_atomically(self.manifest, lambda file: file.write(text.encode()))

    def find(self, iteration: int) -> Entry | None:
        """The entry of that iteration."""
        return next((entry for entry in self.entries if entry["iter"] == iteration), None)

    def add(self, iteration: int) -> None:
        """Enter the files written for ``iteration`` as a complete checkpoint, and remove what need not be kept."""
        self.entries = [entry for entry in self.entries if entry["iter"] < iteration] + [self._entry(iteration)]
        self._write()

    def last_complete(self) -> Entry | None:
        """The newest checkpoint whose files are all there and unharmed; says in the log which it had to pass over."""
        for entry in reversed(self.entries):
            fault = self.fault(entry)
            if fault is None:
                return entry
            get_root_logger().warning(
                f"Checkpoint {entry['iter']} cannot be used: {fault}. Falling back to an earlier one."
            )
        return None

    def fault(self, entry: Entry) -> str | None:
        """What is wrong with the files of ``entry``."""
        for name, expected in entry["files"].items():
            path = self.folder / name
            if not path.is_file():
                return f"{path} is missing"
            if path.stat().st_size != expected["bytes"]:
                return f"{path} has {path.stat().st_size} bytes, not {expected['bytes']}"
            if _fingerprint(path) != expected:
                return f"{path} has changed since it was written"
        return None

    def restore(self, entry: Entry, model: Any) -> dict[str, Any]:  # noqa: ANN401
        """Fill the networks and everything else of ``model`` from ``entry``; returns the training state.

        Raises:
            CheckpointError: a file cannot be read, or does not fit the model.
        """
        for name in entry["files"]:
            if name.startswith("models/"):
                _restore_network(model, self.folder / name, label=Path(name).stem.removesuffix(f"_{entry['iter']}"))
        state = load_torch(self.folder / "training_states" / f"{entry['iter']}.state")
        model.resume_training(state)
        return state


def _restore_network(model: Any, path: Path, label: str) -> None:  # noqa: ANN401
    for key, weights in load_torch(path).items():
        name = label + key.removeprefix("params")  # params -> net_g, params_ema -> net_g_ema
        if not hasattr(model, name):
            raise CheckpointError(f"{path} holds {name!r}, which these options do not build")
        try:
            model.get_bare_model(getattr(model, name)).load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit {name}: {error}") from error


def _fingerprint(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}

"""Where a run begins: anew, or after the last complete checkpoint of itself or of what ``resume_state`` names."""

from pathlib import Path
from typing import Any, NamedTuple

from basicsr.utils import get_root_logger

from nerco_plugin.engine.checkpoint import Checkpoints, Entry
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.resumed_options import differences
from nerco_plugin.models.fitting import Found, fill
from nerco_plugin.models.state_file import CheckpointError, load_torch


class Start(NamedTuple):
    """A checkpoint to go on from (``entry`` is None for a new run), in the folder of its run."""

    folder: Path
    entry: Entry | None = None
    notes: list[str] = []

    def restore(self, model: Any, opt: dict[str, Any]) -> dict[str, Any]:
        """Fill the networks and everything else of ``model``, random numbers last; returns the training state.

        Where the state was written with other options than ``opt``, the log says which hold.

        Raises:
            CheckpointError: a file cannot be read, or does not fit the model.
            OptionError: the state cannot go on under these options.
        """
        iteration = self.entry["iter"] if self.entry else None
        state = load_torch(self.folder / "training_states" / f"{iteration}.state")
        changes = differences(opt, state)
        for name in self.entry["files"] if self.entry else []:
            if name.startswith("models/"):
                restore_network(model, self.folder / name, label=Path(name).stem.removesuffix(f"_{iteration}"))
        model.resume_training(state)
        for line in changes:
            get_root_logger().warning(line)
        return state


def find_start(opt: dict[str, Any], checkpoints: Checkpoints) -> Start:
    """``--auto_resume`` looks in the run's own folder first, wherever it was called from; then ``path:resume_state``.

    Raises:
        CheckpointError: there are checkpoints, and none is whole.
        OptionError: ``resume_state`` is no training state of a run.
    """
    if opt["auto_resume"] and checkpoints.entries:
        return newest(checkpoints)
    if opt["path"].get("resume_state"):
        state = Path(opt["path"]["resume_state"])
        if state.suffix != ".state" or not state.stem.isdecimal():
            raise OptionError(f"path:resume_state: expected .../training_states/ITERATION.state, got {state}")
        return newest(Checkpoints(state.parent.parent), until=int(state.stem))
    return Start(checkpoints.folder)


def newest(checkpoints: Checkpoints, until: int | None = None) -> Start:
    """The last complete one of ``checkpoints``. Raises CheckpointError as :func:`find_start`."""
    entry, notes = checkpoints.last_complete(until)
    if entry is None:
        reasons = "\n  ".join(notes or ["there is none"])
        raise CheckpointError(f"no complete checkpoint in {checkpoints.folder}:\n  {reasons}")
    if notes:
        notes.append(f"falling back to checkpoint {entry['iter']}")
    return Start(checkpoints.folder, entry, notes)


def restore_network(model: Any, path: Path, label: str) -> None:
    """Fill ``model.LABEL`` from 'params' and ``model.LABEL_ema`` from 'params_ema' of a network's file.

    A moving average that the run did not have begins at the network's own weights.

    Raises:
        CheckpointError: the file cannot be read, or the model has no such network or another one.
    """
    content = load_torch(path)
    if "params" in content and "params_ema" not in content and hasattr(model, f"{label}_ema"):
        get_root_logger().warning(f"{path} has no moving average: it begins at the network's own weights.")
        content["params_ema"] = content["params"]
    for key, weights in content.items():
        if key == "metadata":
            continue
        name = label + key.removeprefix("params")
        if not hasattr(model, name):
            raise CheckpointError(f"{path} holds {name!r}, which these options do not build")
        fill(model.get_bare_model(getattr(model, name)), Found(weights, key), str(path))

"""The checkpoints of a run: a manifest says which are complete, which scored best, and so which to keep."""

import hashlib
import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from nerco_plugin.models.state_file import CheckpointError, load_torch, write_bytes

Entry = dict[str, Any]  # iter; files: path in the run's folder -> {bytes, sha256}; validation: None or {scores, best}


class Judge(NamedTuple):
    """By what ``keep_best`` compares checkpoints: one metric on one validation set."""

    data_set: str
    metric: str
    higher: bool


class Checkpoints:
    """The checkpoints in ``folder`` (experiments/NAME), as training_states/manifest.json lists them.

    The manifest is written after the files it names, with their sizes and hashes: what it lists was complete. Where
    there is none (BasicSR's own runs) or it is damaged, every state counts whose files can be read.

    Args:
        folder: of the run.
        keep_last: how many of the newest to keep, at least one; None keeps all.
        keep_best: how many to keep beside them for their score; of equal scores the earliest.
        judge: which score.
    """

    def __init__(
        self, folder: str | Path, keep_last: int | None = None, keep_best: int = 0, judge: Judge | None = None
    ) -> None:
        self.folder = Path(folder)
        self.manifest = self.folder / "training_states" / "manifest.json"
        self.keep_last = keep_last
        self.keep_best = keep_best if judge else 0
        self.judge = judge
        self.entries: list[Entry] = self._read()

    def _read(self) -> list[Entry]:
        try:
            entries = json.loads(self.manifest.read_text(encoding="utf-8"))["checkpoints"]
            return sorted(entries, key=lambda entry: entry["iter"])
        except (OSError, ValueError, KeyError, TypeError):
            states = (self.folder / "training_states").glob("*.state")
            iterations = sorted(int(state.stem) for state in states if state.stem.isdecimal())
            return [self._entry(iteration, files=self._found(iteration)) for iteration in iterations]

    def _entry(self, iteration: int, files: list[Path], fingerprints: bool = False) -> Entry:
        names = {
            path.relative_to(self.folder).as_posix(): fingerprint(path) if fingerprints else None for path in files
        }
        return {"iter": iteration, "files": names, "validation": None}

    def _found(self, iteration: int) -> list[Path]:
        networks = sorted((self.folder / "models").glob(f"net_*_{iteration}.pth"))
        return [*networks, self.folder / "training_states" / f"{iteration}.state"]

    def _write(self) -> None:
        text = json.dumps({"version": 1, "checkpoints": self.entries}, indent=1)
        write_bytes(self.manifest, text.encode())

    def add(self, iteration: int) -> None:
        """Enter the files written for ``iteration`` as a complete checkpoint, and remove what need not be kept.

        Later ones are of a course that was given up, when an earlier checkpoint was resumed from: they go, or with
        ``keep_last`` None leave the list alone.
        """
        entry = self._entry(iteration, self._found(iteration), fingerprints=True)
        given_up = [entry for entry in self.entries if entry["iter"] > iteration]
        self.entries = [*(entry for entry in self.entries if entry["iter"] < iteration), entry]
        self._write()
        if self.keep_last is not None:  # only now: until the list tells of the new one, a later one is the last
            self._remove(given_up)
        self._prune()

    def discard(self, iteration: int) -> None:
        """Remove what was written of a checkpoint that could not be finished, unless a whole one is in its place."""
        if any(entry["iter"] == iteration and self.fault(entry) is None for entry in self.entries):
            return  # of an earlier course of the run; nothing was written yet
        for path in self._found(iteration):
            path.unlink(missing_ok=True)

    def add_scores(self, iteration: int, scores: dict[str, dict[str, float]], best: dict[str, Any]) -> None:
        """Note the validation of ``iteration`` with its checkpoint, if there is one."""
        for entry in self.entries:
            if entry["iter"] == iteration:
                entry["validation"] = {"scores": scores, "best": deepcopy(best)}  # the run goes on with its own
                self._write()
                self._prune()

    def _prune(self) -> None:
        if self.keep_last is None:
            return
        kept = [*self.entries[-max(1, self.keep_last) :], *self._best()]
        spare = [entry for entry in self.entries if entry not in kept]
        self._remove(spare)
        if spare:  # only now: an interruption leaves entries without files, never files without entries
            self.entries = [entry for entry in self.entries if entry not in spare]
            self._write()

    def _remove(self, entries: list[Entry]) -> None:
        for name in [name for entry in entries for name in entry["files"]]:
            (self.folder / name).unlink(missing_ok=True)

    def _best(self) -> list[Entry]:
        scored = [entry for entry in self.entries if self._rank(entry) < math.inf]  # a perfect PSNR is infinite
        return sorted(scored, key=self._rank)[: self.keep_best]

    def _rank(self, entry: Entry) -> float:
        """Lower is better; infinite without a score."""
        scores = (entry["validation"] or {}).get("scores", {})
        value = scores.get(self.judge.data_set, {}).get(self.judge.metric, math.nan) if self.judge else math.nan
        if math.isnan(value):
            return math.inf
        return -value if self.judge and self.judge.higher else value

    def last_complete(self, until: int | None = None) -> tuple[Entry | None, list[str]]:
        """The newest checkpoint (not after ``until``) whose files are whole, and why newer ones were passed over."""
        notes: list[str] = []
        for entry in reversed(self.entries):
            if until is not None and entry["iter"] > until:
                continue
            fault = self.fault(entry)
            if fault is None:
                return entry, notes
            notes.append(f"checkpoint {entry['iter']} cannot be used: {fault}")
        return None, notes

    def fault(self, entry: Entry) -> str | None:
        """What is wrong with the files of ``entry``; None if nothing is."""
        for name, expected in entry["files"].items():
            path = self.folder / name
            if not path.is_file():
                return f"{path} is missing"
            if expected is None:
                try:
                    load_torch(path)
                except CheckpointError as error:
                    return str(error)
            elif path.stat().st_size != expected["bytes"]:
                return f"{path} has {path.stat().st_size} bytes instead of {expected['bytes']}"
            elif fingerprint(path) != expected:
                return f"the content of {path} has changed since it was written"
        return None


def fingerprint(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}

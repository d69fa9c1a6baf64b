"""A training run read back from its log: BasicSR's lines of loss terms, learning rates and validation scores."""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

Points = list[tuple[int, float]]  # (iteration, value), iterations rising; nan where the log says so

STEP = re.compile(
    r"\[epoch:\s*\d+, iter:\s*([\d,]+), lr:\(([^)]*)\)\]\s*(?:\[eta:.*?time \(data\): ([\d.]+) [^]]*\])?(.*)"
)
TERM = re.compile(r"(\S+): (-?\d\.\d+e[+-]\d+|-?inf|nan)(?=\s)")
DATA_SET = re.compile(r"INFO: Validation (.+)$")
SCORE = re.compile(r"^\t # (\S+): (\S+)(?:\tBest: (\S+) @ (\d+) iter)?")
INTERVAL = re.compile(r"^\s*val_freq: (\d+)")
TOTAL = re.compile(r"^\s*total_iter: (\d+)")


class RunLogError(ValueError):
    """No log, or one without a single line of training."""


@dataclass
class RunLog:
    """Everything that a run's log tells over iterations.

    ``scores`` is by (data set, metric), ``best`` (value, iteration) by the same.
    """

    terms: dict[str, Points] = field(default_factory=dict)
    rates: dict[str, Points] = field(default_factory=dict)
    seconds: Points = field(default_factory=list)
    scores: dict[tuple[str, str], Points] = field(default_factory=dict)
    best: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def series(self) -> list[Points]:
        """All curves."""
        return [*self.terms.values(), *self.rates.values(), self.seconds, *self.scores.values()]

    @property
    def last_iteration(self) -> int:
        """The last iteration of which anything is known; 0 for an empty log."""
        return max((points[-1][0] for points in self.series() if points), default=0)


class LogReader:
    """Adds the lines of one log file after another to a RunLog; a later file replaces what it trains anew."""

    def __init__(self) -> None:
        self.run = RunLog()
        self.interval = self.total = self.iteration = 0
        self.data_set = ""
        self.begins = False

    def read(self, path: Path) -> None:
        """Add a log file."""
        self.begins = True
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.endswith("\n"):  # the last line of a living run may be half written
                    self.add(line[:-1])

    def add(self, line: str) -> None:
        """Add one line, if it is of a kind that matters."""
        if step := STEP.search(line):
            self.add_step(*step.groups())
        elif data_set := DATA_SET.search(line):
            self.data_set = data_set.group(1)
        elif self.data_set and (score := SCORE.match(line)):
            self.add_score(*score.groups())
        elif interval := INTERVAL.match(line):
            self.interval = int(interval.group(1))
        elif total := TOTAL.match(line):
            self.total = int(total.group(1))

    def add_step(self, iteration: str, rates: str, seconds: str | None, terms: str) -> None:
        """A line of loss terms."""
        self.iteration = int(iteration.replace(",", ""))
        if self.begins:
            self.forget_from(self.iteration)
        names = [rate for rate in rates.split(",") if rate]
        for number, rate in enumerate(names):
            label = "learning rate" if len(names) == 1 else f"learning rate {number + 1}"
            self.run.rates.setdefault(label, []).append((self.iteration, float(rate)))
        if seconds:
            self.run.seconds.append((self.iteration, float(seconds)))
        for name, value in TERM.findall(f"{terms} "):
            self.run.terms.setdefault(name, []).append((self.iteration, float(value)))

    def forget_from(self, iteration: int) -> None:
        """A resumed run begins before the earlier one ended: drop what is trained again."""
        self.begins = False
        for points in self.run.series():
            points[:] = [point for point in points if point[0] < iteration]

    def add_score(self, metric: str, value: str, best: str | None, best_iteration: str | None) -> None:
        """A line of a validation block; "n/a" counts as nan."""
        key = (self.data_set, metric)
        score = math.nan if value == "n/a" else float(value)
        points = self.run.scores.setdefault(key, [])
        iteration = self.validated_at()
        if not points or points[-1][0] < iteration:
            points.append((iteration, score))
        if best and best_iteration:
            self.run.best[key] = (float(best), int(best_iteration))

    def validated_at(self) -> int:
        """The log does not say when a validation was: it is the first multiple of val_freq from the last line on."""
        due = -(-self.iteration // self.interval) * self.interval if self.interval else self.iteration
        return min(due, self.total) if self.total else due


def read_run(folder: Path) -> RunLog:
    """Read all ``train_*.log`` of an experiment folder, in the order of the time in their names.

    Raises:
        RunLogError: no log there, or no line of training in any.
    """
    logs = sorted(folder.glob("train_*.log"), key=lambda path: path.stem.split("_")[-2:])
    if not logs:
        raise RunLogError(f"no train_*.log in {folder}: name the folder of a run, experiments/NAME")
    reader = LogReader()
    for path in logs:
        reader.read(path)
    if not reader.run.last_iteration:
        raise RunLogError(f"{logs[-1]} has no line of training yet (logger:print_freq says how often one comes)")
    return reader.run

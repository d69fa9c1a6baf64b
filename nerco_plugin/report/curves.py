"""The page of a training run: loss terms, learning rate, validation scores and sample pictures over iterations."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from nerco_plugin.report.page import render
from nerco_plugin.report.pairs import image_size, natural_order
from nerco_plugin.report.run_log import Points, RunLog, read_run
from nerco_plugin.whole_file import whole_file

MOST_POINTS = 3000
SAMPLE = re.compile(r"(.+)_(\d+)$")


def write_curves(experiment: Path) -> Path:
    """Write ``curves.html`` into ``experiments/NAME`` from the logs there and ``visualization/IMAGE/IMAGE_ITER.png``.

    The page shows the pictures where they lie: it works offline as long as it stays in the run's folder. May be called
    at any time, also while the run goes on.

    Returns:
        The page's path.

    Raises:
        RunLogError: no log, or nothing in it.
    """
    run = read_run(experiment)
    title = f"Training of {experiment.resolve().name}"
    page = render(title, scripts=("compare.js", "curves.js"), data=curves_data(run, experiment, title=title))
    with whole_file(experiment / "curves.html") as draft:
        draft.write_text(page, encoding="utf-8")
    return experiment / "curves.html"


def curves_data(run: RunLog, experiment: Path, title: str) -> dict[str, object]:
    """What the page draws."""
    groups = {
        "Validation": {f"{metric}, {data_set}": points for (data_set, metric), points in run.scores.items()},
        "Loss terms": run.terms,
        "Pace": run.rates | ({"seconds an iteration": run.seconds} if run.seconds else {}),
    }
    best = {f"{metric}, {data_set}": value for (data_set, metric), value in run.best.items()}
    return {
        "title": title,
        "subtitle": f"Up to iteration {run.last_iteration:,}.",
        "last": run.last_iteration,
        "groups": [{"title": name, "charts": charts(curves, best)} for name, curves in groups.items() if curves],
        "samples": samples(experiment),
    }


def charts(curves: Mapping[str, Points], best: Mapping[str, tuple[float, int]]) -> list[dict[str, object]]:
    """One chart a curve, of at most 3000 points; nan and infinity are gaps."""
    drawn: list[dict[str, object]] = []
    for name, points in curves.items():
        kept = points[:: math.ceil(len(points) / MOST_POINTS)] if points else []
        finite = [(iteration, value if math.isfinite(value) else None) for iteration, value in kept]
        drawn.append({"name": name, "points": finite, "best": best.get(name)})
    return drawn


def samples(experiment: Path) -> list[dict[str, object]]:
    """The pictures that validations saved, by image, each with its iterations in order."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(experiment.glob("visualization/*/*.png")):
        if parts := SAMPLE.match(path.stem):
            found.setdefault(parts[1], []).append((int(parts[2]), path))
    return [
        {
            "name": name,
            "size": image_size(pictures[0][1]),
            "pictures": [
                {"iteration": iteration, "src": quote(path.relative_to(experiment).as_posix())}
                for iteration, path in sorted(pictures)
            ],
        }
        for name, pictures in sorted(found.items(), key=lambda item: natural_order(item[0]))
    ]

"""A benchmark's figures as data: means, the best and second of a column, and the JSON, CSV and Markdown forms."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from nerco_plugin.report.columns import Column
from nerco_plugin.report.scoring import ScoredSet

Means = dict[str, dict[str, float | None]]


def mean_scores(scored: Sequence[ScoredSet], columns: Sequence[Column]) -> Means:
    """Mean of every column over the images where it is defined, by method; ``None`` where it never is."""

    def mean(method: str, key: str) -> float | None:
        values = [v for images in scored if (v := images.scores[method].values[key]) is not None]
        return sum(values) / len(values) if values else None

    return {method: {column.key: mean(method, column.key) for column in columns} for method in scored[0].scores}


def places(values: Mapping[str, float | None], column: Column) -> dict[str, int]:
    """Place (1 or 2) of the best and second by name, compared as shown; nobody has one where fewer than two compete."""
    shown = {name: float(column.show(value)) for name, value in values.items() if value is not None}
    if len(shown) < 2:
        return {}
    ranking = sorted(set(shown.values()), reverse=column.higher_is_better)
    return {name: ranking.index(value) + 1 for name, value in shown.items() if value in ranking[:2]}


def marks(
    means: Means, columns: Sequence[Column], unranked: frozenset[str] = frozenset()
) -> dict[str, dict[str, int | None]]:
    """Place (1, 2 or None) of every method in every column, by method and key; ``unranked`` methods get none."""
    competing = {method: row for method, row in means.items() if method not in unranked}
    ranks = {c.key: places({method: row[c.key] for method, row in competing.items()}, c) for c in columns}
    return {method: {c.key: ranks[c.key].get(method) for c in columns} for method in means}


def as_data(scored: Sequence[ScoredSet], columns: Sequence[Column], method: str) -> dict[str, object]:
    """``mean``, ``images`` and, where some score is undefined, ``undefined`` with the reasons, for one method."""
    reasons = {images.name: images.scores[method].reasons for images in scored if images.scores[method].reasons}
    data: dict[str, object] = {
        "mean": mean_scores(scored, columns)[method],
        "images": {images.name: images.scores[method].values for images in scored},
    }
    return data | ({"undefined": reasons} if reasons else {})


def as_csv(scored: Sequence[ScoredSet], columns: Sequence[Column]) -> str:
    """One row for each image and method; "n/a" where a score is undefined."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "method", *(column.key for column in columns)])
    for images in scored:
        for method, score in images.scores.items():
            values = (score.values[column.key] for column in columns)
            writer.writerow([images.name, method, *("n/a" if value is None else f"{value:.6g}" for value in values)])
    return text.getvalue()


def markdown_table(means: Means, columns: Sequence[Column], unranked: frozenset[str] = frozenset()) -> str:
    """Rows of methods, columns of scores; the best is bold, the second underlined, arrows say which way is better."""
    head = ["method", *(f"{column.label} {'↑' if column.higher_is_better else '↓'}" for column in columns)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    ranks = marks(means, columns, unranked)
    styles = {1: "**{}**", 2: "<u>{}</u>", None: "{}"}
    for method, row in means.items():
        cells = [styles[ranks[method][c.key]].format(c.show(row[c.key])) for c in columns]
        lines.append(f"| {' | '.join([plain(method), *cells])} |")
    return "\n".join(lines)


def plain(name: str) -> str:
    """A name for Markdown, in which nothing is markup or ends a line or a cell."""
    return re.sub(r"([\\`*|<&])", r"\\\1", " ".join(name.split()))


def undefined_notes(scored: Sequence[ScoredSet], columns: Sequence[Column]) -> list[str]:
    """One line for every score that is missing, and why; means leave these images out."""
    labels = {column.key: column.label for column in columns}
    return [
        f"{labels[key]} is n/a for {images.name} by {method}: {reason}"
        for images in scored
        for method, score in images.scores.items()
        for key, reason in score.reasons.items()
    ]

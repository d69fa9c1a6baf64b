"""The benchmark page: index.html from scored images; the pictures lie beside it in index_files/."""

from collections.abc import Sequence

from nerco_plugin.report.columns import Column
from nerco_plugin.report.page import render
from nerco_plugin.report.paper_table import PaperTable
from nerco_plugin.report.pictures import LONGEST_SIDE
from nerco_plugin.report.scoring import ScoredSet
from nerco_plugin.report.tables import Means, marks, mean_scores, undefined_notes


def benchmark_page(
    scored: Sequence[ScoredSet],
    columns: Sequence[Column],
    title: str,
    heading: str,
    with_truth: bool,
    paper: PaperTable | None = None,
) -> str:
    """The page as HTML; the picture of image i in role r is ``index_files/{i:04d}_{r}.jpg``, see ``score_set``."""
    methods = list(scored[0].scores)
    data = {
        "title": title,
        "subtitle": heading + f"; pictures on this page are JPEG copies of at most {LONGEST_SIDE} px.",
        "methods": methods,
        "truth": with_truth,
        "columns": [column_data(column) for column in columns],
        "means": table_rows(mean_scores(scored, columns), columns),
        "images": [image_data(number, images, columns) for number, images in enumerate(scored)],
        "notes": undefined_notes(scored, columns),
        "paper": paper and paper_data(paper),
    }
    return render(title, scripts=("compare.js", "benchmark_charts.js", "benchmark.js"), data=data)


def column_data(column: Column) -> dict[str, object]:
    """What the page needs to know of a column."""
    return {
        "key": column.key,
        "label": column.label,
        "up": column.higher_is_better,
        "digits": column.digits,
        "meaning": column.meaning,
    }


def table_rows(
    means: Means, columns: Sequence[Column], own: frozenset[str] = frozenset(), unranked: frozenset[str] = frozenset()
) -> list[dict[str, object]]:
    """Rows of a table of methods; those in ``own`` are set off."""
    ranks = marks(means, columns, unranked)
    return [
        {
            "name": name,
            "values": [row[c.key] for c in columns],
            "marks": list(ranks[name].values()),
            "own": name in own,
        }
        for name, row in means.items()
    ]


def image_data(number: int, images: ScoredSet, columns: Sequence[Column]) -> dict[str, object]:
    """One image: its scores, marks and reasons by method, and its histograms by role."""
    scores = {method: score.values for method, score in images.scores.items()}
    return {
        "index": number,
        "name": images.name,
        "size": images.size,
        "scores": [[values[c.key] for c in columns] for values in scores.values()],
        "marks": [list(row.values()) for row in marks(scores, columns).values()],
        "reasons": [score.reasons for score in images.scores.values()],
        "histograms": images.histograms,
    }


def paper_data(paper: PaperTable) -> dict[str, object]:
    """The paper's table with the run's rows."""
    return {
        "title": paper.title,
        "columns": [column_data(column) for column in paper.columns],
        "rows": table_rows(paper.rows, paper.columns, own=paper.own, unranked=paper.unranked),
        "note": paper.note,
    }

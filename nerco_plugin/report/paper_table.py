"""The paper's Tables 1 and 2, with a run's rows under them and what is comparable said in a line."""

import json
from dataclasses import dataclass
from functools import cache

from nerco_plugin.report.columns import COLUMNS, Column
from nerco_plugin.report.page import read_resource
from nerco_plugin.report.tables import Means

NAMES = ("LOL", "LSRW", "LIME", "ablation")


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper with a run's rows below (``own``); ``note`` says what compares.

    ``unranked`` are those of the run's rows that do not compare and so take no place.
    """

    title: str
    columns: list[Column]
    rows: Means
    own: frozenset[str]
    unranked: frozenset[str]
    note: str


@cache
def tables() -> dict[str, dict]:
    """All of ``paper_tables.json``."""
    return json.loads(read_resource("paper_tables.json"))


def with_run(name: str, means: Means, count: int) -> PaperTable:
    """The paper's table ``name`` with the ``means`` of a run over ``count`` images as further rows.

    Columns are those that both have. The paper's rows are named as there, the run's end in "(this run)".

    Raises:
        ValueError: no such table.
    """
    if name not in NAMES:
        raise ValueError(f"paper_table is one of {', '.join(NAMES)}, got {name!r}")
    table = tables()[name]
    first = next(iter(table["rows"].values()))
    scored = next(iter(means.values()))
    columns = [column for key, column in COLUMNS.items() if key in first and key in scored]
    own = {f"{method} (this run)": {c.key: row[c.key] for c in columns} for method, row in means.items()}
    note = table["note"]
    if count != table["images"]:
        note += f" This run has {count} images, the paper's cells {table['images']}: the rows do not compare."
    if missing := [COLUMNS[key].label for key in first if key not in scored]:
        note += f" Without references there is no {', '.join(missing)}."
    paper = {method: {c.key: row[c.key] for c in columns} for method, row in table["rows"].items()}
    return PaperTable(
        title=f"The paper's {table['source']}",
        columns=columns,
        rows=paper | own,
        own=frozenset(own),
        unranked=frozenset(own if count != table["images"] else ()),
        note=note,
    )

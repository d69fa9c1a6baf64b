"""From folders of saved results to scores.json, scores.csv, scores.md and the page index.html."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nerco_plugin.metrics.lpips_metric import WEIGHTS_HELP
from nerco_plugin.report.benchmark_page import benchmark_page
from nerco_plugin.report.columns import Column, chosen_columns
from nerco_plugin.report.pairs import OWN_FOLDER, pair_images
from nerco_plugin.report.paper_table import NAMES, PaperTable, with_run
from nerco_plugin.report.scoring import Job, ScoredSet, score_all
from nerco_plugin.report.tables import as_csv, as_data, markdown_table, mean_scores, plain, undefined_notes


def write_report(
    methods: Mapping[str, Path],
    low: Path,
    gt: Path | None,
    out: Path,
    *,
    title: str = "Scores",
    suffix: str = "",
    extra: Sequence[str] = (),
    lpips_weights: Path | None = None,
    paper_table: str | None = None,
    saved_by: str | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> dict[str, object]:
    """Score saved results and write ``scores.json``, ``scores.csv``, ``scores.md`` and ``index.html`` into ``out``.

    Images are paired by their path inside the folder without extension, so ``low/a/1.jpg`` belongs to
    ``results/a/1.png``. Nothing is skipped: a missing, doubled, broken or differently sized file is an error, and then
    nothing is written. Files appear whole or not at all; an earlier report in ``out`` is replaced.

    Args:
        methods: Folder of results for each method's name; the first is the one that the page opens with.
        low: Folder of the low-light inputs.
        gt: Folder of paired references, or None: columns that need one are then absent.
        out: Made where absent; may be a folder of results, the report's own files are never taken for results.
        title: Heading of the tables and the page, such as "LOL eval15".
        suffix: Ending of the results' names that the inputs lack: BasicSR's ``_EXPERIMENT`` or ``val.suffix``.
        extra: Further columns, see ``columns.EXTRA``.
        lpips_weights: AlexNet weights, for the extra column "lpips".
        paper_table: "LOL", "LSRW", "LIME" (Table 1) or "ablation" (Table 2): stands under the means.
        saved_by: "rounding" or "truncation" to 8 bits, where it is known: the report says so.
        processes: Number of worker processes; all usable cores if None.
        progress: Show a bar on stderr.

    Returns:
        What scores.json holds: for one method ``mean`` {key: value}, ``images`` {name: {key: value}} and, where a
        score is undefined (None), ``undefined`` {name: {key: reason}}; for several ``methods`` {name: the same}.

    Raises:
        PairingError, ImageReadError (both ValueError): faults in the folders, each by name.
        ValueError: an unknown column or table.
    """
    if not methods:
        raise ValueError("methods is empty: name at least one folder of results")
    columns = chosen_columns(extra, with_truth=gt is not None)
    if paper_table not in (None, *NAMES):
        raise ValueError(f"paper_table is one of {', '.join(NAMES)}, got {paper_table!r}")
    if "lpips" in extra and lpips_weights is None:
        raise ValueError(f"the extra column lpips needs lpips_weights: {WEIGHTS_HELP}")
    sets = pair_images(methods, low, gt, suffix=suffix)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{OWN_FOLDER}-") as draft:
        pictures = Path(draft, OWN_FOLDER)
        pictures.mkdir()
        jobs = [
            Job(
                images=images,
                keys=tuple(column.key for column in columns),
                pictures=pictures / f"{number:04d}",
                lpips_weights=None if lpips_weights is None else str(lpips_weights),
            )
            for number, images in enumerate(sets)
        ]
        scored = score_all(jobs, processes=processes, progress=progress)
        paper = with_run(paper_table, mean_scores(scored, columns), count=len(scored)) if paper_table else None
        heading = f"{len(scored)} image{'s' * (len(scored) != 1)}, scored as saved"
        heading += f", made 8-bit by {saved_by}" if saved_by else ""
        data = scores_data(scored, columns, title=title)
        texts = {
            "scores.json": json.dumps(data, indent=1, ensure_ascii=False) + "\n",
            "scores.csv": as_csv(scored, columns),
            "scores.md": scores_markdown(scored, columns, title=title, heading=heading, paper=paper),
            "index.html": benchmark_page(scored, columns, title, heading, with_truth=gt is not None, paper=paper),
        }
        for name, text in texts.items():
            Path(draft, name).write_text(text, encoding="utf-8")
        publish(Path(draft), out)
    return data


def publish(draft: Path, out: Path) -> None:
    """Move everything in ``draft`` to ``out``, in place of what an earlier report left there."""
    for new in sorted(draft.iterdir()):
        old = out / new.name
        if old.is_dir():
            shutil.rmtree(old)
        new.replace(old)


def scores_data(scored: Sequence[ScoredSet], columns: Sequence[Column], title: str) -> dict[str, object]:
    """The content of scores.json, see :func:`write_report`."""
    names = list(scored[0].scores)
    data: dict[str, object] = {"title": title, "count": len(scored)}
    if len(names) == 1:
        return data | as_data(scored, columns, names[0])
    return data | {"methods": {name: as_data(scored, columns, name) for name in names}}


def scores_markdown(
    scored: Sequence[ScoredSet], columns: Sequence[Column], title: str, heading: str, paper: PaperTable | None
) -> str:
    """Title, means, what each column is, what is undefined, and the paper's table, as Markdown."""
    lines = [
        f"# {plain(title)}",
        "",
        f"Means over {heading}.",
        "",
        markdown_table(mean_scores(scored, columns), columns),
        "",
    ]
    lines += [f"- {column.label}: {column.meaning}" for column in columns]
    if notes := undefined_notes(scored, columns):
        lines += ["", "Left out of the means:", "", *(f"- {plain(note)}" for note in notes)]
    if paper:
        lines += [
            "",
            f"## {paper.title}",
            "",
            markdown_table(paper.rows, paper.columns, paper.unranked),
            "",
            paper.note,
        ]
    return "\n".join(lines) + "\n"

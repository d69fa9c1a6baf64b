"""The figures of a benchmark as a Markdown table: times as ratios to the plain reference of the same run."""

from typing import Any

COLUMNS = "| what | size | batch | variant | s | of plain | faster | images/s | GMAC | of peak | MB | of plain |"
TITLES = {
    "encoder": "NRN encoder",
    "mlp": "NRN MLP",
    "mask_extractor": "ME",
    "generator": "G_H",
    "enhance": "enhancing",
    "step": "training step",
}


def markdown(results: dict[str, Any]) -> str:
    """A line on the machine, and a table of all that was measured."""
    machine = results["machine"]
    allocator = machine["allocator"]
    if isinstance(allocator, dict):
        allocator = " ".join(f"{name}={value}" for name, value in allocator.items())
    hardware = machine.get("gpu") or f"{machine['processor']} ({machine['instructions']})"
    lines = [
        f"{results['date']}, {hardware}, {machine['cores']} cores, {machine['threads']} threads, torch "
        f"{machine['torch']}, allocator: {allocator}, copying {machine['copy_gb_s']:.1f} GB/s. Medians of "
        f"{results['runs']} runs in turns; MB: growth of the peak over the loaded networks.",
        "",
        COLUMNS,
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        lines.append("| " + " | ".join(cells(row)) + " |")
    return "\n".join(lines) + "\n"


def cells(row: dict[str, Any]) -> list[str]:
    """One row's texts."""

    def number(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return [
        TITLES[row["task"]],
        f"{row['height']}x{row['width']}",
        str(row["batch"]),
        f"{row['variant']} {row['precision']}",
        number(row["seconds"], ".3f"),
        number(row["of_plain"], ".2f"),
        number(None if row["of_plain"] is None else 1 / row["of_plain"], ".1f"),
        number(row["batch"] / row["seconds"], ".2f"),
        number(row["gmac"], ".1f"),
        number(row["of_peak"], ".0%"),
        number(row["growth_mb"], ".0f"),
        number(row["memory_of_plain"], ".2f"),
    ]

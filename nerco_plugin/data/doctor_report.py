"""The doctor's findings as text for a terminal, and in full with a picture for a folder."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nerco_plugin.data.darkness_histogram import darkness_histogram
from nerco_plugin.data.diagnosis import Diagnosis, Finding

SHOWN = 10  # findings of a kind in the terminal


def summary(diagnosis: Diagnosis) -> str:
    """What was read, then faults, then remarks, the first few of each kind."""
    return "\n".join(_summary_lines(diagnosis))


def _summary_lines(diagnosis: Diagnosis) -> Iterator[str]:
    for side in diagnosis.sides:
        sizes = sorted((image.width * image.height, f"{image.width}x{image.height}") for image in side.images)
        yield f"{side.label}: {len(side.images)} images" + (f", {sizes[0][1]} to {sizes[-1][1]}" if sizes else "")
    kinds: dict[tuple[bool, str], list[Finding]] = defaultdict(list)
    for finding in diagnosis.findings:
        kinds[not finding.is_fault, finding.kind].append(finding)
    for (_, kind), found in sorted(kinds.items()):
        yield f"\n{_level(found[0])}, {kind}: {len(found)}"
        yield from (f"  {finding.text}" for finding in found[:SHOWN])
        if len(found) > SHOWN:
            yield f"  and {len(found) - SHOWN} more"
    faults = sum(finding.is_fault for finding in diagnosis.findings)
    yield f"\n{faults} faults, {len(diagnosis.findings) - faults} remarks"


def write_report(diagnosis: Diagnosis, folder: Path, name: str) -> tuple[Path, Path]:
    """Write every finding to ``NAME.txt`` and the histogram of brightness to ``NAME.png``; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    text, picture = folder / f"{name}.txt", folder / f"{name}.png"
    lines = [f"{_level(finding)}, {finding.kind}: {finding.text}\n" for finding in diagnosis.findings]
    text.write_text("".join(lines), encoding="utf-8")
    brightness = {side.label: [image.brightness for image in side.images] for side in diagnosis.sides}
    darkness_histogram(brightness).save(picture)
    return text, picture


def _level(finding: Finding) -> str:
    return "FAULT" if finding.is_fault else "remark"

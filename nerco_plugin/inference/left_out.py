"""What a folder holds that looks like a photograph or a video and is not enhanced: told, lest it be missed."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path


def describe(left_out: Collection[Path]) -> str:
    """Such as ``left out: 3 (.heic 2, .dng 1), 1 linked folder``; empty for none."""
    linked = [path for path in left_out if path.is_dir()]
    endings = Counter(path.suffix.lower() or "no ending" for path in left_out if path not in linked)
    parts = []
    if endings:
        parts.append(f"{endings.total()} ({', '.join(f'{ending} {count}' for ending, count in endings.most_common())})")
    if linked:
        parts.append(f"{len(linked)} linked folder{'s' if len(linked) > 1 else ''}")
    return f"left out: {', '.join(parts)}" if parts else ""

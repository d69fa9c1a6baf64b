"""Widths, depths and counts are whole numbers, and a wrong one is named."""


def require_count(least: int = 1, **counts: int) -> None:
    """Raise ValueError, naming the argument, unless each of ``counts`` is an integer of at least ``least``."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")

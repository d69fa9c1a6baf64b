"""Options with the place each one was written at, and the one error that names all faults by their place."""

import difflib
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

KeyPath = tuple[str | int, ...]


class OptionError(ValueError):
    """Options that cannot be used; the message names every fault and is meant to be shown without a traceback."""


class Place(NamedTuple):
    """Where an option was written: a line of a file, or an argument of the command line (``file`` is None)."""

    file: Path | None
    line: int
    argument: str = ""

    def __str__(self) -> str:
        return f"{here(self.file)}:{self.line}" if self.file else f"--force_yml {self.argument}"


def here(file: Path) -> Path:
    """``file`` as one would type it from where one stands, if it is below."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


class Options(NamedTuple):
    """Option values as plain dicts and lists, and the place of each by its path of keys."""

    values: dict[str, Any]
    places: dict[KeyPath, Place]

    def place(self, keys: KeyPath) -> Place:
        """Where ``keys`` was written, or the nearest mapping around it that was written."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places[keys]


def shown(keys: KeyPath) -> str:
    """``train:optim_g:lr``, as ``--force_yml`` names a key."""
    return ":".join(str(key) for key in keys)


def did_you_mean(name: str | int, known: Iterable[str | int]) -> str:
    """``; did you mean 'ema_decay'?`` where one of ``known`` is near ``name``; else nothing."""
    found = difflib.get_close_matches(str(name), [str(key) for key in known], n=1, cutoff=0.7)
    return f"; did you mean {found[0]!r}?" if found else ""


def near(name: str | int, known: Iterable[str]) -> bool:
    """Whether ``name`` is a known one misspelt rather than another: ``ema_deacy`` is, ``noise_range2`` is not."""
    others = [other for other in known if other.rstrip("0123456789") != str(name).rstrip("0123456789")]
    return bool(difflib.get_close_matches(str(name), others, n=1, cutoff=0.8))


class Faults:
    """Collects faults, each with its place, so that one message names them all."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.found: list[tuple[Place, str]] = []

    def add(self, keys: KeyPath, text: str) -> None:
        """Note that the option at ``keys`` is at fault; ``text`` completes the sentence that its key begins."""
        self.add_at(self.options.place(keys), f"{shown(keys)}: {text}" if keys else text)

    def add_at(self, place: Place, text: str) -> None:
        """Note a fault of something that is no option, at ``place``."""
        self.found.append((place, text))

    def is_typed(self, keys: KeyPath) -> bool:
        """Whether an option comes from the command line, where nothing is tolerated that is not known for sure."""
        return self.options.place(keys).file is None

    def add_refusal(self, block: Mapping[Any, Any], keys: KeyPath, text: str) -> None:
        """Note that a class refuses the options of ``block``, at the one that its message names, or that was typed."""
        named = [key for key in block if re.search(rf"\b{re.escape(str(key))}\b", text)]
        typed = [key for key in block if self.is_typed((*keys, key))]
        culprits = [*(key for key in named if key in typed), *named, *typed][:1]
        place = self.options.place((*keys, *culprits))
        self.add_at(place, f"{shown(keys)}: {text}" if keys else text)

    def raise_if_any(self) -> None:
        """Raises OptionError naming all faults in the order of the files' lines; does nothing where there are none."""
        if not self.found:
            return
        lines = list(dict.fromkeys(f"{place}: {text}" for place, text in sorted(self.found, key=_by_place)))
        count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
        raise OptionError("\n".join([f"{count} in the options:", *(textwrap.indent(line, "  ") for line in lines)]))


def _by_place(fault: tuple[Place, str]) -> tuple[str, int, str]:
    place, text = fault
    return (str(place.file or ""), place.line, text)


def lookup(values: Mapping[str, Any], *keys: str | int) -> Any:
    """The value at ``keys``, or None where a mapping on the way is absent or is none."""
    value: Any = values
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

"""``--force_yml a:b=value``: sets options by their path of keys, each value read as YAML reads it, never evaluated."""

from collections.abc import Iterable
from typing import Any

from nerco_plugin.engine.options_source import Faults, KeyPath, OptionError, Options, Place, did_you_mean, shown
from nerco_plugin.engine.options_tables import BLOCKS
from nerco_plugin.engine.options_yaml import read_value


def apply_overrides(overrides: Iterable[str], faults: Faults, may_add: bool) -> None:
    """Set each ``a:b=value`` in ``faults.options``: the first ``=`` ends the keys, a list is indexed by number.

    What has no ``=``, has a value that is not YAML, or names a key that does not exist, becomes a fault.

    Args:
        overrides: as on the command line.
        faults: of the options to change.
        may_add: take a last key that the file does not have, too; for options that are checked afterwards.
    """
    for override in overrides:
        place = Place(None, 0, override)
        keys, equals, text = override.partition("=")
        if not equals or not keys.strip():
            faults.add_at(place, "expected KEY:KEY=VALUE")
            continue
        try:
            value = None if text.strip().lower() == "none" else read_value(text, place)  # None as BasicSR takes it
        except OptionError as error:
            faults.add_at(place, str(error).removeprefix(f"{place}: "))
            continue
        _set([key.strip() for key in keys.split(":")], value, place, faults, may_add)


def _set(keys: list[str], value: Any, place: Place, faults: Faults, may_add: bool) -> None:
    options = faults.options
    container: Any = options.values
    path: KeyPath = ()
    for position, key in enumerate(keys):
        is_last = position == len(keys) - 1
        found = _step(container, key)
        if found is None and may_add and isinstance(container, dict) and (is_last or (not path and key in BLOCKS)):
            found = key
            container[key] = {}
            options.places[(*path, key)] = place
        if found is None:
            return faults.add_at(place, _missing(container, path, key) + _inline(container, keys, position))
        path = (*path, found)
        if is_last:
            container[found] = value
        container = container[found]
    _forget_below(options, path)
    return _note(options, path, value, place)


def _step(container: Any, key: str) -> str | int | None:
    """The key or index of ``container`` that ``key`` names, or None."""
    if isinstance(container, dict):
        number = int(key) if key.isdigit() else None
        return key if key in container else (number if number in container else None)
    if isinstance(container, list) and key.removeprefix("-").isdigit() and -len(container) <= int(key) < len(container):
        return int(key) % len(container)
    return None


def _missing(container: Any, path: KeyPath, key: str) -> str:
    where = shown(path) or "the option file"
    if isinstance(container, dict):
        return f"{where} has no key {key!r}{did_you_mean(key, container)}"
    if isinstance(container, list):
        return f"{where} is a list of {len(container)}, {key!r} is no index of it"
    return f"{where} is {container!r}, which has no keys"


def _inline(container: Any, keys: list[str], position: int) -> str:
    """How to add a block that is not there, where no other one can have been meant."""
    if position == len(keys) - 1 or not isinstance(container, dict) or did_you_mean(keys[position], container):
        return ""
    return f"; {':'.join(keys[: position + 1])}={{{keys[position + 1]}: ...}} would add it"


def _note(options: Options, path: KeyPath, value: Any, place: Place) -> None:
    """Everything in ``value`` was written at ``place``."""
    options.places[path] = place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        _note(options, (*path, key), item, place)


def _forget_below(options: Options, path: KeyPath) -> None:
    for keys in [keys for keys in options.places if keys[: len(path)] == path]:
        del options.places[keys]

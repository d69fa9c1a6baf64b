"""``--force_yml a:b=value``: sets options by their path of keys, each value read as YAML reads it, never evaluated."""

from collections.abc import Iterable
from typing import Any

from nerco_plugin.engine.options_source import KeyPath, OptionError, Options, Place, did_you_mean, shown
from nerco_plugin.engine.options_yaml import read_value


def apply_overrides(options: Options, overrides: Iterable[str]) -> None:
    """Set each ``a:b=value`` in ``options``, in order; the first ``=`` ends the keys, and a list is indexed by number.

    Raises:
        OptionError: if an override has no ``=``, its value is not YAML, or its key does not exist.
    """
    for override in overrides:
        keys_text, equals, value_text = override.partition("=")
        if not equals:
            raise OptionError(f"--force_yml {override}: expected KEY:KEY=VALUE")
        keys = tuple(key.strip() for key in keys_text.split(":"))
        value = None if value_text.strip().lower() == "none" else read_value(value_text, override)
        _set(options, keys, value, override)


def _set(options: Options, keys: tuple[str, ...], value: Any, override: str) -> None:
    container: Any = options.values
    path: KeyPath = ()
    for position, key in enumerate(keys):
        found = _step(container, key)
        if found is None:
            raise OptionError(f"--force_yml {override}: {_missing(container, path, key)}")
        path = (*path, found)
        if position < len(keys) - 1:
            container = container[found]
    container[found] = value
    _forget_below(options, path)
    _note(options, path, value, Place(None, 0, override))


def _step(container: Any, key: str) -> str | int | None:
    """The key or index of ``container`` that ``key`` names, or None."""
    if isinstance(container, dict):
        number = int(key) if key.isdigit() else None
        return key if key in container else (number if number in container else None)
    if isinstance(container, list) and key.lstrip("-").isdigit() and -len(container) <= int(key) < len(container):
        return int(key) % len(container)
    return None


def _missing(container: Any, path: KeyPath, key: str) -> str:
    where = shown(path) or "the options"
    if isinstance(container, dict):
        return f"{where} has no key {key!r}{did_you_mean(key, container)}"
    if isinstance(container, list):
        return f"{where} is a list of {len(container)}: {key!r} is no index of it"
    return f"{where} is {container!r}, which has no keys"


def _note(options: Options, path: KeyPath, value: Any, place: Place) -> None:
    """Everything in ``value`` was written at ``place``."""
    options.places[path] = place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        _note(options, (*path, key), item, place)


def _forget_below(options: Options, path: KeyPath) -> None:
    for keys in [keys for keys in options.places if keys[: len(path)] == path]:
        del options.places[keys]

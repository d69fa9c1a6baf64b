"""Inheritance between option files (``base: other.yml``) and ``${NAME}``, the environment's part in them."""

import os
import re
from pathlib import Path
from typing import Any

from nerco_plugin.engine.options_source import Faults, KeyPath, OptionError, Options
from nerco_plugin.engine.options_yaml import plain_value, read_yaml


def read_with_base(path: Path, inside: tuple[Path, ...] = ()) -> Options:
    """The options of ``path`` laid over those of the file that its ``base`` names, relative to its own folder.

    Mappings are merged key by key and lists replaced. Where ``type`` differs, the mapping replaces the base's, for
    another class takes other arguments. ``key: ~`` switches off what is inherited.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links away from the file's neighbours
    if path in inside:
        raise OptionError(f"{path}: inherits from itself: {' -> '.join(str(file) for file in (*inside, path))}")
    own = read_yaml(path)
    if "base" not in own.values:
        return own
    place = own.place(("base",))
    name = own.values.pop("base")
    if not isinstance(name, str):
        raise OptionError(f"{place}: base: expected the path of an option file, got {name!r}")
    try:
        file = path.parent / Path(_expanded(name)).expanduser()
    except KeyError as error:
        raise OptionError(f"{place}: base: the environment variable {error} is not set (in {name!r})") from None
    if not file.is_file():
        raise OptionError(f"{place}: base: no such file: {file}")
    base = read_with_base(file, (*inside, path))
    values = _merged(base, own, base.values, own.values, ())
    return Options(values, base.places | own.places)


def _merged(base: Options, own: Options, below: dict[Any, Any], above: dict[Any, Any], keys: KeyPath) -> dict[Any, Any]:
    result = dict(below)
    for key, value in above.items():
        here, inherited = (*keys, key), below.get(key)
        if isinstance(inherited, dict) and isinstance(value, dict):
            if value.get("type", inherited.get("type")) == inherited.get("type"):
                result[key] = _merged(base, own, inherited, value, here)
                continue
            value = {name: item for name, item in value.items() if item is not None or name not in inherited}
        result[key] = value
        for stale in [place for place in base.places if place[: len(here)] == here]:
            del base.places[stale]
    return result


def expand_environment(faults: Faults) -> None:
    """Replace ``${NAME}`` in the texts of ``faults.options`` by the environment's value; an unset one is a fault.

    A text that is nothing but ``${NAME}`` takes the type that the value would have in the file, so that
    ``lr: ${LR}`` is a number.
    """
    _expand(faults.options.values, (), faults)


def _expand(value: Any, keys: KeyPath, faults: Faults) -> Any:
    if isinstance(value, dict):
        value.update({key: _expand(item, (*keys, key), faults) for key, item in value.items()})
    elif isinstance(value, list):
        value[:] = [_expand(item, (*keys, index), faults) for index, item in enumerate(value)]
    elif isinstance(value, str) and "${" in value:
        try:
            text = _expanded(value)
        except KeyError as error:
            faults.add(keys, f"the environment variable {error} is not set (in {value!r})")
            return None
        return plain_value(text, faults.options.place(keys)) if _VARIABLE.fullmatch(value) else text
    return value


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def _expanded(text: str) -> str:
    """``text`` with the environment's values. Raises KeyError for one that is not set."""
    return _VARIABLE.sub(lambda match: os.environ[match.group(1)], text)

"""Inheritance between option files (``base: other.yml``) and ``${NAME}``, the environment's part in them."""

import os
import re
from pathlib import Path
from typing import Any

from nerco_plugin.engine.options_source import KeyPath, OptionError, Options, shown
from nerco_plugin.engine.options_yaml import plain_value, read_yaml


def read_with_base(path: Path, inside: tuple[Path, ...] = ()) -> Options:
    """The options of ``path`` laid over those of the file that its ``base`` names, relative to its own folder.

    Mappings are merged key by key and lists replaced. Where ``type`` differs, the mapping replaces the base's, for
    another class takes other arguments. ``key: ~`` switches an inherited part off.
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
    file = path.parent / Path(_expanded(name, f"{place}: base")).expanduser()
    if not file.is_file():
        raise OptionError(f"{place}: base: no such file: {file}")
    base = read_with_base(file, (*inside, path))
    values = _merged(base, own, base.values, own.values, ())
    return Options(values, base.places | own.places)


def _merged(base: Options, own: Options, below: dict[Any, Any], above: dict[Any, Any], keys: KeyPath) -> dict[Any, Any]:
    result = dict(below)
    for key, value in above.items():
        inherited = below.get(key)
        if isinstance(inherited, dict) and isinstance(value, dict) and _same_type(inherited, value):
            result[key] = _merged(base, own, inherited, value, (*keys, key))
            continue
        result[key] = value
        for stale in [place for place in base.places if place[: len(keys) + 1] == (*keys, key)]:
            del base.places[stale]
    return result


def _same_type(below: dict[Any, Any], above: dict[Any, Any]) -> bool:
    return above.get("type", below.get("type")) == below.get("type")


def expand_environment(options: Options) -> None:
    """Replace ``${NAME}`` in every text by the environment's value, in place.

    A text that is nothing but ``${NAME}`` takes the type that the value would have in the file, so that
    ``lr: ${LR}`` is a number.

    Raises:
        OptionError: naming the place and the variable, if it is not set.
    """
    _expand(options.values, options, ())


def _expand(value: Any, options: Options, keys: KeyPath) -> Any:
    if isinstance(value, dict):
        value.update({key: _expand(item, options, (*keys, key)) for key, item in value.items()})
    elif isinstance(value, list):
        value[:] = [_expand(item, options, (*keys, index)) for index, item in enumerate(value)]
    elif isinstance(value, str) and "${" in value:
        text = _expanded(value, f"{options.place(keys)}: {shown(keys)}")
        return plain_value(text) if _VARIABLE.fullmatch(value) else text
    return value


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def _expanded(text: str, where: str) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise OptionError(f"{where}: the environment variable {name} is not set (in {text!r})")
        return os.environ[name]

    return _VARIABLE.sub(value_of, text)

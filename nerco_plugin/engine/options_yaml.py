"""Reads YAML as data: UTF-8 whatever the locale, plain text as BasicSR users know it, faults by file and line.

Plain text is YAML 1.1, with three differences: ``2e-4`` and ``1e5`` are numbers, dates and ``1:30`` are text, and an
alias (``*name``) is a copy, since BasicSR's models change the mappings they are given.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from nerco_plugin.engine.options_nodes import TAG, Reader, kind
from nerco_plugin.engine.options_source import OptionError, Options, Place, here

_PLAIN = {  # in this order, so that a whole number is not a float
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", list("yYnNtTfFoO")),
    "int": (r"[-+]?(?:0x[0-9a-fA-F]+|[0-9][0-9_]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Parses into nodes, which know their line and type; nothing is constructed by it."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}


for _name, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(path: Path) -> Options:
    """The mapping in a UTF-8 YAML file, with or without BOM.

    Raises:
        OptionError: with file and line, if the file cannot be read or holds anything but a mapping of plain data.
    """
    start = Place(path, 1)
    node = _compose(_decode(path), start)
    if node is None:
        raise OptionError(f"{start}: the file is empty; expected a mapping of options")
    reader = Reader(start)
    if not isinstance(node, yaml.MappingNode):
        raise reader.fail(node, f"expected a mapping of options at the top level, got {kind(node)}")
    values = reader.value(node, ())
    return Options(values, {(): start, **reader.places})


def read_value(text: str, place: Place) -> Any:
    """One value as it would stand in a file; ``place`` begins the message of an OptionError."""
    node = _compose(text, place)
    return None if node is None else Reader(place).value(node, ())


def plain_value(text: str, place: Place) -> Any:
    """``text`` as YAML reads it without quotes where that is a number, a truth value or null; else itself."""
    tag = _Loader("").resolve(yaml.ScalarNode, text, (True, False))
    return Reader(place).scalar(yaml.ScalarNode(tag, text))


def yaml_text(values: dict[str, Any]) -> str:
    """Plain data as a text from which :func:`read_yaml` makes the same again."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that would be read as numbers here, such as ``2e-4``."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise OptionError(f"{here(path)}: expected an option file, got a folder") from None
    except OSError as error:
        raise OptionError(f"{here(path)}: cannot read the option file: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(path, raw.count(b"\n", 0, error.start) + 1)
        raise OptionError(f"{place}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8") from None


def _compose(text: str, start: Place) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = start._replace(line=mark.line + 1) if mark else start
        lines = text.splitlines()[place.line - 1 : place.line]
        hint = "; YAML indents with spaces, not tabs" if lines and lines[0].lstrip(" ").startswith("\t") else ""
        raise OptionError(f"{place}: not YAML: {error.problem or error.context}{hint}") from None
    except yaml.reader.ReaderError as error:
        place = start._replace(line=text.count("\n", 0, error.position) + 1)
        raise OptionError(f"{place}: not YAML: {error.reason}") from None
    except RecursionError:
        raise OptionError(f"{start}: nested too deeply") from None

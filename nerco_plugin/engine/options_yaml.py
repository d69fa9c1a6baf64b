"""Reads one YAML text as data: no tags that build objects, no doubled keys, and the line of every key.

Plain text is read as BasicSR users know it (YAML 1.1), with three differences: ``2e-4`` and ``1e5`` are numbers, dates
and ``1:30`` are text, and an alias (``*name``) is a copy, since BasicSR's models change the mappings they are given.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from nerco_plugin.engine.options_source import KeyPath, OptionError, Options, Place, shown

MAX_VALUES = 100_000  # aliases of aliases would grow without bound

_TAG = "tag:yaml.org,2002:"
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
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(path: Path) -> Options:
    """The mapping in a UTF-8 YAML file (with or without BOM), whatever the locale.

    Raises:
        OptionError: with file and line, if the file cannot be read or holds anything but a mapping of plain data.
    """
    text = _decode(path)
    node = _compose(text, file=path)
    if node is None:
        raise OptionError(f"{path}: the file is empty; expected a mapping of options")
    if not isinstance(node, yaml.MappingNode):
        raise OptionError(f"{_place(node, path)}: expected a mapping of options at the top level, got {_kind(node)}")
    reader = _Reader(path)
    values = reader.mapping(node, ())
    return Options(values, {(): Place(path, 1), **reader.places})


def read_value(text: str, argument: str) -> Any:
    """One value as it would stand in a file; ``argument`` names it in the OptionError."""
    node = _compose(text, argument=argument)
    return None if node is None else _Reader(None, argument).value(node, ())


def plain_value(text: str) -> Any:
    """``text`` as YAML reads it without quotes where that is a number, a truth value or null; else itself."""
    tag = _Loader("").resolve(yaml.ScalarNode, text, (True, False))
    node = yaml.ScalarNode(tag, text)
    return _Reader(None, text).scalar(node)


def _decode(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        raise OptionError(f"{path}: expected an option file, got a folder") from None
    except OSError as error:
        raise OptionError(f"{path}: cannot read the option file ({error.strerror})") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise OptionError(f"{path}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8") from None


def _compose(text: str, file: Path | None = None, argument: str = "") -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; YAML indents with spaces, not tabs" if "\\t" in str(error.problem) else ""
        place = Place(file, mark.line + 1 if mark else 1, argument)
        raise OptionError(f"{place}: not YAML: {error.problem or error.context}{hint}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise OptionError(f"{Place(file, line, argument)}: not YAML: {error.reason}") from None
    except RecursionError:
        raise OptionError(f"{Place(file, 1, argument)}: nested too deeply") from None


def _place(node: yaml.Node, file: Path | None, argument: str = "") -> Place:
    return Place(file, node.start_mark.line + 1 if node.start_mark else 1, argument)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "a mapping" if isinstance(node, yaml.MappingNode) else f"the text {node.value!r}"


class _Reader:
    """Turns nodes into dicts, lists and scalars, noting the place of each."""

    def __init__(self, file: Path | None, argument: str = "") -> None:
        self.file = file
        self.argument = argument
        self.places: dict[KeyPath, Place] = {}
        self.inside: set[int] = set()
        self.count = 0

    def fail(self, node: yaml.Node, text: str) -> OptionError:
        return OptionError(f"{_place(node, self.file, self.argument)}: {text}")

    def value(self, node: yaml.Node, keys: KeyPath) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise self.fail(node, f"more than {MAX_VALUES} values, aliases included")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if id(node) in self.inside:
            raise self.fail(node, f"{shown(keys)}: the alias holds itself")
        self.inside.add(id(node))
        result = self.mapping(node, keys) if isinstance(node, yaml.MappingNode) else self.sequence(node, keys)
        self.inside.remove(id(node))
        return result

    def sequence(self, node: yaml.Node, keys: KeyPath) -> list[Any]:
        if node.tag != _TAG + "seq":
            raise self.fail(node, _refused(node.tag))
        items = []
        for index, item in enumerate(node.value):
            self.places[(*keys, index)] = _place(item, self.file, self.argument)
            items.append(self.value(item, (*keys, index)))
        return items

    def mapping(self, node: yaml.MappingNode, keys: KeyPath) -> dict[Any, Any]:
        if node.tag != _TAG + "map":
            raise self.fail(node, _refused(node.tag))
        result: dict[Any, Any] = {}
        for key_node, value_node in self.pairs(node, keys):
            key = self.key(key_node)
            self.places[(*keys, key)] = _place(key_node, self.file, self.argument)
            result[key] = self.value(value_node, (*keys, key))
        return result

    def pairs(self, node: yaml.MappingNode, keys: KeyPath) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The mapping's own pairs after those that ``<<`` merges into it, which they override."""
        own: dict[Any, yaml.Node] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                yield from self.merged(value_node, keys)
                continue
            key = self.key(key_node)
            if key in own:
                first = own[key].start_mark.line + 1
                raise self.fail(key_node, f"{shown((*keys, key))}: written twice, first in line {first}")
            own[key] = key_node
        yield from (pair for pair in node.value if pair[0].tag != _TAG + "merge")

    def merged(self, node: yaml.Node, keys: KeyPath) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        sources = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:  # the first of a list wins, so it comes last
            if not isinstance(source, yaml.MappingNode) or id(source) in self.inside:
                raise self.fail(
                    node, f"{shown((*keys, '<<'))}: expected an alias of another mapping, got {_kind(node)}"
                )
            yield from self.pairs(source, keys)

    def key(self, node: yaml.Node) -> str | int:
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, f"expected text as the key, got {_kind(node)}")
        return self.scalar(node) if node.tag == _TAG + "int" else node.value

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text = node.value
        try:
            match node.tag.removeprefix(_TAG):
                case "str" | "merge":
                    return text
                case "null":
                    return None
                case "bool":
                    return _BOOL[text.lower()]
                case "int":
                    return int(text.replace("_", ""), base=16 if "0x" in text else 10)
                case "float":
                    return float(re.sub(r"_|\.(?=[iInN])", "", text))
        except (ValueError, KeyError):
            raise self.fail(node, f"not a {node.tag.removeprefix(_TAG)}: {text[:40]!r}") from None
        raise self.fail(node, _refused(node.tag))


_BOOL = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _refused(tag: str) -> str:
    return f"the tag {tag.replace(_TAG, '!!')} is refused: an option file holds plain data"

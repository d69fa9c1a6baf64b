"""Turns YAML's nodes into plain data, each with its place: no tags that build objects, no doubled keys."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from nerco_plugin.engine.options_source import KeyPath, OptionError, Place, shown

TAG = "tag:yaml.org,2002:"
MAX_VALUES = 100_000  # aliases of aliases would grow without bound
_BOOL = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def kind(node: yaml.Node) -> str:
    """What a node is, for a message."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "a mapping" if isinstance(node, yaml.MappingNode) else f"the text {node.value!r}"


class Reader:
    """Reads the nodes of one text.

    Args:
        source: where the text begins; a value's place is its line from there.
    """

    def __init__(self, source: Place) -> None:
        self.source = source
        self.places: dict[KeyPath, Place] = {}
        self.inside: set[int] = set()
        self.count = 0

    def place(self, node: yaml.Node) -> Place:
        return self.source._replace(line=node.start_mark.line + 1) if node.start_mark else self.source

    def fail(self, node: yaml.Node, text: str) -> OptionError:
        return OptionError(f"{self.place(node)}: {text}")

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
        if node.tag != TAG + "seq":
            raise self.fail(node, _refused(node.tag))
        items = []
        for index, item in enumerate(node.value):
            self.places[(*keys, index)] = self.place(item)
            items.append(self.value(item, (*keys, index)))
        return items

    def mapping(self, node: yaml.MappingNode, keys: KeyPath) -> dict[Any, Any]:
        if node.tag != TAG + "map":
            raise self.fail(node, _refused(node.tag))
        result: dict[Any, Any] = {}
        for key_node, value_node in self.pairs(node, keys):
            key = self.key(key_node)
            self.places[(*keys, key)] = self.place(key_node)
            result[key] = self.value(value_node, (*keys, key))
        return result

    def pairs(self, node: yaml.MappingNode, keys: KeyPath) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The mapping's own pairs after those that ``<<`` merges into it, which they override."""
        own: dict[Any, yaml.Node] = {}
        for key_node, value_node in node.value:
            if key_node.tag == TAG + "merge":
                yield from self.merged(value_node, keys)
                continue
            key = self.key(key_node)
            if key in own:
                first = own[key].start_mark.line + 1
                raise self.fail(key_node, f"{shown((*keys, key))}: written twice, first in line {first}")
            own[key] = key_node
        yield from (pair for pair in node.value if pair[0].tag != TAG + "merge")

    def merged(self, node: yaml.Node, keys: KeyPath) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        sources = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:  # the first of a list wins, so it comes last
            if not isinstance(source, yaml.MappingNode) or id(source) in self.inside:
                raise self.fail(node, f"{shown((*keys, '<<'))}: expected an alias of another mapping, got {kind(node)}")
            yield from self.pairs(source, keys)

    def key(self, node: yaml.Node) -> str | int:
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, f"expected text as the key, got {kind(node)}")
        return self.scalar(node) if node.tag == TAG + "int" else node.value

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text = node.value
        try:
            match node.tag.removeprefix(TAG):
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
            raise self.fail(node, f"not a {node.tag.removeprefix(TAG)}: {text[:40]!r}") from None
        raise self.fail(node, _refused(node.tag))


def _refused(tag: str) -> str:
    return f"the tag {tag.replace(TAG, '!!')} is refused: an option file holds plain data"

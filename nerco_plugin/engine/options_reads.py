"""What a model or data set reads from its options, found in its source: BasicSR's take one ``opt`` and list nothing.

All that is taken for a known key is generous: any text by which the class's module, or a parent's, looks something
up, and any that its docstring names. So a rare key of a foreign model passes, and a misspelt one still does not.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from nerco_plugin.engine.options_signature import Argument, signature_of
from nerco_plugin.engine.options_source import near

_LOOKUPS = ("get", "pop", "setdefault")
_DOCUMENTED = re.compile(r"``([\w.]+)``|^\s*(?:- )?(\w+) \([^)]*\):", re.MULTILINE)
_HARMLESS = {"__init__", "deepcopy", "copy", "dict", "isinstance", "len", "str", "bool"}
_NOT_LOOKED_INTO = ("builtins", "torch", "typing", "abc")


class Reads(NamedTuple):
    """Keys that a class reads.

    Attributes:
        types: keys, at any level where they were found in the source, with their types where the class publishes them.
        patterns: keys that it puts together (``f"network_{label}"``), as regular expressions.
        open: whether it reads keys that its source does not tell, so that an unknown one may be right.
        found: of the types, those of keys that were found in a source.
    """

    types: dict[str, Argument]
    patterns: tuple[re.Pattern[str], ...] = ()
    open: bool = False
    found: Mapping[str, Argument] = MappingProxyType({})

    def tolerates(self, key: str, known: Iterable[str]) -> bool:
        """Whether a key that is not ``known`` may be right nevertheless."""
        if any(pattern.fullmatch(key) for pattern in self.patterns):
            return True
        return self.open and not near(key, known)


NOTHING = Reads({})


@cache
def reads_of(cls: Any) -> Reads:
    """The keys of ``cls.OPTIONS``, a class whose arguments are the options, where it publishes one.

    Beside them, or else, those that the sources of ``cls`` and its parents read, as far as the one that publishes; open
    where a source cannot be had.
    """
    publisher = next((parent for parent in cls.__mro__ if "OPTIONS" in vars(parent)), None)
    published = signature_of(publisher.OPTIONS).arguments if publisher else {}
    words: set[str] = set()
    patterns: set[str] = set()
    is_open = False
    for parent in source_classes(cls, publisher):
        tree = module_tree(parent)
        if tree is None:
            is_open = True
            continue
        words.update(_words(tree))
        patterns.update(_patterns(tree))
        is_open = is_open or _reads_unseen(tree)
    types = {word: Argument(Any, None) for word in words}
    return Reads(types | published, tuple(re.compile(pattern) for pattern in sorted(patterns)), is_open, types)


def source_classes(cls: Any, until: Any = None) -> list[Any]:
    """The class and those of its parents that may read options; of these the ones before ``until``."""
    line = cls.__mro__[: cls.__mro__.index(until)] if until else cls.__mro__
    return [parent for parent in line if parent.__module__.partition(".")[0] not in _NOT_LOOKED_INTO]


@cache
def module_tree(cls: Any) -> ast.Module | None:
    """The syntax tree of the module that defines ``cls``; None where there is no source."""
    try:
        return ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    except (OSError, TypeError, KeyError, SyntaxError):
        return None


def key_of(node: ast.AST) -> tuple[ast.expr, ast.expr, bool] | None:
    """(mapping, key, demanded) where ``node`` is ``mapping[key]`` or ``mapping.get(key)`` and the like; else None."""
    if isinstance(node, ast.Subscript):
        return node.value, node.slice, isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKUPS and node.args:
        return node.func.value, node.args[0], node.func.attr == "pop" and len(node.args) == 1
    return None


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        looked_up = key_of(node)
        if looked_up and isinstance(looked_up[1], ast.Constant) and isinstance(looked_up[1].value, str):
            yield looked_up[1].value
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            yield node.left.value  # 'mean' in opt
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id  # the fields of a class of options
        elif isinstance(node, ast.ClassDef):
            for named, listed in _DOCUMENTED.findall(ast.get_docstring(node) or ""):
                yield from (named or listed).split(".")


def _patterns(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        looked_up = key_of(node)
        if looked_up and isinstance(looked_up[1], ast.JoinedStr):
            fixed = [part.value if isinstance(part, ast.Constant) else None for part in looked_up[1].values]
            if any(fixed):
                yield "".join(re.escape(str(text)) if text else r"\w+" for text in fixed)


def _reads_unseen(tree: ast.Module) -> bool:
    """Whether options are looked up by a variable, gone through, or handed to another module's function."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(tree):
        looked_up = key_of(node)
        if looked_up and _is_options(looked_up[0]) and not isinstance(looked_up[1], ast.Constant | ast.JoinedStr):
            return True
        if isinstance(node, ast.For | ast.comprehension) and _is_options(node.iter):
            return True
        if isinstance(node, ast.Call):
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if method in ("items", "keys", "values") and _is_options(node.func.value):  # type: ignore[attr-defined]
                return True
            function = method or getattr(node.func, "id", "")
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if function not in own | _HARMLESS and any(_is_options(argument) for argument in given):
                return True
    return False


def _is_options(node: ast.expr) -> bool:
    """Whether an expression is the whole of the options or one of its general blocks."""
    if isinstance(node, ast.Name):
        return node.id in ("opt", "train_opt")
    if isinstance(node, ast.Attribute):
        return node.attr == "opt"
    looked_up = key_of(node)
    return bool(
        looked_up
        and isinstance(looked_up[1], ast.Constant)
        and looked_up[1].value in ("train", "val", "path")
        and _is_options(looked_up[0])
    )


def keyword_reads(function: Callable[..., Any]) -> dict[str, Argument]:
    """The keys that a function looks up in its ``**kwargs``, each optional and of any type."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return {}
    return {word: Argument(Any, None) for word in _words(tree)}

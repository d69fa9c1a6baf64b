"""What a registered class or function takes from YAML, read from its signature."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import msgspec

from nerco_plugin.engine.options_types import type_of_default

_NO_VALUE = inspect.Parameter.empty


class Argument(NamedTuple):
    """One argument: its type (``Any`` where nothing tells) and its default (``inspect.Parameter.empty``: none)."""

    annotation: Any
    default: Any = _NO_VALUE

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is _NO_VALUE


class Signature(NamedTuple):
    """The arguments by name, and whether others are taken as well (``**kwargs``)."""

    arguments: dict[str, Argument]
    takes_others: bool


@cache
def signature_of(function: Callable[..., Any], given: tuple[str, ...] = ()) -> Signature:
    """The arguments of a class or function but those of the names in ``given``, which the program itself passes.

    A class that hands ``**kwargs`` on to its parents takes theirs too.
    """
    arguments: dict[str, Argument] = {}
    takes_others = False
    for owner in _chain(function):
        takes_others = False
        hints = _hints(owner)
        for name, parameter in inspect.signature(owner).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_others = True
            elif parameter.kind is not parameter.VAR_POSITIONAL and name not in (*given, "self"):
                arguments.setdefault(name, _argument(parameter, hints.get(name, _NO_VALUE)))
        if not takes_others:
            break
    return Signature(arguments, takes_others)


def fields_of(annotation: Any) -> Signature | None:
    """The options within an option whose type is a class of them (msgspec.Struct, dataclass); None for other types."""
    candidates = typing.get_args(annotation) or (annotation,)
    for candidate in candidates:
        if inspect.isclass(candidate) and (
            issubclass(candidate, msgspec.Struct) or dataclasses.is_dataclass(candidate)
        ):
            return signature_of(candidate)
    return None


def _chain(function: Callable[..., Any]) -> Iterable[Callable[..., Any]]:
    if not inspect.isclass(function) or issubclass(function, msgspec.Struct) or dataclasses.is_dataclass(function):
        return [function]
    return [vars(cls)["__init__"] for cls in function.__mro__ if "__init__" in vars(cls) and cls is not object]


def _argument(parameter: inspect.Parameter, hint: Any) -> Argument:
    if hint is _NO_VALUE:
        hint = Any if parameter.default is _NO_VALUE else type_of_default(parameter.default)
    return Argument(hint, parameter.default)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):  # names that only a type checker knows
        return {}

"""Whether a value from YAML has the type that an option wants; one message form for all."""

import math
import types
import typing
from typing import Any, NamedTuple

import msgspec
from torch import Tensor

NUMBER = int | float  # of a default like 1: a whole one where it can be, since it may be a size


class Typed(NamedTuple):
    """A value as its option wants it (5e3 where a whole number is wanted becomes 5000), or what is wrong with it."""

    value: Any
    fault: str | None


def typed(value: Any, annotation: Any) -> Typed:
    """``value`` for an option of the type ``annotation``; a type that says nothing about YAML's values takes any."""
    wanted = _readable(annotation)
    fault = None
    for candidate in (_whole(value), value) if annotation is NUMBER else (value, _whole(value)):
        try:
            msgspec.convert(candidate, wanted)
        except msgspec.ValidationError as error:
            fault = fault or _sentence(error, annotation, value)
        except TypeError:  # an annotation of another world: a module, a callable
            return Typed(value, None)
        else:
            return Typed(candidate, None)
    return Typed(value, fault)


def type_of_default(default: Any) -> Any:
    """The type that a parameter without annotation takes, as far as its default tells."""
    if isinstance(default, bool | str | float):
        return type(default)
    if isinstance(default, int):
        return NUMBER
    if isinstance(default, list | tuple):
        return list[Any] | int | float
    return dict[str, Any] if isinstance(default, dict) else Any


def takes_none(annotation: Any) -> bool:
    """Whether null is a value of this type."""
    return typed(None, annotation).fault is None


def is_finite(value: Any) -> bool:
    """False for NaN and infinities; True for all that is no float."""
    return not isinstance(value, float) or math.isfinite(value)


def _choices(annotation: Any) -> list[str]:
    """What the literals of a type are, and how its other members are called."""
    if typing.get_origin(annotation) is typing.Literal:
        return [repr(value) for value in typing.get_args(annotation)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [choice for member in typing.get_args(annotation) for choice in _choices(member)]
    if typing.get_origin(annotation) is typing.Annotated:
        return _choices(typing.get_args(annotation)[0])
    return [] if annotation is types.NoneType else [annotation.__name__]


def _readable(annotation: Any) -> Any:
    """``annotation`` without the tensors that a number may also be, which no YAML holds."""
    members = typing.get_args(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.Union[tuple(_readable(member) for member in members if member is not Tensor)]  # noqa: UP007
    if typing.get_origin(annotation) in (list, tuple):
        return typing.get_origin(annotation)[tuple(_readable(member) for member in members)]
    return annotation


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sentence(error: msgspec.ValidationError, annotation: Any, value: Any) -> str:
    """``expected int >= 1, got -5``, from msgspec's ``Expected `int` >= 1``."""
    message, _, where = str(error).replace("`", "").partition(" - at ")
    expected = message.partition(", got")[0]
    if message.startswith("Invalid enum value"):
        expected = f"expected {' or '.join(_choices(annotation))}"
    item = f" at {where.removeprefix('$')}" if where else ""
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
    words = {"Expected": "expected", "null": "~", "array": "a list", "object": "a mapping", "str": "text"}
    sentence = " ".join(words.get(word, word) for word in expected.split(" "))
    return f"{sentence}{item}, got {shown}"

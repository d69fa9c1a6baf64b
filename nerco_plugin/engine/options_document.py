"""docs/options.md: every option of every class that this package registers, read from signatures and docstrings."""

import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

from basicsr.utils.registry import (
    ARCH_REGISTRY,
    DATASET_REGISTRY,
    LOSS_REGISTRY,
    METRIC_REGISTRY,
    MODEL_REGISTRY,
    Registry,
)

from nerco_plugin.engine.options_parts import IMAGES
from nerco_plugin.engine.options_signature import Signature, fields_of, signature_of
from nerco_plugin.models import lr_scheduler

OWN = "nerco_plugin"
HEAD = """\
# Options

Every option of every class of this package that an option file can name. Written by `python tools/document_options.py`
from signatures and docstrings: change those, not this page. Options that all models and data sets share are BasicSR's
own; `python tools/train.py -opt FILE --check` holds a file against all of them and prints what will run.
"""
METRICS = """\
`val: {metrics: {ANY_NAME: {type: NAME, ...}}}`. A metric that compares with references scores the data sets that have
them, the others score all: PSNR on LOL and NIQE on LIME stand in one file."""
SECTIONS: tuple[tuple[str, str, Registry], ...] = (
    ("Models", "`model_type: NAME`; a dot stands for a level of the YAML.", MODEL_REGISTRY),
    ("Networks", "`network_g: {type: NAME, ...}`, and wherever else a network stands.", ARCH_REGISTRY),
    ("Losses", "`train: {nr_opt: {type: NAME, ...}}`, and the other `*_opt`.", LOSS_REGISTRY),
    ("Data sets", "`datasets: {train: {type: NAME, ...}}`.", DATASET_REGISTRY),
    ("Metrics", METRICS, METRIC_REGISTRY),
)
OF_EVERY = {  # what BasicSR gives every data set and metric
    "name": "of the data set, in logs and folders.",
    "crop_border": "pixels cut off every side before scoring.",
    "input_order": "`HWC` or `CHW`; validation gives HWC.",
    "better": "`higher` or `lower`: which score is the best one.",
}
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): +(.*(?:\n {5,}.*)*)", re.MULTILINE)
_QUOTED = r"(?:``[\w.]+``, )*``[\w.]+``: "
_NAMED = re.compile(rf"({_QUOTED})(.*?)(?= (?:- )?{_QUOTED}|$)", re.DOTALL)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


class UndocumentedError(ValueError):
    """An option that no docstring explains; the message names class and option."""


class Option(NamedTuple):
    """One row of a table."""

    name: str
    kind: str
    default: str
    meaning: str


def options_page() -> str:
    """The whole page, Markdown.

    Raises:
        UndocumentedError: naming every option without an explanation.
    """
    faults: list[str] = []
    parts = [HEAD]
    for title, use, registry in SECTIONS:
        classes = sorted((thing for _, thing in registry if _is_own(thing)), key=lambda thing: thing.__name__)
        parts += [f"## {title}\n\n{use}\n", *(_chapter(thing, faults) for thing in classes)]
    schedules = [thing for thing in vars(lr_scheduler).values() if inspect.isclass(thing) and _is_own(thing)]
    parts += ["## Schedules\n\n`train: {scheduler: {type: NAME, ...}}`.\n"]
    parts += [_chapter(thing, faults) for thing in schedules]
    if faults:
        raise UndocumentedError(f"no docstring explains {'; '.join(faults)}")
    return "\n".join(parts)


def options_of(thing: Callable[..., Any]) -> list[Option]:
    """The options of a class or function, in the order of its signature, or of the ``OPTIONS`` that it publishes."""
    given = (*IMAGES, "optimizer") if not hasattr(thing, "OPTIONS") else ()
    signature = signature_of(getattr(thing, "OPTIONS", thing), given)
    return list(_rows(signature, explanations(thing), ""))


def explanations(thing: Any) -> dict[str, str]:
    """What the docstrings of a class and its parents, or of a function, say of each option, by its name."""
    found: dict[str, str] = {}
    for owner in inspect.getmro(thing) if inspect.isclass(thing) else (thing,):
        if not _is_own(owner) or not owner.__doc__:
            continue
        text = inspect.cleandoc(owner.__doc__).partition("\nRaises:")[0]
        for names, meaning in _ENTRY.findall(text):
            for name in names.split(", "):
                found.setdefault(name, _flat(meaning))
        for names, meaning in _NAMED.findall(_flat(text, markdown=False)):
            for name in re.findall(r"[\w.]+", names):
                found.setdefault(name, _flat(meaning))
    return found


def _rows(signature: Signature, known: dict[str, str], before: str) -> Iterator[Option]:
    for name, argument in signature.arguments.items():
        if name in ("opt", "self"):
            continue
        within = fields_of(argument.annotation)
        if within is not None:
            own = next(filter(inspect.isclass, (argument.annotation, *typing.get_args(argument.annotation))))
            yield from _rows(within, explanations(own) | known, f"{before}{name}.")
            continue
        path = f"{before}{name}"
        meaning = OF_EVERY.get(name) or known.get(path) or known.get(name, "")
        yield Option(path, _kind(argument.annotation), _default(argument.default), meaning)


def _chapter(thing: Any, faults: list[str]) -> str:
    first = _flat(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0])
    options = options_of(thing)
    faults += [f"{thing.__name__}: {option.name}" for option in options if not option.meaning]
    faults += [thing.__name__] if not first else []
    lines = [f"### {thing.__name__}\n", f"{first}\n"]
    if options:
        lines += ["| option | type | default | meaning |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in option) + " |" for option in options]
    return "\n".join([*lines, ""])


def _is_own(thing: Any) -> bool:
    return thing.__module__.partition(".")[0] == OWN


def _flat(text: str, markdown: bool = True) -> str:
    """One line; with ``markdown``, the references and quotes of a docstring as Markdown has them."""
    line = " ".join(text.split())
    return _ROLE.sub(r"`\1`", line).replace("``", "`").removesuffix(" -") if markdown else line


def _kind(annotation: Any) -> str:
    """A type as a reader of YAML knows it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        least = next((meta.ge for meta in arguments[1:] if getattr(meta, "ge", None) is not None), None)
        return _kind(arguments[0]) + ("" if least is None else f", at least {least}")
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if origin is dict:
        return "mapping"
    if origin is tuple:
        return f"list of {len(arguments)}"
    return str(getattr(annotation, "__name__", annotation))


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    return "`~`" if value is None else f"`{json.dumps(value)}`"

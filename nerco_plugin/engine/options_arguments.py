"""Holds one block of options against the arguments it may have: unknown, missing, of a wrong type, or not a number."""

from collections.abc import Mapping
from typing import Any

import msgspec

from nerco_plugin.engine.options_reads import NOTHING, Reads
from nerco_plugin.engine.options_signature import Argument, Signature, fields_of
from nerco_plugin.engine.options_source import Faults, KeyPath, did_you_mean, near, shown
from nerco_plugin.engine.options_tables import belongs_to
from nerco_plugin.engine.options_types import is_finite, takes_none, typed

Block = dict[Any, Any]


def check_arguments(block: Block, keys: KeyPath, signature: Signature, owner: str, faults: Faults) -> None:
    """Hold the options of one class or function, beside its ``type``, against its signature."""
    known = signature.arguments
    for key in [key for key in block if key != "type" or key in known]:
        if key in known:
            check_value(block, key, keys, known[key], faults)
        elif not signature.takes_others or near(key, known):
            hint = _meant(key, keys, known, faults)
            faults.add((*keys, key), f"{owner} takes no such argument{hint}")
    check_required(block, keys, known, owner, faults)


def check_block(
    block: Block, keys: KeyPath, known: Mapping[str, Argument], reader: str, faults: Faults, reads: Reads = NOTHING
) -> None:
    """Hold what was written of a general block against its table; ``reads`` says which other keys may be there."""
    for key in [key for key in block if (*keys, key) in faults.options.places]:
        if key in known:
            check_value(block, key, keys, known[key], faults)
        elif faults.is_typed((*keys, key)) or not reads.tolerates(str(key), known):
            hint = _meant(key, keys, known, faults) or belongs_to(str(key))
            faults.add((*keys, key), f"unknown option, {reader} does not read it{hint}")


def _meant(key: Any, keys: KeyPath, known: Mapping[str, Argument], faults: Faults) -> str:
    """What an unknown key may stand for: in a file, none that this file has as well; on the command line, any."""
    file, places = faults.options.place((*keys, key)).file, faults.options.places
    there = {place[-1] for place in places if place[:-1] == keys and places[place].file == file} if file else set()
    return did_you_mean(key, known.keys() - there)


def check_required(block: Block, keys: KeyPath, known: Mapping[str, Argument], owner: str, faults: Faults) -> None:
    """Every argument without a default must be there."""
    for name, argument in known.items():
        if argument.required and name not in block:
            faults.add(keys, f"{owner} needs {name!r}")


def check_value(block: Block, key: Any, keys: KeyPath, argument: Argument, faults: Faults) -> None:
    """Type of one value, put right in place where it is only written differently (5e3 for 5000).

    ``~`` stands for an argument's default, so the key is taken away, unless null is itself a value of the argument.
    """
    value = block[key]
    if value is None and not argument.required:
        if argument.default is not None and not takes_none(argument.annotation):
            del block[key]
        return
    within = fields_of(argument.annotation)
    if within is not None and isinstance(value, dict):
        before = len(faults.found)
        check_arguments(value, (*keys, key), within, shown((*keys, key)), faults)
        if len(faults.found) == before:
            check_published(value, (*keys, key), argument.annotation, faults)
        return
    result = typed(value, argument.annotation)
    if result.fault:
        faults.add((*keys, key), result.fault)
    block[key] = result.value


def check_published(block: Block, keys: KeyPath, published: Any, faults: Faults) -> None:
    """Hold a block without other faults against a class of options as a whole, whose constructor may refuse it."""
    try:
        msgspec.convert(block, published)
    except msgspec.ValidationError as error:
        faults.add_refusal(block, keys, str(error).partition(" - at `$")[0])


def check_finite(value: Any, keys: KeyPath, faults: Faults) -> None:
    """No NaN or infinity anywhere below ``keys``."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_finite(item, (*keys, key), faults)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_finite(item, (*keys, index), faults)
    elif not is_finite(value):
        faults.add(keys, f"expected a finite number, got {value}")

"""The doctor: looks through the data sets of an option file for what would spoil a long run or its scores."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nerco_plugin.data.basicsr_guard import check_files, partner_name
from nerco_plugin.data.diagnosis import Diagnosis, Finding, Side
from nerco_plugin.data.image_facts import image_facts
from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.data.image_source import ImageSource
from nerco_plugin.data.scenes import find_leaks, find_repeated

UNLIKE = 0.5  # 35 pairs of LOL are 0.907 alike and more
NOT_DARK = 0.35  # the 32 of 64 DICM photographs that are dark lie below
SMALLEST = 64  # shorter side in pixels, where a data set names no size

Sources = Mapping[tuple[str, str], ImageSource]


def open_sources(data_sets: Mapping[str, Mapping[str, Any]]) -> tuple[Sources, list[Finding]]:
    """Open every ``dataroot_*`` under ``datasets``: (data set, side) to its source, and what could not be opened."""
    sources = {}
    findings = []
    for name, opt in data_sets.items():
        roots = [key for key, value in opt.items() if key.startswith("dataroot_") and value is not None]
        for role in (key.removeprefix("dataroot_") for key in roots):
            try:
                sources[name, role] = _source(opt, role)
            except (OSError, ValueError, TypeError) as error:  # a root or meta-info file that is no text: TypeError
                findings.append(Finding(True, "cannot be opened", f"datasets.{name}.dataroot_{role}: {error}"))
    return sources, findings


def examine(
    data_sets: Mapping[str, Mapping[str, Any]], sources: Sources, on_image: Callable[[str], object] = lambda path: None
) -> Diagnosis:
    """Read every image once and compare.

    Args:
        data_sets: the ``datasets`` of an option file, paths resolved; those called ``train*`` are trained on.
        sources: from :func:`open_sources`.
        on_image: called with each image's path when it was read.
    """
    findings: list[Finding] = []
    sides = []
    for (name, role), source in sources.items():
        side = Side(name, role, data_sets[name], [])
        for index in range(len(source)):
            path = source.path(index)
            try:
                side.images.append(image_facts(source.content(index), source.names[index], path))
            except ImageReadError as error:
                findings.append(Finding(True, "unreadable", f"{side.label}: {error}"))
            on_image(path)
        sides.append(side)
    for side in sides:
        findings += [*_small(side), *find_repeated(side)]
    for name in data_sets:
        findings += _between_sides({side.role: side for side in sides if side.data_set == name})
    findings += find_leaks([side for side in sides if side.is_train], [side for side in sides if not side.is_train])
    return Diagnosis(sides, findings)


def _source(opt: Mapping[str, Any], role: str) -> ImageSource:
    names_inputs = role == "lq" and opt.get("dataroot_gt")  # BasicSR's meta-info file lists the references
    meta_info = opt.get(f"meta_info_{role}") or (None if names_inputs else opt.get("meta_info_file"))
    backend = (opt.get("io_backend") or {}).get("type", "disk")
    return ImageSource(opt[f"dataroot_{role}"], backend, meta_info)


def _small(side: Side) -> Iterator[Finding]:
    limit = side.opt.get("size") or side.opt.get("gt_size") or SMALLEST
    for image in side.images:
        if min(image.height, image.width) < limit:
            text = f"{side.label}: {image.name} is {image.width}x{image.height}, below {limit} px"
            yield Finding(False, "tiny", text)


def _between_sides(sides: Mapping[str, Side]) -> Iterator[Finding]:
    if "lq" in sides:
        try:  # names only, as for training: sizes are compared below
            check_files({"type": "", "io_backend": {"type": "disk"}, **sides["lq"].opt, "phase": "train"})
        except (OSError, ValueError) as error:
            yield Finding(True, "pairs", str(error))
    if {"lq", "gt"} <= sides.keys():
        yield from _unequal_pairs(inputs=sides["lq"], references=sides["gt"])
    if {"low", "high"} <= sides.keys():
        yield from _not_dark(low=sides["low"], high=sides["high"])


def _unequal_pairs(inputs: Side, references: Side) -> Iterator[Finding]:
    by_name = {image.name: image for image in inputs.images}
    scale = inputs.opt.get("scale", 1)
    for reference in references.images:
        image = by_name.get(partner_name(reference.name, inputs.opt.get("filename_tmpl") or "{}"))
        if image is None:
            continue  # check_files tells, or it is unreadable
        pair = f"{references.label}: {reference.name}"
        if (reference.height, reference.width) != (image.height * scale, image.width * scale):
            sizes = f"{reference.width}x{reference.height}, its input {image.width}x{image.height}"
            yield Finding(True, "pairs", f"{pair} is {sizes} at scale {scale}")
        likeness = float(reference.signature @ image.signature)
        if likeness < UNLIKE:
            yield Finding(True, "pairs", f"{pair} shows something else than its input (likeness {likeness:.3f})")


def _not_dark(low: Side, high: Side) -> Iterator[Finding]:
    medians = [np.median([image.brightness for image in side.images] or [np.nan]) for side in (low, high)]
    if medians[0] >= medians[1]:
        found = f"median brightness {medians[0]:.3f} against {medians[1]:.3f}"
        yield Finding(True, "sides swapped?", f"{low.label} is not darker than {high.label}: {found}")
    for image in low.images:
        if image.brightness > NOT_DARK:
            text = f"{low.label}: {image.name} has a mean brightness of {image.brightness:.2f}"
            yield Finding(False, "not dark", text)

"""Which files belong together: results, low-light inputs and references paired by name, whatever the extension."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})
OWN_FOLDER = "index_files"  # a report's pictures: never taken for results, so a report may lie beside them
SIDEWAYS = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height
EXIF_ORIENTATION = 0x0112


class PairingError(ValueError):
    """Folders that do not match; the message lists every fault by file name."""


@dataclass(frozen=True)
class ImageSet:
    """One scene: its low-light input, its result by each method, and its reference where there is one."""

    name: str
    low: Path
    enhanced: dict[str, Path]
    gt: Path | None


def list_images(folder: Path, role: str, suffix: str = "") -> tuple[dict[str, Path], list[str]]:
    """All images under ``folder`` by relative path without extension (and without a trailing ``suffix``), and faults.

    Raises:
        PairingError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise PairingError(f"{role}: no folder {folder}")
    found: dict[str, Path] = {}
    faults = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or OWN_FOLDER in relative.parts or path.name.startswith("."):
            continue
        name = relative.with_suffix("").as_posix().removesuffix(suffix)
        if name in found:
            faults.append(f"{role}: {name} is there twice: {found[name].name} and {path.name}")
        found.setdefault(name, path)
    if not found:
        raise PairingError(f"{role}: no image in {folder} (looked for {', '.join(sorted(SUFFIXES))})")
    return found, faults


def image_size(path: Path) -> tuple[int, int]:
    """Width and height as an EXIF-aware reader sees them, from the header alone.

    Raises:
        PairingError: not an image, or one of more than 8 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("L", "LA", "P", "PA", "RGB", "RGBA", "1"):
                raise PairingError(f"scores are taken on 8-bit images, this one has mode {image.mode}")
            width, height = image.size
            return (height, width) if image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS else (width, height)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise PairingError(f"not readable as an image ({error})") from error


def size_faults(images: ImageSet) -> list[str]:
    """What is wrong with the sizes of one scene's files, each as one line that names the file."""
    faults, sizes = [], {}
    for path in (images.low, *images.enhanced.values(), *([images.gt] if images.gt else [])):
        try:
            sizes[path] = image_size(path)
        except PairingError as error:
            faults.append(f"{path}: {error}")
    wanted = sizes.get(images.low)
    for path, size in sizes.items():
        if wanted and size != wanted:
            faults.append(f"{path}: {size[0]} x {size[1]}, but its input is {wanted[0]} x {wanted[1]}")
    return faults


def unmatched(role: str, files: Mapping[str, Path], inputs: Mapping[str, Path]) -> list[str]:
    """One line for each name that only one of the two sides has."""
    missing = [f"{role}: {name} is missing (input {path})" for name, path in inputs.items() if name not in files]
    return missing + [
        f"low: {name} is missing ({role} has {path})" for name, path in files.items() if name not in inputs
    ]


def pair_images(methods: Mapping[str, Path], low: Path, gt: Path | None = None, suffix: str = "") -> list[ImageSet]:
    """Pair all folders by name, in the order of the names.

    Args:
        methods: Folder of results for each method.
        low: Folder of the low-light inputs: every one must have its result, and the other way round.
        gt: Folder of the paired references.
        suffix: Ending that results carry after the input's name (BasicSR writes ``NAME_EXPERIMENT.png``).

    Raises:
        PairingError: a missing, doubled, unreadable or differently sized image; all faults are in the message.
    """
    inputs, faults = list_images(low, role="low")
    results = {
        method: list_images(folder, role=f"enhanced {method!r}", suffix=suffix) for method, folder in methods.items()
    }
    truths = list_images(gt, role="gt") if gt is not None else ({}, [])
    for role, (files, doubled) in {**{f"enhanced {m!r}": r for m, r in results.items()}, "gt": truths}.items():
        faults += doubled + (unmatched(role, files, inputs) if files else [])
    sets = [
        ImageSet(
            name=name,
            low=path,
            enhanced={method: files[name] for method, (files, _) in results.items() if name in files},
            gt=truths[0].get(name),
        )
        for name, path in inputs.items()
    ]
    faults += [fault for images in sets for fault in size_faults(images)]
    if faults:
        raise PairingError("\n".join([f"{len(faults)} fault(s) in the folders, nothing was scored:", *faults]))
    return sorted(sets, key=lambda images: natural_order(images.name))


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """Sorting key that puts 2 before 10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]

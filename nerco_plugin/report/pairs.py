"""Which files belong together: results, low-light inputs and references paired by name, whatever the extension."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from basicsr.utils import get_root_logger

from nerco_plugin.data.image_io import ImageReadError, read_header
from nerco_plugin.data.image_list import IMAGE_SUFFIXES

SUFFIXES = IMAGE_SUFFIXES | {".gif", ".tga"}  # which others' results may come as
OWN_FOLDER = "index_files"  # a report's pictures: never taken for results, so a report may lie beside them
OWN_FILES = frozenset({"scores.json", "scores.csv", "scores.md", "index.html"})


class PairingError(ValueError):
    """Folders that do not match; the message lists every fault by file name."""


@dataclass(frozen=True)
class ImageSet:
    """One scene: its low-light input, its result by each method, and its reference where there is one."""

    name: str
    low: Path
    enhanced: dict[str, Path]
    gt: Path | None


@dataclass(frozen=True)
class Folder:
    """A folder of images: what it is called, its files by name, and its faults so far."""

    role: str
    files: dict[str, Path]
    faults: list[str]

    def unmatched(self, low: "Folder") -> list[str]:
        """One line for each name that only one of the two folders has."""
        missing = [(name, f"{self.role}: {name} is missing (input {path})") for name, path in low.files.items()]
        surplus = [(name, f"low: {name} is missing ({self.role} has {path})") for name, path in self.files.items()]
        return [line for name, line in missing + surplus if not (name in self.files and name in low.files)]


def read_folder(path: Path, role: str, suffix: str = "") -> Folder:
    """List all images below ``path`` by their relative path without extension and without a trailing ``suffix``.

    Hidden files and a report's own are left out; other files that are no images are, too, with a warning.

    Raises:
        PairingError: no such folder, or no image in it.
    """
    if not path.is_dir():
        raise PairingError(f"{role}: no folder {path}")
    folder = Folder(role, {}, [])
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if file.is_dir() or relative.parts[0] == OWN_FOLDER or any(part.startswith(".") for part in relative.parts):
            continue
        if file.suffix.lower() not in SUFFIXES:
            if file.name not in OWN_FILES:
                get_root_logger().warning(f"{role}: {file} is no image and is left out")
            continue
        name = relative.with_suffix("").as_posix().removesuffix(suffix)
        if name in folder.files:
            folder.faults.append(f"{role}: {name} is there twice: {folder.files[name].name} and {file.name}")
        folder.files.setdefault(name, file)
    if not folder.files:
        raise PairingError(f"{role}: no image in {path} (looked for {' '.join(sorted(SUFFIXES))})")
    return folder


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an upright image, from the header alone.

    Raises:
        PairingError: not an image, or one of more than 8 bits.
    """
    try:
        header = read_header(path)
    except ImageReadError as error:
        raise PairingError(str(error)) from error
    if path.suffix.lower() == ".jp2":  # whose header reader does not know the depth
        raise PairingError(f"{path}: JPEG 2000 may hold more than the 8 bits that scores are taken on: save it as PNG")
    if header.bits > 8:
        raise PairingError(f"{path}: scores are taken on 8-bit images, this one has {header.bits} bits per value")
    return header.width, header.height


def size_faults(images: ImageSet) -> list[str]:
    """What is wrong with the sizes of one scene's files, each as one line that names the file."""
    faults, sizes = [], {}
    for path in (images.low, *images.enhanced.values(), *([images.gt] if images.gt else [])):
        try:
            sizes[path] = image_size(path)
        except PairingError as error:
            faults.append(str(error))
    wanted = sizes.get(images.low)
    for path, size in sizes.items():
        if wanted and size != wanted:
            faults.append(f"{path}: {size[0]} x {size[1]}, but its input is {wanted[0]} x {wanted[1]}")
    return faults


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
    inputs = read_folder(low, role="low")
    results = {name: read_folder(path, role=f"enhanced {name!r}", suffix=suffix) for name, path in methods.items()}
    truths = read_folder(gt, role="gt") if gt is not None else None
    sets = [
        ImageSet(
            name=name,
            low=path,
            enhanced={method: folder.files[name] for method, folder in results.items() if name in folder.files},
            gt=truths.files.get(name) if truths else None,
        )
        for name, path in inputs.files.items()
    ]
    faults = list(inputs.faults)
    for folder in (*results.values(), *([truths] if truths else [])):
        faults += folder.faults + folder.unmatched(inputs)
    faults += [fault for images in sets for fault in size_faults(images)]
    if faults:
        raise PairingError("\n".join([f"{len(faults)} fault(s) in the folders, nothing was scored:", *faults]))
    return sorted(sets, key=lambda images: natural_order(images.name))


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """Sorting key that puts 2 before 10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]

"""Lists the images of a folder or of a meta-info file: images only, in an order that is the same everywhere."""

import os
import re
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm", ".jp2")
)

# BasicSR writes "name.png (480,480,3)" or "name.png (480,480,3) 1"; names may hold spaces and brackets.
_META_INFO_LINE = re.compile(r"(?P<name>.*?\S)(\s+\(\d+(,\s*\d+)*\)(\s+-?\d+)?)?\s*")


def is_image_name(name: str) -> bool:
    """Whether a file name has an image's ending, in any case, and is not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def list_folder(folder: str | Path) -> list[str]:
    """List the images under a folder and its subfolders.

    Hidden files and folders and files that are no images are skipped; links are followed, loops are not. A broken
    link is listed, so that reading it fails by name instead of leaving it out in silence.

    Returns:
        Paths relative to ``folder`` with forward slashes, sorted by code point.

    Raises:
        FileNotFoundError, NotADirectoryError: ``folder`` is absent or a file.
        ValueError: there is no image in it.
    """
    root = Path(folder)
    if not root.exists():
        raise FileNotFoundError(f"folder of images not found: '{folder}'")
    if not root.is_dir():
        raise NotADirectoryError(f"expected a folder of images, got a file: '{folder}'")
    names = []
    visited = set()
    for place, subfolders, files in os.walk(root, followlinks=True, onerror=_raise):
        here = Path(place)
        visited.add(here.resolve())
        subfolders[:] = [
            name for name in subfolders if not name.startswith(".") and (here / name).resolve() not in visited
        ]
        names += [(here / name).relative_to(root).as_posix() for name in files if is_image_name(name)]
    if not names:
        raise ValueError(f"no images in folder '{folder}' (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(names)


def _raise(error: OSError) -> None:
    raise error


def list_meta_info(meta_info: str | Path) -> list[str]:
    """List the names in a BasicSR meta-info file, in its own order.

    Each line is a name, relative to the data root and with its ending, and optionally BasicSR's ``(h,w,c)`` and
    compression level after it. Blank lines are skipped.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it lists nothing, or is not UTF-8.
    """
    path = Path(meta_info)
    if not path.is_file():
        raise FileNotFoundError(f"meta-info file not found: '{meta_info}'")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"meta-info file '{meta_info}' is not UTF-8: {error}") from error
    matches = [_META_INFO_LINE.fullmatch(line) for line in lines]
    names = [match["name"] for match in matches if match]
    if not names:
        raise ValueError(f"meta-info file '{meta_info}' lists no images")
    return names

"""Which file becomes which: files and folders of images and videos in, a file or a folder of the same structure out."""

import mimetypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from nerco_plugin.inference.formats import IMAGE_FORMATS, UNREAD, VIDEO_CODECS, starts_like_a_picture
from nerco_plugin.inference.left_out import describe

KNOWN = {**IMAGE_FORMATS, **VIDEO_CODECS}
FILES = ("application/pdf", "text/plain")  # beside images, videos and sound, endings that no folder is meant by


class JobError(ValueError):
    """Inputs and output that do not go together; the message names them."""


class Job(NamedTuple):
    """One file to enhance, and where the result goes."""

    source: Path
    target: Path

    @property
    def is_video(self) -> bool:
        """Whether the source is a video by its ending."""
        return self.source.suffix.lower() in VIDEO_CODECS


def _raise(message: str) -> None:
    raise JobError(message)


def plan_jobs(
    inputs: Sequence[Path],
    out: str | Path,
    warn: Callable[[str], None] = _raise,
    left_out: set[Path] | None = None,
) -> list[Job]:
    """The files that ``inputs`` mean, each with its result under ``out``.

    A single file goes to ``out`` itself where that has the ending of an image or a video; everything else goes into
    the folder ``out``: files under their names, folders with their structure. Hidden files, files of other kinds and
    linked folders in a folder, and whatever lies under ``out`` are left out; an input that is named twice counts once.

    Args:
        inputs: files and folders.
        out: a folder, made later where it is absent, or a file's name; a string that ends in a slash is a folder.
        warn: called with the name of each folder that cannot be read; raises JobError unless told otherwise.
        left_out: gets what folders hold of photographs and videos of other kinds, and of linked folders.

    Raises:
        JobError: an input is absent or of an unknown kind, a folder holds nothing to enhance, two results have one
            name, ``out`` is a file's name where a folder is needed, or a result would replace an input.
        OSError: an input cannot be looked at.
    """
    left_out = set() if left_out is None else left_out
    is_folder = str(out).endswith(("/", os.sep))
    out = Path(out)
    is_folder |= out.is_dir()
    if len(inputs) == 1 and inputs[0].is_file() and out.suffix.lower() in KNOWN and not is_folder:
        _check_no_file(out.parent)
        jobs = [Job(_known(inputs[0]), out)]
    else:
        if not is_folder:
            _check_ending(out)
        _check_no_file(out)
        planned = [job for path in inputs for job in _jobs_of(path, out, warn, left_out)]
        jobs = list({(job.source.resolve(), job.target): job for job in planned}.values())
        named = {path.resolve() for path in inputs}
        left_out -= {path for path in left_out if path.resolve() in named}
    _check_kinds(jobs)
    _check_targets(jobs)
    return jobs


def _check_ending(out: Path) -> None:
    """``-o better.gif`` and, for several inputs, ``-o better.jpg`` mean no folder of that name."""
    ending = out.suffix.lower()
    kind = mimetypes.guess_type(out.name)[0] or ""
    if ending in KNOWN:
        raise JobError(
            f"{out}: a file's name, for one image or one video; name a folder for a folder or several inputs"
        )
    if ending in UNREAD or kind in FILES or kind.startswith(("image/", "video/", "audio/")):
        raise JobError(f"{out}: cannot write {kind or ending}, but {' '.join(KNOWN)}")


def _check_no_file(folder: Path) -> None:
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise JobError(f"{path}: is a file; name a folder")


def _jobs_of(path: Path, out: Path, warn: Callable[[str], None], left_out: set[Path]) -> list[Job]:
    if path.is_file():
        return [Job(_known(path), out / path.name)]
    if not path.is_dir():
        raise JobError(f"{path}: is no file and no folder" if path.exists() else f"no such file or folder: {path}")
    unread: set[Path] = set()
    files = _files_under(path, out.resolve(), warn, unread)
    if not files:
        told = ["no image or video in this folder", describe(unread), f"known endings: {' '.join(KNOWN)}"]
        raise JobError(f"{path}: {'; '.join(filter(None, told))}")
    left_out |= unread
    return [Job(file, out / file.relative_to(path)) for file in files]


def _known(path: Path) -> Path:
    if path.suffix.lower() not in KNOWN:
        raise JobError(f"{path}: expected an image or a video, one of {' '.join(KNOWN)}")
    return path


def _files_under(folder: Path, out: Path, warn: Callable[[str], None], left_out: set[Path]) -> list[Path]:
    """Images and videos, sorted, and what is ``left_out``; ``out`` may be ``folder``'s child, not ``folder`` itself."""
    found = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: warn(f"{error.filename}: {error.strerror}")):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and (here / name).resolve() != out)
        names = sorted(name for name in names if not name.startswith("."))
        links = [name for name in folders if (here / name).is_symlink()]  # which os.walk does not enter
        others = [name for name in names if _is_other_picture(here / name)]
        left_out |= {here.resolve() / name for name in links + others}
        found += [here / name for name in names]
    return [file for file in found if file.suffix.lower() in KNOWN and _is_ordinary(file)]


def _is_other_picture(file: Path) -> bool:
    """Whether a file looks like a picture or a video, and is of no kind that is enhanced."""
    if file.suffix or not file.is_file():  # but a pipe
        return file.suffix.lower() in UNREAD
    try:
        with file.open("rb") as opened:
            return starts_like_a_picture(opened.read(16))
    except OSError:  # not to be read: nobody knows
        return False


def _is_ordinary(file: Path) -> bool:
    """No pipe or device, which would be waited for forever; a broken link is for reading to report."""
    return file.is_file() or not file.exists()


def _check_kinds(jobs: list[Job]) -> None:
    for job in jobs:
        if job.is_video != (job.target.suffix.lower() in VIDEO_CODECS):
            raise JobError(f"{job.source} is {'a video' if job.is_video else 'an image'}; {job.target} would not be")


def _check_targets(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    taken: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in sources:
            raise JobError(f"{job.target} is an input: name another place with -o")
        if target in taken:
            raise JobError(f"{taken[target]} and {job.source} would both become {job.target}")
        taken[target] = job.source

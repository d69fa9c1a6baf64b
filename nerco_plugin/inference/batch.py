"""Enhances many files one after the other: whole or not at all, and a bad one does not stop the rest."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.inference.enhancer import EnhanceError, Enhancer
from nerco_plugin.inference.jobs import Job
from nerco_plugin.inference.output import OutputError, check_writable, written_into
from nerco_plugin.inference.photograph import check_holds, encode_photograph, read_photograph
from nerco_plugin.inference.video import VideoError, enhance_video
from nerco_plugin.whole_file import remove_abandoned, whole_file

# What is the file's fault, or the machine's for this file; anything else is ours and stops.
FAULTS = (ImageReadError, VideoError, EnhanceError, OSError, ValueError, MemoryError, ImportError)


class Outcome(NamedTuple):
    """How many files were enhanced or there already, and what went wrong, each message naming its file."""

    done: int
    skipped: int
    faults: list[str]


def enhance_files(
    enhancer: Enhancer,
    jobs: Sequence[Job],
    strength: float = 1.0,
    overwrite: bool = False,
    progress: bool = True,
    stops: float = 0.0,
) -> Outcome:
    """Enhance all ``jobs``; a result that is there is left as it is and counts as finished unless ``overwrite``.

    A disk that is full or read-only ends it. Raises OutputError where the results' folder cannot be written to.
    """
    todo = [job for job in jobs if overwrite or not job.target.is_file()]
    for folder in {job.target.parent for job in jobs}:
        remove_abandoned(folder)
    if todo:
        check_writable(Path(os.path.commonpath([job.target.parent for job in todo])))
    faults: list[str] = []
    done = 0
    with tqdm(todo, unit="file", disable=not progress) as bar:
        for place, job in enumerate(bar):
            bar.set_postfix_str(job.source.name)
            try:
                remark = _enhance(enhancer, job, strength, stops, progress)
            except FAULTS as error:
                if isinstance(error, OutputError) and error.ends_all:
                    faults.append(f"{error}; the same command goes on with the {len(todo) - place} left to do")
                    break
                faults.append(_named(job, f"{error}" or type(error).__name__))
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                faults.append(_named(job, "out of memory; try --precision bf16, or --device cpu"))
            else:
                done += 1
                if not remark:
                    continue
                faults.append(_named(job, f"{remark}; what is there was enhanced"))
            if progress:
                bar.write(f"failed: {faults[-1]}", file=sys.stderr)
    return Outcome(done, len(jobs) - len(todo), faults)


def _enhance(enhancer: Enhancer, job: Job, strength: float, stops: float, progress: bool) -> str | None:
    """Returns what is to be said of a file that was enhanced, and not whole."""
    if job.target.is_dir():
        raise ValueError(f"{job.target} is a folder")
    folder = job.target.parent
    with written_into(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if job.is_video:
        with written_into(folder), whole_file(job.target, shared=True) as temporary, _frame_bar(progress) as on_frame:
            suffix = job.target.suffix.lower()
            return enhance_video(enhancer, job.source, temporary, suffix, strength, on_frame, stops)
    photograph = read_photograph(job.source, enhancer.size_check)
    check_holds(job.target, photograph.pixels)  # before the long part
    content = encode_photograph(enhancer.photograph(photograph, strength, stops), job.target)
    with written_into(folder), whole_file(job.target, shared=True) as temporary:
        temporary.write_bytes(content)
    return None


@contextmanager
def _frame_bar(progress: bool) -> Iterator[Callable[[int, int], None]]:
    with tqdm(unit="frame", leave=False, position=1, disable=not progress) as bar:

        def on_frame(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield on_frame


def _is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it, which is a RuntimeError; the CPU's allocator, cuBLAS and cuDNN only say so."""
    said = "DefaultCPUAllocator", "STATUS_ALLOC_FAILED"
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in said)


def _named(job: Job, message: str) -> str:
    """The message with the source's name, whole: it may be a part of the target's."""
    is_named = message.startswith(f"{job.source}: ") or f"'{job.source}'" in message
    return message if is_named else f"{job.source}: {message}"

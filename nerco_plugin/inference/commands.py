"""What the command ``nerco`` does once its arguments are parsed (nerco_command.py).

What enhances is imported by the commands that need it: the doctor says what is wrong where it cannot be. Each command
calls ``heed_signals`` before it begins something: from there on a signal raises KeyboardInterrupt.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nerco_plugin.allocator import keep_freed_memory
from nerco_plugin.inference.doctor import examine
from nerco_plugin.inference.jobs import plan_jobs
from nerco_plugin.inference.left_out import describe
from nerco_plugin.inference.output import OutputError
from nerco_plugin.models.checkpoint_error import CheckpointError
from nerco_plugin.openmp import wait_asleep

if TYPE_CHECKING:
    from nerco_plugin.inference.enhancer import Enhancer

MENDABLE = (CheckpointError, ImportError, OSError, ValueError)  # OptionError, JobError, WeightsMissingError among them


def enhance(args: argparse.Namespace, heed_signals: Callable[[], None]) -> int:
    """``nerco enhance``."""
    wait_asleep()
    unread: list[str] = []
    left_out: set[Path] = set()
    try:
        jobs = plan_jobs(args.inputs, args.out, unread.append, left_out)
        from nerco_plugin.inference.batch import enhance_files

        enhancer = _enhancer(args)
        enhancer.check_stops(args.stops)
    except MENDABLE as error:
        return _refuse(error, unread)
    heed_signals()
    try:
        outcome = enhance_files(
            enhancer, jobs, args.strength, args.overwrite, progress=not args.quiet, stops=args.stops
        )
    except OutputError as error:
        return _refuse(error, unread)
    skipped = f", {outcome.skipped} there already (--overwrite does them again)" if outcome.skipped else ""
    faults = unread + outcome.faults
    lines = [f"{outcome.done} enhanced{skipped}, {len(faults)} failed", describe(left_out)]
    lines += [f"failed: {fault}" for fault in faults]
    sys.stderr.write("".join(f"{line}\n" for line in lines if line))
    return 1 if faults else 0


def demo(args: argparse.Namespace, heed_signals: Callable[[], None]) -> int:
    """``nerco demo``: serves until interrupted."""
    wait_asleep()
    try:
        from nerco_plugin.inference.demo import check_address, serve

        check_address(args.host, args.port)
        enhancer = _enhancer(args)
        heed_signals()  # though gradio is still to come: what it imports makes folders, which serve removes
        serve(enhancer, args.host, args.port)
    except MENDABLE as error:
        return _refuse(error)
    return 0


def doctor(args: argparse.Namespace, _: Callable[[], None]) -> int:
    """``nerco doctor``; it leaves nothing half done, and heeds signals as they come."""
    if args.opt and not args.weights:
        return _refuse(ValueError(f"--opt {args.opt}: name the weights that it belongs to (--weights)"))
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported: a report asks no network
    text, is_healthy = examine(args.weights, args.opt)
    sys.stdout.write(text + "\n")
    return 0 if is_healthy else 1


def _enhancer(args: argparse.Namespace) -> "Enhancer":
    from nerco_plugin.inference.enhancer import Enhancer

    keep_freed_memory()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged EXIF, which is dropped: they name Pillow's own file
    return Enhancer.from_pretrained(args.weights, args.opt, args.device, args.precision, args.compile)


def _refuse(error: Exception, unread: Sequence[str] = ()) -> int:
    sys.stderr.write("".join(f"cannot read {folder}\n" for folder in unread) + f"error: {error}\n")
    return 2


COMMANDS = {"enhance": enhance, "demo": demo, "doctor": doctor}

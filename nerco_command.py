"""The command ``nerco``: enhance, demo, doctor. Imports nothing before its arguments are parsed: help comes at once."""

import argparse
import contextlib
import gc
import importlib
import math
import os
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

EXAMPLES = """examples:
  nerco enhance photo.jpg -o better.jpg
  nerco enhance holiday/ clip.mp4 -o enhanced --weights experiments/NAME/models/net_g_40000.pth
  nerco doctor
"""
STOPPED = {
    "enhance": "interrupted; the same command goes on where this one stopped",
    "demo": "stopped; the page is closed",
    "doctor": "interrupted",
}


def build_parser() -> argparse.ArgumentParser:
    """The command line; see ``nerco --help``."""
    parser = argparse.ArgumentParser(
        prog="nerco",
        description="Low-light photographs and videos enhanced by NeRCo.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print it")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    enhance = commands.add_parser("enhance", help="enhance images, folders of them, and videos (without subtitles)")
    enhance.add_argument("inputs", nargs="+", type=_path, metavar="INPUT", help="image, video, or folder (recursive)")
    enhance.add_argument("-o", "--out", required=True, type=_name, help="folder; or a file, for a single file")
    _add_network(enhance)
    enhance.add_argument("--strength", type=_strength, default=1.0, metavar="0..1", help="0 leaves all as it is")
    enhance.add_argument(
        "--stops",
        type=_stops,
        default=0.0,
        metavar="-4..4",
        help="expose this much further; below 0, less: 1 is twice the light",
    )
    enhance._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.I)  # argparse: no exponent
    enhance.add_argument("--overwrite", action="store_true", help="redo what is there already, instead of skipping it")
    enhance.add_argument("--quiet", action="store_true", help="no progress bar")
    demo = commands.add_parser("demo", help="a web page on this machine to try it")
    _add_network(demo)
    demo.add_argument("--port", type=_port, default=7860)
    demo.add_argument("--host", type=_name, default="127.0.0.1", help="0.0.0.0 lets other machines in")
    doctor = commands.add_parser("doctor", help="what of this machine will work, what not, and why")
    doctor.add_argument("--weights", type=_name, metavar="W", help="look whether these load too")
    doctor.add_argument("--opt", type=_path, metavar="FILE", help="their option file, where they need one")
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights",
        type=_name,
        default="nerco_small",
        metavar="W",
        help=".safetensors, .pth (net_g_*.pth of a run), OWNER/NAME[@REVISION][:FILE] (hub), or nerco_small, which lie "
        "in the package (default)",
    )
    parser.add_argument("--opt", type=_path, metavar="FILE", help="option file, for weights that do not say their own")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--precision", choices=["float32", "bf16", "fp16"], default="float32")
    parser.add_argument("--compile", action="store_true", help="torch.compile: pays off over many files of one size")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            parser.exit(message=f"nerco_plugin {version('nerco_plugin')}\n")
        except PackageNotFoundError:
            parser.error("nerco_plugin is not installed: pip install --editable .")


def _name(text: str) -> str:
    if not text:  # an unset variable of a script, which pathlib would take for the current folder
        raise argparse.ArgumentTypeError("expected a name, got nothing")
    return text


def _path(text: str) -> Path:
    return Path(_name(text))


def _strength(text: str) -> float:
    return _within(text, 0, 1)


def _stops(text: str) -> float:
    return _within(text, -4, 4)


def _within(text: str, least: int, most: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"expected {least} to {most}, got {text}")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected 1 to 65535, got {text}")
    return int(text)


class _Stopped(KeyboardInterrupt):
    """A signal that ends the command, which leaves with its own code, 128 + ``args[0]``."""


def _stop(number: int, _: object) -> NoReturn:
    raise _Stopped(number)


def _heed_signals(handler: Callable[[int, Any], NoReturn] = _stop) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the last of which Windows has not
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish
            signal.signal(number, handler)


def _leave(said: str, number: int, _: object) -> NoReturn:
    """Out at once: amid the imports an exception would be lost or taken for another, and nothing is begun yet."""
    with contextlib.suppress(OSError):  # a terminal that is gone
        os.write(2, f"\n{said}\n".encode())
    os._exit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all is well; 1: a file or a check failed; 2: wrong arguments or weights; 129, 130, 143: signals."""
    args = build_parser().parse_args(arguments)
    try:
        return _commands()[args.command](args, _heed_signals)
    except KeyboardInterrupt as interrupt:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\n{STOPPED[args.command]}\n")
        return 128 + (interrupt.args[0] if isinstance(interrupt, _Stopped) else signal.SIGINT)


def _commands() -> Any:
    gc.disable()  # it would go through torch's objects again and again while they are made: a sixth of the import
    try:
        return importlib.import_module("nerco_plugin.inference.commands").COMMANDS
    finally:
        gc.enable()


def run(arguments: list[str] | None = None) -> NoReturn:
    """The console command: as :func:`main`, then out at once, for torch takes half a second to take itself apart."""
    command = (sys.argv[1:] if arguments is None else arguments)[:1]
    _heed_signals(partial(_leave, STOPPED.get("".join(command), "interrupted")))
    code = main(arguments)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    run()

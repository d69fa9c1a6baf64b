"""Files that are whole or absent: written beside their place and renamed; what a killed process left is removed."""

import contextlib
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_HOST = 64


@contextmanager
def whole_file(target: Path, shared: bool = False) -> Iterator[Path]:
    """A path beside ``target`` to write to; becomes ``target`` at the end, and is removed if anything goes wrong.

    Args:
        target: the file.
        shared: other processes may write it, too: the path is this one's own, and :func:`remove_abandoned` knows it.
            Else it is the same every time, so that what a killed process left is written over.
    """
    name = f"{_prefix()}{os.getpid()}-{secrets.token_hex(4)}.tmp" if shared else f".{target.name}.tmp"
    temporary = target.with_name(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what :func:`whole_file` began in ``folder`` on this machine for a process that is no more."""
    if os.name != "posix":  # elsewhere os.kill does what it says
        return
    ours = re.compile(re.escape(_prefix()) + r"(\d+)-[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):  # no folder yet, or none to write to: writing says so
        for path in folder.iterdir():
            if (match := ours.fullmatch(path.name)) and not _is_alive(int(match[1])):
                path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    with contextlib.suppress(OSError):  # nor everywhere else, and the file is there already
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _prefix() -> str:
    """Names the machine, and the container, whose process numbers are its own: others may write to a shared folder."""
    host = re.sub(r"[^\w.-]", "_", platform.node())[:_LONGEST_HOST]
    try:
        container = re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        container = ""
    return f".nerco-{host}-{container}-"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # someone else's, or no number of a process
        pass
    return True

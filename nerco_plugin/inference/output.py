"""The folders that results go to: tried before the long part begins, and named where they cannot be written to."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDS_ALL = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))  # what no next file would mend
_TRIAL = 1 << 16  # bytes: a full disk still takes an empty file


class OutputError(OSError):
    """A folder that cannot be written to; the message names it.

    Attributes:
        ends_all: whether the disk is full or read-only, so that the files to come would fail likewise.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"cannot write into {folder}: {error.strerror or error}")
        self.ends_all = error.errno in ENDS_ALL


@contextmanager
def written_into(folder: Path) -> Iterator[None]:
    """What fails inside with an OSError is a fault of writing into ``folder``; raises OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(folder, error) from error


def check_writable(folder: Path) -> None:
    """Make ``folder`` where it is absent, and write something for a trial; raises OutputError."""
    with written_into(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIAL))
            file.flush()
            os.fsync(file.fileno())

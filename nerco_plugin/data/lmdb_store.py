"""Reads image files from an LMDB: one environment per process and path, safe under fork, spawn and opening twice."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.data.image_list import list_meta_info

META_INFO = "meta_info.txt"
LONGEST_KEY = 511  # bytes; a limit of LMDB

State = tuple[int, int, int]  # of a data.mdb: device, inode, time of its last change

# LMDB forbids opening a path twice in one process and using an environment across a fork.
_environments: dict[str, tuple[State, lmdb.Environment]] = {}
_owner_pid = os.getpid()


class LmdbStore:
    """Read-only access to the files in one LMDB folder; pickles as its path alone.

    Keys are file names with their ending and subfolder, as ``tools/create_lmdb.py`` writes them, or names cut at the
    first dot, as BasicSR does; a name is looked up as it stands first, then cut.

    Args:
        path: the folder that holds ``data.mdb``.

    Raises:
        FileNotFoundError: no LMDB there.
        ValueError: (when it is read) it is incomplete, damaged, or open elsewhere in this process.
        ImageReadError: (a ValueError) a page of it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = os.path.realpath(path)
        if not (Path(self.path) / "data.mdb").is_file():
            raise FileNotFoundError(f"no LMDB at '{path}': expected a folder with data.mdb in it")

    def names(self) -> list[str]:
        """List the file names in ``meta_info.txt``, or without one the keys, in order.

        Raises:
            ValueError: the LMDB is empty, or does not hold what its ``meta_info.txt`` lists, one image for each name.
        """
        meta_info = Path(self.path) / META_INFO
        if meta_info.is_file():
            names = list_meta_info(meta_info)
            if missing := [name for name in names if not self.holds(name)]:
                text = f"{len(missing)} of {len(names)} names that are no keys of it, the first being '{missing[0]}'"
                raise ValueError(f"LMDB '{self.path}': {META_INFO} lists {text}")
            self.check_apart(names, META_INFO)
            return names
        with _reading(self.path, "its keys") as transaction:
            names = [bytes(key).decode("utf-8") for key in transaction.cursor().iternext(values=False)]
        if not names:
            raise ValueError(f"LMDB '{self.path}' is empty")
        return names

    def check_apart(self, names: Iterable[str], source: str) -> None:
        """Raise ValueError where two of the names that ``source`` lists stand for one image."""
        first: dict[bytes | None, str] = {}
        with _reading(self.path, source) as transaction:
            for name in names:
                key = _found(transaction, name)
                if key in first:
                    listed = f"'{name}' twice" if name == first[key] else f"'{first[key]}' and '{name}'"
                    reason = "of which it holds one: were their names cut at the first dot? Make it anew"
                    raise ValueError(f"LMDB '{self.path}': {source} lists {listed}, {reason}")
                first[key] = name

    def get(self, name: str) -> bytes:
        """Return the bytes of the file ``name``; raises ``ImageReadError`` naming it and the LMDB where that fails."""
        with _reading(self.path, f"'{name}'") as transaction:
            for key in _keys(name):
                content = transaction.get(key)
                if content is not None:
                    return bytes(content)
        raise ImageReadError(f"no key '{name}' in LMDB '{self.path}'")

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with _reading(self.path, f"'{name}'") as transaction:
            return _found(transaction, name) is not None


@contextmanager
def _reading(path: str, what: str) -> Iterator[lmdb.Transaction]:
    """A transaction whose values are looked at without copying; raises ImageReadError for a damaged page."""
    try:
        with _environment(path).begin(buffers=True) as transaction:
            yield transaction
    except lmdb.Error as error:
        raise ImageReadError(f"cannot read {what} of LMDB '{path}', which is damaged: {error}") from error


def _keys(name: str) -> list[bytes]:
    """The keys under which a name may be found: whole, then as BasicSR cuts it."""
    keys = [text.encode("utf-8") for text in (name, name.split(".")[0])]
    return [key for key in keys if 1 <= len(key) <= LONGEST_KEY]


def _found(transaction: lmdb.Transaction, name: str) -> bytes | None:
    """The key under which a name is found, or None."""
    return next((key for key in _keys(name) if transaction.get(key) is not None), None)


def _environment(path: str) -> lmdb.Environment:
    """This process's one environment for ``path`` (a real path), opened at its first use and when it was replaced.

    Raises:
        ValueError: it is gone, or cannot be opened.
    """
    global _owner_pid
    if _owner_pid != os.getpid():
        for _, inherited in _environments.values():
            inherited.close()  # without locks this only unmaps the child's copy: the parent's stays open
        _environments.clear()
        _owner_pid = os.getpid()
    state = _state(path)
    if path in _environments and _environments[path][0] != state:
        _environments.pop(path)[1].close()
    if path not in _environments:
        _environments[path] = state, _open(path)
    return _environments[path][1]


def _state(path: str) -> State:
    """Tells the data.mdb of ``path`` from another one in its place."""
    try:
        found = (Path(path) / "data.mdb").stat()
    except OSError as error:
        raise ValueError(f"cannot open LMDB '{path}': {error.strerror or error}") from error
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _open(path: str) -> lmdb.Environment:
    """Open without lock file and write access, which works from read-only media and for any number of readers.

    Raises:
        ValueError: the file is no LMDB, or is cut short, which would end the process at the first missing page.
    """
    try:
        environment = lmdb.open(path, readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise ValueError(f"cannot open LMDB '{path}': {error}") from error
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    size = (Path(path) / "data.mdb").stat().st_size
    if size < expected:
        environment.close()
        raise ValueError(f"LMDB '{path}' is incomplete: data.mdb has {size} of {expected} bytes")
    return environment

"""Writes image files to an LMDB in BasicSR's layout: NAME.lmdb with data.mdb and meta_info.txt, bytes unchanged."""

from collections.abc import Callable, Sequence
from pathlib import Path

import lmdb

from nerco_plugin.data.image_io import decode_image, read_bytes
from nerco_plugin.data.lmdb_store import LONGEST_KEY, META_INFO
from nerco_plugin.whole_file import whole_file

_FIRST_MAP_SIZE = 1 << 24  # doubled whenever it is full
_BATCH_BYTES = 1 << 24


def create_lmdb(
    root: str | Path,
    names: Sequence[str],
    target: str | Path,
    basicsr_keys: bool = False,
    on_image: Callable[[str], object] = lambda name: None,
) -> None:
    """Store the files ``root/name``, each under its name.

    Everything is written to ``TARGET.part``, which is renamed at the end, so that whatever is called ``*.lmdb`` is
    complete. An interrupted call is continued by the next: files that the part holds already, equal to the byte, are
    not written again, others are replaced or removed.

    Args:
        root: folder of the images.
        names: paths relative to ``root``, with forward slashes.
        target: folder to create, ``*.lmdb``.
        basicsr_keys: cut the keys at the first dot, as BasicSR's own training loop expects them.
        on_image: called with each name when it is done.

    Raises:
        ValueError: ``target`` does not end in .lmdb, there are no names, two files have the same key, or a name does
            not fit in a key (UTF-8, one line, 511 bytes).
        FileExistsError: ``target`` exists.
        ImageReadError: a file is no readable image.
    """
    target = Path(target)
    if target.suffix != ".lmdb":
        raise ValueError(f"the target must end in .lmdb, got '{target}'")
    if target.exists():
        raise FileExistsError(f"'{target}' exists: delete it first, or choose another name")
    names_by_key = _keys(names, cut=basicsr_keys)
    part = target.with_name(target.name + ".part")
    part.mkdir(parents=True, exist_ok=True)
    environment = lmdb.open(str(part), map_size=_FIRST_MAP_SIZE)
    try:
        lines = _store(environment, Path(root), names_by_key, on_image)
        _delete_others(environment, names_by_key)
    finally:
        environment.close()
    with whole_file(part / META_INFO) as draft:
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    part.rename(target)


def _keys(names: Sequence[str], cut: bool) -> dict[bytes, str]:
    """Map each key to its file name, all checked."""
    if not names:
        raise ValueError("no images to store")
    names_by_key: dict[bytes, str] = {}
    for name in names:
        try:
            key = (name.split(".")[0] if cut else name).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"file name {name!r} is not UTF-8: rename the file") from error
        if not 1 <= len(key) <= LONGEST_KEY or "\n" in name:
            raise ValueError(f"file name {name!r} makes no key: expected one line of 1 to {LONGEST_KEY} bytes")
        if key in names_by_key:
            raise ValueError(f"'{names_by_key[key]}' and '{name}' have the same key '{key.decode('utf-8')}'")
        names_by_key[key] = name
    return names_by_key


def _store(
    environment: lmdb.Environment, root: Path, names_by_key: dict[bytes, str], on_image: Callable[[str], object]
) -> list[str]:
    """Check and store every image; return the lines of the meta-info file."""
    lines = []
    batch: dict[bytes, bytes] = {}
    batch_bytes = 0
    for key, name in names_by_key.items():
        content = read_bytes(root / name)
        height, width, channels = decode_image(content, name=str(root / name)).shape
        lines.append(f"{name} ({height},{width},{channels})")
        batch[key] = content
        batch_bytes += len(content)
        if batch_bytes >= _BATCH_BYTES:
            _put(environment, batch)
            batch, batch_bytes = {}, 0
        on_image(name)
    _put(environment, batch)
    return lines


def _put(environment: lmdb.Environment, batch: dict[bytes, bytes]) -> None:
    """Write a batch in one transaction, in a larger map if need be."""
    while True:
        try:
            with environment.begin(write=True) as transaction:
                for key, content in batch.items():
                    if transaction.get(key) != content:
                        transaction.put(key, content)
            return
        except lmdb.MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])


def _delete_others(environment: lmdb.Environment, keep: dict[bytes, str]) -> None:
    """Remove what an interrupted call stored and this one does not want."""
    with environment.begin(write=True) as transaction:
        others = [bytes(key) for key in transaction.cursor().iternext(values=False) if bytes(key) not in keep]
        for key in others:
            transaction.delete(key)

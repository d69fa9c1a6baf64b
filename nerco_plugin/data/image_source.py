"""One side of a data set: its image names, and how the n-th is read, from a folder, a meta-info file or an LMDB."""

from pathlib import Path

import numpy as np

from nerco_plugin.data.image_io import decode_image, read_bytes
from nerco_plugin.data.image_list import list_folder, list_meta_info
from nerco_plugin.data.lmdb_store import LmdbStore


class ImageSource:
    """The images of one data root, in a fixed order. Pickles without open files.

    Args:
        dataroot: a folder, or with ``backend`` lmdb the ``*.lmdb`` folder.
        backend: ``disk`` or ``lmdb``, as BasicSR's ``io_backend.type``.
        meta_info: file that lists which images to take; left out, all of them.

    Raises:
        FileNotFoundError, NotADirectoryError: something named here is absent.
        ValueError: no images, two names for one image of an LMDB, or an unknown backend.
    """

    def __init__(self, dataroot: str | Path, backend: str = "disk", meta_info: str | Path | None = None) -> None:
        if backend not in ("disk", "lmdb"):
            raise ValueError(f"io_backend.type must be disk or lmdb, got '{backend}'")
        self.root = Path(dataroot)
        self.store = LmdbStore(dataroot) if backend == "lmdb" else None
        if meta_info is not None:
            self.names = list_meta_info(meta_info)
            self._check_listed(meta_info)
        else:
            self.names = self.store.names() if self.store else list_folder(dataroot)

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> str:
        """Where the image is: its file, or for an LMDB the database and the key."""
        return str(self.root / self.names[index])

    def content(self, index: int) -> bytes:
        """Return the bytes of the image file."""
        return self.store.get(self.names[index]) if self.store else read_bytes(self.path(index))

    def read(self, index: int) -> np.ndarray:
        """Return RGB float32 (H, W, 3) in [0, 1]; raises ``ImageReadError`` that names the image."""
        return decode_image(self.content(index), name=self.path(index))

    def _check_listed(self, meta_info: str | Path) -> None:
        exists = self.store.holds if self.store else lambda name: (self.root / name).is_file()
        missing = [name for name in self.names if not exists(name)]
        if missing:
            raise FileNotFoundError(
                f"meta-info file '{meta_info}' lists {len(missing)} of {len(self.names)} images that '{self.root}' "
                f"does not hold, the first being '{missing[0]}'"
            )
        if self.store:
            self.store.check_apart(dict.fromkeys(self.names), f"meta-info file '{meta_info}'")

"""Builds the data set that an option file names, ours or BasicSR's, reproducible and with errors that name the file."""

from collections.abc import Mapping
from typing import Any

from basicsr.data import build_dataset as build_registered
from torch.utils.data import Dataset

from nerco_plugin.data.basicsr_guard import check_files, mend
from nerco_plugin.data.seeded import SeededDataset
from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset


def build_dataset(opt: Mapping[str, Any], seed: int) -> Dataset[Any]:
    """Build the data set of one entry under ``datasets``.

    ``UnpairedImageDataset`` comes as it is, any other inside a :class:`SeededDataset`, so that both take the indices
    of :class:`ResumableSampler` and have BasicSR's ``dataset.opt``.

    Args:
        opt: ``name``, ``type``, ``phase`` and what the type asks for; ``io_backend`` is disk where left out.
        seed: the run's ``manual_seed``.

    Raises:
        KeyError: no data set of this ``type`` is registered.
        FileNotFoundError, NotADirectoryError, ValueError: see the data set and :func:`check_files`.
    """
    filled: dict[str, Any] = {"io_backend": {"type": "disk"}, "scale": 1, **opt}
    if filled.get("meta_info_file", "") is None:
        del filled["meta_info_file"]  # BasicSR's single data set opens it if it is there at all
    check_files(filled)
    if filled["type"] == UnpairedImageDataset.__name__:
        return build_registered({"seed": seed, **filled})
    dataset = build_registered(filled)
    mend(dataset, filled)
    return SeededDataset(dataset, seed)

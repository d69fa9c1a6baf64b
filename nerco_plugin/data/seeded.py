"""SeededDataset: any data set's augmentations as a function of (seed, epoch, index), and its errors by sample."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch.utils.data import Dataset

from nerco_plugin.data.image_io import ImageReadError, read_image
from nerco_plugin.data.seeding import sample_rng, split_index


class SampleError(RuntimeError):
    """A sample of a data set that could not be made; the message names the data set, the sample and the cause."""


class SeededDataset(Dataset[Any]):
    """A data set whose random augmentations are fresh in every epoch and reproducible, whatever it draws them from.

    BasicSR's data sets draw from Python's ``random`` and from numpy, whose states depend on the number of workers, on
    what a worker did before, and start alike in every epoch. Here ``random``, numpy and torch are seeded from
    (``seed``, epoch, index) for each sample and put back afterwards, so that without workers the training's own
    random numbers are not touched either.

    The index carries the epoch: ``index = epoch * len(dataset) + i``, as :class:`ResumableSampler` yields it. Plain
    indices are epoch 0: under another sampler every epoch repeats its augmentations. Pickles if ``dataset`` does.

    Args:
        dataset: any data set with a length.
        seed: the run's ``manual_seed``.
    """

    def __init__(self, dataset: Dataset[Any], seed: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.opt: dict[str, Any] = getattr(dataset, "opt", {})  # BasicSR's validation reads its name

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        """One epoch; without it Python would ask for ever higher indices, all of which exist."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: SupportsIndex) -> Any:
        """Return the sample.

        Raises:
            SampleError: whatever went wrong in ``dataset``, as the cause.
        """
        epoch, inner_index = split_index(index, len(self))
        with _seeded(self.seed, epoch, inner_index):
            try:
                return self.dataset[inner_index]
            except Exception as error:
                raise SampleError(_describe(self.dataset, inner_index, error)) from error


@contextmanager
def _seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Seed the three global random generators inside the block; afterwards they are as before."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seeds = sample_rng(seed, epoch, index).integers(2**32, size=3)
    random.seed(int(seeds[0]))
    np.random.seed(int(seeds[1]))
    torch.default_generator.manual_seed(int(seeds[2]))  # torch.manual_seed would also reseed the GPUs
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def _describe(dataset: Dataset[Any], index: int, error: Exception) -> str:
    """Say which sample of which data set failed, from which files if it tells, and why."""
    name = getattr(dataset, "opt", {}).get("name", "")
    paths = getattr(dataset, "paths", None)
    sample = paths[index] if isinstance(paths, list) and index < len(paths) else {}
    files = list(sample.values()) if isinstance(sample, dict) else [sample]
    listed = f" ({', '.join(map(str, files))})" if files else ""
    reason = _unreadable(files) or f"{type(error).__name__}: {error}"
    return f"sample {index} of {type(dataset).__name__} '{name}'{listed}: {reason}"


def _unreadable(files: list[Any]) -> str | None:
    """What is wrong with the first file that is no readable image, which BasicSR's own error does not tell."""
    for file in files:
        if Path(str(file)).is_file():
            try:
                read_image(file)
            except ImageReadError as error:
                return str(error)
    return None

"""Randomness as a pure function of (seed, epoch, index): the same for any number of workers and after any resume."""

import operator
from typing import SupportsIndex

import numpy as np


def split_index(index: SupportsIndex, length: int) -> tuple[int, int]:
    """The epoch and the place that an index holds together, ``epoch * length + place``.

    Any whole number will do, a tensor's too; -1 to -length count back from the end of epoch 0.

    Raises:
        TypeError: no whole number.
        IndexError: below -length, or no samples.
    """
    number = operator.index(index)
    if number < -length or length == 0:
        raise IndexError(f"index {number} of a data set of {length} samples")
    return divmod(number + length if number < 0 else number, length)


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random numbers for one sample of one epoch, independent of every other sample's."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, 1 + index]))


def epoch_rng(seed: int, epoch: int) -> np.random.Generator:
    """Random numbers for an epoch as a whole, such as its order; place 0 beside the samples' 1 + index."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, 0]))

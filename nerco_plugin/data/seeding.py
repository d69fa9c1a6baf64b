"""Randomness as a pure function of (seed, epoch, index): the same for any number of workers and after any resume."""

import numpy as np


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random numbers for one sample of one epoch, independent of every other sample's."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, 1 + index]))


def epoch_rng(seed: int, epoch: int) -> np.random.Generator:
    """Random numbers for an epoch as a whole, such as its order; place 0 beside the samples' 1 + index."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, 0]))

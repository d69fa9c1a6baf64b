"""An endless, seeded stream of shuffled epochs that can start at any position: what makes resuming exact."""

from collections.abc import Iterator

from torch.utils.data import Sampler

from nerco_plugin.data.seeding import epoch_rng


class ResumableSampler(Sampler[int]):
    """Yields ``epoch * dataset_len + i`` for ever, every epoch in a fresh order that depends on (seed, epoch) only.

    All processes share one stream: position ``p`` is in epoch ``p // dataset_len``, and process ``rank`` takes the
    positions ``start + rank, start + rank + world_size, ...``. So two processes with batch 1 see in each iteration
    the samples that one process with batch 2 sees, and a batch may be larger than the data set: it then reaches into
    the next epoch. The data set splits an index with ``divmod(index, dataset_len)`` to know its epoch, in any
    worker, persistent or not; :class:`UnpairedImageDataset` and :class:`SeededDataset` do.

    To resume after ``iteration`` iterations, build it with ``start = iteration * batch_size * world_size`` (times
    the number of accumulated batches, if any), the batch size being that of one process. The position follows from
    the iteration alone, so nothing of the sampler needs saving, and samples that workers had fetched ahead before an
    interruption are fetched again.

    It never ends: take batches with ``next(iterator)`` and count iterations. It has no length for the same reason.

    Args:
        dataset_len: number of samples in the data set.
        world_size: number of processes.
        rank: which of them this is.
        seed: the run's ``manual_seed``; equal in all processes.
        start: position in the shared stream at which to begin.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(self, dataset_len: int, world_size: int = 1, rank: int = 0, seed: int = 0, start: int = 0) -> None:
        if dataset_len < 1:
            raise ValueError(f"dataset_len must be at least 1, got {dataset_len}: the data set is empty")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank must be in [0, world_size = {world_size}), got {rank}")
        if seed < 0 or start < 0:
            raise ValueError(f"seed and start must not be negative, got {seed} and {start}")
        self.dataset_len = dataset_len
        self.world_size = world_size
        self.rank = rank
        self.seed = seed
        self.start = start

    def __iter__(self) -> Iterator[int]:
        position = self.start + self.rank
        while True:
            epoch = position // self.dataset_len
            order = epoch_rng(self.seed, epoch).permutation(self.dataset_len)
            while position // self.dataset_len == epoch:
                yield epoch * self.dataset_len + int(order[position % self.dataset_len])
                position += self.world_size

"""Batches: an endless exact stream for training, a shard of each set for validation; read errors name the file."""

from collections.abc import Iterator
from typing import Any

import torch
from basicsr.data import build_dataset
from torch.utils.data import DataLoader, Dataset, Subset

from nerco_plugin.data.resumable_sampler import ResumableSampler


class _Epochless(Dataset):
    """Stand-in until data sets split the index themselves."""

    def __init__(self, dataset: Any) -> None:  # noqa: ANN401
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401
        return self.dataset[index % len(self.dataset)]


class TrainingData:
    """The training set of ``opt`` and how far its shared stream of samples has been used.

    Args:
        opt: checked options.
        start: samples used so far by all processes together.
    """

    def __init__(self, opt: dict[str, Any], start: int = 0) -> None:
        self.options = opt["datasets"]["train"]
        self.dataset = build_dataset(self.options)
        self.opt = opt
        self.start = start
        self.samples_per_iter = self.options["batch_size_per_gpu"] * opt["world_size"]

    def __len__(self) -> int:
        return len(self.dataset) * self.options.get("dataset_enlarge_ratio", 1)

    def batches(self) -> Iterator[Any]:
        """Batches without end from ``start`` on."""
        workers = self.options.get("num_worker_per_gpu", 0)
        sampler = ResumableSampler(
            len(self.dataset), self.opt["world_size"], self.opt["rank"], self.opt["manual_seed"], self.start
        )
        loader = DataLoader(
            _Epochless(self.dataset),
            batch_size=self.options["batch_size_per_gpu"],
            sampler=sampler,
            num_workers=workers,
            pin_memory=self.options.get("pin_memory", False) and torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(self.opt["manual_seed"]),  # leaves the global one alone
            persistent_workers=workers > 0,
        )
        return iter(loader)


def evaluation_loader(data_options: dict[str, Any], rank: int, world_size: int) -> DataLoader:
    """Every ``world_size``-th sample of a validation or test set from ``rank`` on, one by one, in order."""
    dataset = build_dataset(data_options)
    shard = Subset(dataset, range(rank, len(dataset), world_size))
    return DataLoader(shard, batch_size=1, shuffle=False, num_workers=0)

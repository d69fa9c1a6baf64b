"""Batches: an endless exact stream to train on, a share of each set to validate on; read errors name the sample."""

from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Subset

from nerco_plugin.data.build import build_dataset
from nerco_plugin.data.resumable_sampler import ResumableSampler
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.signals import leave_signals_to_parent


class TrainingData:
    """The training set of ``opt``, and batches from it in an order that depends on the seed alone.

    BasicSR's loader options hold: ``batch_size_per_gpu``, ``num_worker_per_gpu``, ``pin_memory``,
    ``dataset_enlarge_ratio``, ``prefetch_mode`` and ``num_prefetch_queue`` (workers read ahead by themselves, and
    copying to the GPU waits for nobody, so both modes only change how far workers read ahead).
    """

    def __init__(self, opt: dict[str, Any]) -> None:
        self.opt = opt
        self.options = opt["datasets"]["train"]
        self.dataset = build(self.options, opt["manual_seed"])
        self.samples_per_iter = self.options["batch_size_per_gpu"] * opt["world_size"]
        self.samples_per_epoch = max(1, int(len(self) * self.options.get("dataset_enlarge_ratio", 1)))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def batches(self, start: int) -> Generator[dict[str, Any], None, None]:
        """Batches without end, on this process's device, after ``start`` samples of all processes together."""
        sampler = ResumableSampler(
            dataset_len=len(self),
            world_size=self.opt["world_size"],
            rank=self.opt["rank"],
            seed=self.opt["manual_seed"],
            start=start,
        )
        workers = self.options.get("num_worker_per_gpu", 0)
        device = torch.device("cuda" if self.opt["num_gpu"] != 0 else "cpu")
        loader = DataLoader(
            self.dataset,
            batch_size=self.options["batch_size_per_gpu"],
            sampler=sampler,
            num_workers=workers,
            prefetch_factor=max(2, self.options.get("num_prefetch_queue") or 2) if workers else None,
            pin_memory=device.type == "cuda" and self.options.get("pin_memory", True),
            worker_init_fn=leave_signals_to_parent,
            generator=torch.Generator().manual_seed(self.opt["manual_seed"]),  # leaves the model's random numbers alone
        )
        iterator = iter(loader)
        try:
            yield from iterator if device.type == "cpu" else map(GPUCopies(device), iterator)
        finally:
            if workers:  # an error's traceback keeps the iterator alive, and Python would wait for its workers for ever
                iterator._shutdown_workers()  # type: ignore[attr-defined]


class GPUCopies:
    """Copies batches to a GPU beside what it computes: the host does not wait, the step before goes on meanwhile.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with its tensors (pinned, or the host waits after all) on the device."""
        device = self.stream.device
        with torch.cuda.stream(self.stream):
            moved = {
                key: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
                for key, value in batch.items()
            }
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(self.stream)
        for value in moved.values():
            if isinstance(value, torch.Tensor):
                value.record_stream(computing)  # its memory is not handed out again before the step is done with it
        return moved


def build(options: dict[str, Any], seed: int) -> Dataset[Any]:
    """The data set that ``options`` name.

    Raises:
        OptionError: it cannot be built, or is empty.
    """
    try:
        dataset = build_dataset(options, seed)
    except (OSError, ValueError, LookupError, AssertionError) as error:  # BasicSR's data sets assert and look up
        raise OptionError(f"data set {options['name']}: {error}") from error
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise OptionError(f"data set {options['name']} is empty")
    return dataset


class EvaluationData:
    """A validation or test set, of which each process takes every ``world_size``-th sample.

    Args:
        options: of the data set.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, options: dict[str, Any], rank: int, world_size: int) -> None:
        self.options = options
        self.name = options["name"]
        self.dataset = build(options, seed=0)
        self.shard = range(rank, len(self), world_size)
        self.rounds = -(-len(self) // world_size)  # that the process with most samples needs

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def whole(self) -> DataLoader[Any]:
        """All samples, as BasicSR's own validation takes them."""
        return DataLoader(getattr(self.dataset, "dataset", self.dataset), batch_size=1)

    def batches(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """This process's samples in order, as batches of one, each with its place in the whole set."""
        return zip(self.shard, DataLoader(Subset(self.dataset, self.shard), batch_size=1))

    def inputs(self) -> list[str]:
        """The path or LMDB key of every sample's input; none where the data set does not tell."""
        paths = getattr(getattr(self.dataset, "dataset", None), "paths", None)
        samples = paths if isinstance(paths, list) else []
        return [str(sample.get("lq_path") if isinstance(sample, dict) else sample) for sample in samples]

"""Any data set's augmentations: fresh in every epoch, reproducible, and errors that name the sample."""

import pickle
import random
from itertools import islice
from pathlib import Path
from traceback import clear_frames
from typing import Any

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from photographs import folder_of_photographs
from torch.utils.data import DataLoader, Dataset

from nerco_plugin.data.resumable_sampler import ResumableSampler
from nerco_plugin.data.seeded import SampleError, SeededDataset


class Draws(Dataset[torch.Tensor]):
    """Draws from all three global generators, and fails where it is told to."""

    opt = {"name": "draws"}

    def __init__(self, failing: int | None = None) -> None:
        self.failing = failing

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> torch.Tensor:
        if index == self.failing:
            raise KeyError("no such thing")
        return torch.tensor([index, random.random(), np.random.rand(), torch.rand(()).item()])


def stream(dataset: SeededDataset, count: int, workers: int, start: int = 0) -> list[torch.Tensor]:
    sampler = ResumableSampler(len(dataset), seed=1, start=start)
    return list(islice(DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers), count))


def test_the_same_whatever_the_number_of_workers() -> None:
    dataset = SeededDataset(Draws(), seed=1)
    expected = torch.cat(stream(dataset, 10, workers=0))
    assert torch.equal(torch.cat(stream(dataset, 10, workers=2)), expected)
    assert torch.equal(torch.cat(stream(dataset, 6, workers=1, start=8)), expected[8:])
    assert torch.equal(torch.cat(stream(pickle.loads(pickle.dumps(dataset)), 10, workers=0)), expected)
    assert len(expected[:, 1:].unique()) == 60  # no draw comes twice: each epoch is fresh


def test_the_global_generators_are_left_alone() -> None:
    dataset = SeededDataset(Draws(), seed=1)
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = random.random(), np.random.rand(), torch.rand(()).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    dataset[3]
    with pytest.raises(SampleError):
        SeededDataset(Draws(failing=0), seed=1)[0]
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == expected


def test_indices_from_behind_and_of_other_kinds() -> None:
    dataset = SeededDataset(Draws(), seed=1)
    for index, known in ((-1, 4), (-5, 0), (torch.tensor(7), 7), (np.int64(3), 3)):
        assert torch.equal(dataset[index], dataset[known])
    with pytest.raises(IndexError, match="index -6 of a data set of 5 samples"):
        dataset[-6]


def test_seeds_differ() -> None:
    assert not torch.equal(SeededDataset(Draws(), seed=1)[2], SeededDataset(Draws(), seed=2)[2])
    assert len(list(SeededDataset(Draws(), seed=1))) == 5


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_the_sample(workers: int) -> None:
    dataset = SeededDataset(Draws(failing=3), seed=1)
    with pytest.raises(SampleError, match=r"sample 3 of Draws 'draws': KeyError: 'no such thing'") as caught:
        stream(dataset, 3, workers)
    clear_frames(caught.tb)  # ends the workers now; collected as garbage they take seconds


def paired(tmp_path: Path) -> Dataset[Any]:
    for side in ("lq", "gt"):
        folder_of_photographs(tmp_path / side, 3)
    roots = {"dataroot_lq": str(tmp_path / "lq"), "dataroot_gt": str(tmp_path / "gt")}
    crops = {"phase": "train", "scale": 1, "gt_size": 16, "use_hflip": True, "use_rot": True}
    return build_dataset({"name": "p", "type": "PairedImageDataset", "io_backend": {"type": "disk"}, **roots, **crops})


def test_basicsr_augmentations_are_fresh_and_reproducible(tmp_path: Path) -> None:
    dataset = SeededDataset(paired(tmp_path), seed=1)
    assert dataset.opt["name"] == "p"
    crops = [dataset[epoch * 3 + 1]["lq"] for epoch in range(6)]
    assert len({crop.numpy().tobytes() for crop in crops}) == 6
    assert torch.equal(dataset[4 * 3 + 1]["lq"], crops[4])


def test_a_file_that_basicsr_cannot_read_is_named(tmp_path: Path) -> None:
    dataset = SeededDataset(paired(tmp_path), seed=1)
    (tmp_path / "gt/1.png").write_text("no image")
    index = [pair["gt_path"][-5:] for pair in dataset.dataset.paths].index("1.png")  # type: ignore[attr-defined]
    with pytest.raises(SampleError, match=r"PairedImageDataset 'p'.*cannot read image '.*gt/1\.png'"):
        dataset[index]

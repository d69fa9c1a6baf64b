"""Unpaired samples: what they hold, and that they depend on (seed, epoch, index) and nothing else."""

import pickle
import random
from itertools import islice
from pathlib import Path
from traceback import clear_frames
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from basicsr.utils.registry import DATASET_REGISTRY
from photographs import folder_of_photographs, photograph, write
from torch.utils.data import DataLoader

from nerco_plugin.data.image_list import list_folder
from nerco_plugin.data.lmdb_writer import create_lmdb
from nerco_plugin.data.resumable_sampler import ResumableSampler
from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset


@pytest.fixture
def opt(tmp_path: Path) -> dict[str, Any]:
    folder_of_photographs(tmp_path / "low", 5, brightness=0.2)
    folder_of_photographs(tmp_path / "high", 7, first_seed=100)
    roots = {"dataroot_low": str(tmp_path / "low"), "dataroot_high": str(tmp_path / "high")}
    loader = {"type": "UnpairedImageDataset", "num_worker_per_gpu": 2, "batch_size_per_gpu": 3}
    return {"name": "test", "phase": "train", "size": 16, "resize_mode": "crop", "seed": 3, **roots, **loader}


def batches(dataset: UnpairedImageDataset, count: int, start: int = 0, **loader: Any) -> list[dict[str, Any]]:
    sampler = ResumableSampler(len(dataset), seed=3, start=start)
    return list(islice(DataLoader(dataset, batch_size=3, sampler=sampler, **loader), count))


def assert_equal(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert torch.equal(one["low"], other["low"])
        assert torch.equal(one["high"], other["high"])


def test_indices_from_behind_and_of_other_kinds(opt: dict[str, Any]) -> None:
    dataset = UnpairedImageDataset(opt)
    for index, known in ((-1, 4), (-5, 0), (torch.tensor(7), 7), (np.int64(3), 3)):
        assert_equal([dataset[index]], [dataset[known]])
    with pytest.raises(IndexError, match="index -6 of a data set of 5 samples"):
        dataset[-6]
    with pytest.raises(TypeError, match="integer"):
        dataset[1.0]  # type: ignore[index]


def test_a_sampler_that_knows_no_epochs_repeats_the_first(opt: dict[str, Any]) -> None:
    """As the docstring warns."""
    loader = DataLoader(UnpairedImageDataset(opt), shuffle=True)
    first, second = ({sample["low_path"][0]: sample["low"] for sample in loader} for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("mode", ["resize", "crop", "resize_crop"])
def test_a_sample(opt: dict[str, Any], mode: str) -> None:
    dataset = DATASET_REGISTRY.get("UnpairedImageDataset")(opt | {"resize_mode": mode, "load_size": 20})
    assert len(dataset) == 5
    sample = dataset[4]
    assert sample["low_path"].endswith("low/4.png")
    assert "high/" in sample["high_path"]
    for side in ("low", "high"):
        assert sample[side].shape == (3, 16, 16)
        assert sample[side].dtype == torch.float32
        assert sample[side].is_contiguous()
        assert 0 <= sample[side].min() <= sample[side].max() <= 1
    assert sample["low"].mean() < 0.3 * sample["high"].mean()


def test_crops_are_pieces_of_the_photograph(opt: dict[str, Any]) -> None:
    dataset = UnpairedImageDataset(opt | {"use_hflip": False})
    whole = torch.from_numpy(photograph(2, brightness=0.2)).permute(2, 0, 1) / 255
    pieces = whole.unfold(1, 16, 1).unfold(2, 16, 1).permute(1, 2, 0, 3, 4)
    found = set()
    for epoch in range(30):
        crop = dataset[epoch * 5 + 2]["low"]
        places = (pieces == crop).all(dim=(2, 3, 4)).nonzero()
        assert len(places) == 1
        found.add(tuple(places[0].tolist()))
    assert len(found) > 25


def test_resize_squeezes_the_whole_photograph(opt: dict[str, Any], tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 96, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    write(tmp_path / "ramp/ramp.png", ramp)
    options = {"dataroot_low": str(tmp_path / "ramp"), "resize_mode": "resize", "use_hflip": False}
    low = UnpairedImageDataset(opt | options)[0]["low"]
    torch.testing.assert_close(low[0, 8], torch.linspace(1 / 96, 1 - 1 / 96, 16), atol=0.02, rtol=0)


def test_smaller_photographs_are_enlarged(opt: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "low/small.png", np.full((9, 7, 3), 51, np.uint8))
    sample = UnpairedImageDataset(opt | {"size": 32})[5]
    assert sample["low_path"].endswith("small.png")
    torch.testing.assert_close(sample["low"], torch.full((3, 32, 32), 0.2))


def test_flips(opt: dict[str, Any], tmp_path: Path) -> None:
    pixels = photograph(9, height=16, width=16)
    write(tmp_path / "one/image.png", pixels)
    options = opt | {"dataroot_low": str(tmp_path / "one")}
    for use_rot, expected in ((False, 2), (True, 8)):
        dataset = UnpairedImageDataset(options | {"use_rot": use_rot})
        assert len({dataset[epoch]["low"].numpy().tobytes() for epoch in range(80)}) == expected
    plain = UnpairedImageDataset(options | {"use_hflip": False})
    assert torch.equal(plain[7]["low"], torch.from_numpy(pixels).permute(2, 0, 1) / 255)


def test_the_high_side_is_drawn_independently(opt: dict[str, Any]) -> None:
    dataset = UnpairedImageDataset(opt)
    drawn = [[dataset[epoch * 5 + low]["high_path"] for epoch in range(60)] for low in range(5)]
    for paths in drawn:
        assert len(set(paths)) == 7
    assert len({tuple(paths) for paths in drawn}) == 5


def test_each_epoch_is_fresh_and_each_call_the_same(opt: dict[str, Any]) -> None:
    dataset = UnpairedImageDataset(opt)
    epochs = [dataset[epoch * 5 + 1]["low"] for epoch in range(4)]
    assert len({image.numpy().tobytes() for image in epochs}) == 4
    random.seed(9)
    np.random.seed(9)
    torch.manual_seed(9)
    assert torch.equal(dataset[5 + 1]["low"], epochs[1])
    other_seed = UnpairedImageDataset(opt | {"seed": 4})
    assert not torch.equal(other_seed[5 + 1]["low"], epochs[1])
    assert len(list(dataset)) == 5


def test_batches_do_not_depend_on_workers_or_where_they_start(opt: dict[str, Any]) -> None:
    dataset = UnpairedImageDataset(opt)
    expected = batches(dataset, 8)
    assert_equal(batches(dataset, 8, num_workers=2), expected)
    assert_equal(batches(dataset, 5, start=9, num_workers=1, persistent_workers=True), expected[3:])


def test_lmdb_gives_the_same_batches_in_spawned_workers_too(opt: dict[str, Any], tmp_path: Path) -> None:
    expected = batches(UnpairedImageDataset(opt), 4)
    for side in ("low", "high"):
        create_lmdb(tmp_path / side, list_folder(tmp_path / side), tmp_path / f"{side}.lmdb")
    roots = {f"dataroot_{side}": str(tmp_path / f"{side}.lmdb") for side in ("low", "high")}
    dataset = UnpairedImageDataset(opt | roots | {"io_backend": {"type": "lmdb"}})
    assert_equal(batches(dataset, 4), expected)
    assert_equal(batches(dataset, 4, num_workers=2), expected)  # forked while the LMDBs are open here
    assert_equal(batches(dataset, 4, num_workers=1, multiprocessing_context="spawn"), expected)
    assert_equal(batches(pickle.loads(pickle.dumps(dataset)), 4), expected)


def test_real_photographs_from_lmdb(nerco_data: Path, tmp_path: Path) -> None:
    roots = {"low": nerco_data / "lime/low", "high": nerco_data / "lol/eval15/high"}
    options: dict[str, Any] = {"name": "real", "size": 64, "seed": 1}
    folders = UnpairedImageDataset(options | {f"dataroot_{side}": str(root) for side, root in roots.items()})
    for side, root in roots.items():
        create_lmdb(root, list_folder(root), tmp_path / f"{side}.lmdb")
        options[f"dataroot_{side}"] = str(tmp_path / f"{side}.lmdb")
    stored = UnpairedImageDataset(options | {"io_backend": {"type": "lmdb"}})
    assert len(folders) == len(stored)
    assert_equal(batches(stored, 4), batches(folders, 4))


def test_meta_info_chooses_images(opt: dict[str, Any], tmp_path: Path) -> None:
    meta = tmp_path / "meta.txt"
    meta.write_text("3.png (40,50,3) 1\n1.png (40,50,3) 1\n")
    dataset = UnpairedImageDataset(opt | {"meta_info_low": str(meta)})
    assert [Path(sample["low_path"]).name for sample in dataset] == ["3.png", "1.png"]
    meta.write_text("3.png\ngone.png\n")
    with pytest.raises(FileNotFoundError, match=r"dataroot_low.*meta\.txt.*1 of 2.*gone\.png"):
        UnpairedImageDataset(opt | {"meta_info_low": str(meta)})


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_file_ends_the_loading_by_name(opt: dict[str, Any], tmp_path: Path, workers: int) -> None:
    (tmp_path / "low/2.png").write_bytes((tmp_path / "low/2.png").read_bytes()[:90])
    with pytest.raises(ValueError, match=r"low/2\.png") as caught:
        batches(UnpairedImageDataset(opt), 4, num_workers=workers)
    clear_frames(caught.tb)  # ends the workers now; collected as garbage they take seconds


def test_gray_and_deep_photographs_mix_with_others(opt: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "low/gray.png", photograph(1)[..., 0])
    deep = cv2.imencode(".png", photograph(1).astype(np.uint16) * 257)[1].tobytes()
    (tmp_path / "low/deep.png").write_bytes(deep)
    dataset = UnpairedImageDataset(opt)
    assert len(dataset) == 7
    assert next(iter(DataLoader(dataset, batch_size=7)))["low"].shape == (7, 3, 16, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "256"}, r"'test'.*size"),
        ({"size": 0}, "size"),
        ({"resize_mode": "squash"}, r"squash.*resize_crop"),
        ({"resize_mode": "resize_crop", "load_size": 8}, "load_size must be at least size = 16, got 8"),
        ({"phase": "val"}, "PairedImageDataset"),
        ({"io_backend": {"type": "petrel"}}, r"petrel.*disk or lmdb"),
    ],
)
def test_wrong_options_are_named(opt: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UnpairedImageDataset(opt | change)


def test_absent_and_empty_folders_are_named(opt: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"dataroot_high.*'test'.*empty"):
        UnpairedImageDataset(opt | {"dataroot_high": str(tmp_path / "empty")})
    with pytest.raises(FileNotFoundError, match=r"dataroot_low.*gone"):
        UnpairedImageDataset(opt | {"dataroot_low": str(tmp_path / "gone")})
    with pytest.raises(FileNotFoundError, match=r"dataroot_low.*no LMDB"):
        UnpairedImageDataset(opt | {"io_backend": {"type": "lmdb"}})

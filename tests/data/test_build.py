"""BasicSR's own data sets, built: what it passes in silence is refused by name, and LMDB is read through our store."""

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import folder_of_photographs, photograph, write
from torch.utils.data import DataLoader, Dataset

from nerco_plugin.data.build import build_dataset
from nerco_plugin.data.image_list import list_folder
from nerco_plugin.data.lmdb_writer import create_lmdb
from nerco_plugin.data.seeded import SeededDataset
from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for side in ("lq", "gt"):
        folder_of_photographs(tmp_path / side, 3)
    return tmp_path


def paired(root: Path, lq: str = "lq", gt: str = "gt", **more: Any) -> Dataset[Any]:
    opt = {"name": "val", "type": "PairedImageDataset", "phase": "val"}
    return build_dataset(opt | {"dataroot_lq": str(root / lq), "dataroot_gt": str(root / gt)} | more, seed=1)


def single(root: Path, lq: str = "lq", **more: Any) -> Dataset[Any]:
    opt = {"name": "val", "type": "SingleImageDataset", "phase": "val", "dataroot_lq": str(root / lq)}
    return build_dataset(opt | more, seed=1)


def test_pairs_come_in_sorted_order(pairs: Path) -> None:
    for name in ("z.png", "A.png", "é 雪.png"):
        write(pairs / "lq" / name, photograph(1))
        write(pairs / "gt" / name, photograph(1))
    dataset = paired(pairs)
    assert isinstance(dataset, SeededDataset)
    names = [Path(sample["gt_path"]).name for sample in dataset]
    assert names == sorted(names)
    assert len(names) == 6


def test_ours_is_built_as_it_is(pairs: Path) -> None:
    opt = {"name": "train", "type": "UnpairedImageDataset", "phase": "train", "size": 16}
    dataset = build_dataset(opt | {"dataroot_low": str(pairs / "lq"), "dataroot_high": str(pairs / "gt")}, seed=7)
    assert isinstance(dataset, UnpairedImageDataset)
    assert dataset.options.seed == 7


def test_lmdb_pairs_pickle_open_twice_and_keep_dotted_names(pairs: Path) -> None:
    for side in ("lq", "gt"):
        for name in ("a.1.png", "a.2.png"):
            write(pairs / side / name, photograph(5 + int(name[2])))
        create_lmdb(pairs / side, list_folder(pairs / side), pairs / f"{side}.lmdb")
    stored = paired(pairs, "lq.lmdb", "gt.lmdb", io_backend={"type": "lmdb"})
    expected = list(paired(pairs))
    for again in (stored, paired(pairs, "gt.lmdb", "gt.lmdb", io_backend={"type": "lmdb"})):
        assert [sample["lq_path"] for sample in again] == ["0.png", "1.png", "2.png", "a.1.png", "a.2.png"]
        for sample, other in zip(again, expected):
            assert sample["gt"].equal(other["gt"])
    assert pickle.loads(pickle.dumps(stored))[4]["lq"].equal(expected[4]["lq"])
    loaded = list(DataLoader(stored, num_workers=2))
    assert loaded[3]["lq"][0].equal(expected[3]["lq"])
    (pairs / "lq/extra.png").write_bytes((pairs / "lq/0.png").read_bytes())
    create_lmdb(pairs / "lq", list_folder(pairs / "lq"), pairs / "more.lmdb")
    with pytest.raises(ValueError, match=r"1 names are not in both of .*extra\.png"):
        paired(pairs, "more.lmdb", "gt.lmdb", io_backend={"type": "lmdb"})


def test_images_in_subfolders_are_said_to_be_left_out(pairs: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(pairs / "lq/other/0.jpg", photograph(1)).rename(pairs / "lq/other/0.jfif")
    assert len(single(pairs)) == 3  # type: ignore[arg-type]
    assert len(single(pairs, "lq/other")) == 1  # type: ignore[arg-type]
    assert "1 images in subfolders, such as '" in caplog.text
    assert "lq/other/0.jfif', are left out" in caplog.text


def test_a_subfolder_that_may_not_be_read_is_no_hindrance(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(*_: object, onerror: Callable[[OSError], None], **__: object) -> Iterator[Any]:
        onerror(PermissionError(13, "Permission denied", str(pairs / "lq/lost+found")))
        return iter(())

    monkeypatch.setattr(os, "walk", walk)  # as root, who runs some tests, may read all
    assert len(single(pairs)) == 3  # type: ignore[arg-type]


def test_hidden_files_pass_and_other_files_are_named(pairs: Path) -> None:
    (pairs / "lq/.DS_Store").write_text("x")
    assert len(paired(pairs)) == 3  # type: ignore[arg-type]
    (pairs / "lq/Thumbs.db").write_text("x")
    for build in (paired, single):
        with pytest.raises(ValueError, match=r"'val'.*lq/Thumbs\.db' has no image's ending"):
            build(pairs)


def test_pairs_that_are_none(pairs: Path) -> None:
    write(pairs / "gt/2.png", photograph(2, height=60))
    with pytest.raises(ValueError, match=r"gt/2\.png' is 50x60, but its input '.*lq/2\.png' is 50x40"):
        paired(pairs)
    (pairs / "lq/1.png").rename(pairs / "lq/one.png")
    with pytest.raises(FileNotFoundError, match=r"1 files are missing.*lq/1\.png"):
        paired(pairs)
    write(pairs / "lq/1.png", photograph(1))
    with pytest.raises(ValueError, match="as many inputs as references expected, got 3 in .*, 4 in"):
        paired(pairs)


def test_a_validation_image_without_a_readable_header(pairs: Path) -> None:
    (pairs / "lq/1.png").write_text("no image")
    with pytest.raises(ValueError, match=r"lq/1\.png"):
        single(pairs)


def test_lost_depth_is_told(pairs: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(pairs / "lq/1.png", photograph(1).astype(np.uint16) * 257)
    single(pairs)
    assert "reads 1 files of 16 bits as 8 bits" in caplog.text


def test_folders_that_hold_nothing(pairs: Path) -> None:
    (pairs / "empty/sub").mkdir(parents=True)
    with pytest.raises(ValueError, match="no images in folder .*empty"):
        single(pairs, "empty")
    with pytest.raises(FileNotFoundError, match="gone"):
        single(pairs, "gone")
    with pytest.raises(NotADirectoryError, match="got a file"):
        single(pairs, "lq/0.png")


def test_meta_info_files(pairs: Path) -> None:
    meta = pairs / "meta.txt"
    meta.write_text("2.png (40,50,3)\n0.png (40,50,3)\n")
    assert [Path(sample["lq_path"]).name for sample in paired(pairs, meta_info_file=str(meta))] == ["2.png", "0.png"]
    assert len(single(pairs, meta_info_file=None)) == 3  # type: ignore[arg-type]
    meta.write_text("2.png\ngone.png\n")
    with pytest.raises(FileNotFoundError, match=r"1 files are missing|2 files are missing"):
        paired(pairs, meta_info_file=str(meta))

"""The LMDB store: everything that goes wrong with BasicSR's must not go wrong here."""

import multiprocessing
import pickle
import shutil
import stat
from pathlib import Path

import lmdb
import numpy as np
import pytest
from basicsr.utils import FileClient
from photographs import folder_of_photographs, photograph, write
from run_tool import run_tool

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.data.image_list import list_folder
from nerco_plugin.data.image_source import ImageSource
from nerco_plugin.data.lmdb_store import LmdbStore
from nerco_plugin.data.lmdb_writer import create_lmdb


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = folder_of_photographs(tmp_path / "photographs", 3)
    write(folder / "a.1.png", photograph(10, height=13))
    write(folder / "a.2.png", photograph(11, width=77))
    write(folder / "sub/雪 é (1).png", photograph(12)[..., 0])
    return folder


@pytest.fixture
def stored(photographs: Path) -> Path:
    target = photographs.with_name("stored.lmdb")
    create_lmdb(photographs, list_folder(photographs), target)
    return target


def test_bytes_come_back_unchanged_under_their_names(photographs: Path, stored: Path) -> None:
    store = LmdbStore(stored)
    assert store.names() == list_folder(photographs)
    for name in store.names():
        assert store.get(name) == (photographs / name).read_bytes()
    assert "a.1.png (13,50,3)\n" in (stored / "meta_info.txt").read_text(encoding="utf-8")
    assert not stored.with_name("stored.lmdb.part").exists()


def test_a_missing_key_is_an_error_with_key_and_lmdb(stored: Path) -> None:
    with pytest.raises(ImageReadError, match=r"no key 'gone\.png' in LMDB '.*stored\.lmdb'"):
        LmdbStore(stored).get("gone.png")
    for name in ("gone.png", ".png", "long" * 200):
        assert not LmdbStore(stored).holds(name)
    assert LmdbStore(stored).holds("a.2.png")


def test_without_meta_info_the_keys_are_the_names(stored: Path) -> None:
    expected = LmdbStore(stored).names()
    (stored / "meta_info.txt").unlink()
    assert LmdbStore(stored).names() == expected


def test_opened_twice_also_by_another_path(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "link.lmdb").symlink_to(stored)
    stores = [LmdbStore(stored), LmdbStore(stored), LmdbStore(tmp_path / "link.lmdb")]
    assert len({store.get("a.1.png") for store in stores}) == 1


def test_an_lmdb_that_was_replaced_is_read_anew(photographs: Path, stored: Path) -> None:
    store = LmdbStore(stored)
    old = store.get("1.png")
    write(photographs / "1.png", photograph(99))
    shutil.rmtree(stored)
    with pytest.raises(ValueError, match=r"cannot open LMDB '.*stored\.lmdb': No such file"):
        store.get("1.png")
    create_lmdb(photographs, list_folder(photographs), stored)
    assert store.get("1.png") == LmdbStore(stored).get("1.png") == (photographs / "1.png").read_bytes() != old
    assert store.get("2.png") == (photographs / "2.png").read_bytes()


def read_in_child(store: LmdbStore, queue: "multiprocessing.Queue[bytes]") -> None:
    queue.put(store.get("a.1.png"))


def test_a_fork_reads_what_its_parent_has_open(stored: Path) -> None:
    store = pickle.loads(pickle.dumps(LmdbStore(stored)))
    expected = store.get("a.1.png")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    for _ in range(2):
        child = context.Process(target=read_in_child, args=(store, queue))
        child.start()
        assert queue.get(timeout=30) == expected
        child.join()
        assert store.get("a.1.png") == expected


def test_reading_writes_nothing(stored: Path) -> None:
    (stored / "lock.mdb").unlink()
    read_only = stat.S_IRUSR | stat.S_IXUSR
    stored.chmod(read_only)
    try:
        LmdbStore(stored).get("a.1.png")
        assert sorted(path.name for path in stored.iterdir()) == ["data.mdb", "meta_info.txt"]
    finally:
        stored.chmod(read_only | stat.S_IWUSR)


def test_the_map_grows_with_images_of_any_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "mix/0_tiny.png", photograph(0, height=1, width=1))
    for number in (1, 2):
        write(tmp_path / f"mix/{number}.bmp", rng.integers(0, 256, (1500, 2400, 3), dtype=np.uint8))
    create_lmdb(tmp_path / "mix", list_folder(tmp_path / "mix"), tmp_path / "mix.lmdb")
    assert LmdbStore(tmp_path / "mix.lmdb").get("2.bmp") == (tmp_path / "mix/2.bmp").read_bytes()


def test_an_interrupted_creation_goes_on(photographs: Path, tmp_path: Path) -> None:
    target = tmp_path / "later.lmdb"
    (photographs / "1.png").write_text("not copied yet")
    with pytest.raises(ImageReadError, match=r"1\.png"):
        create_lmdb(photographs, list_folder(photographs), target)
    assert not target.exists()
    assert target.with_name("later.lmdb.part").exists()
    write(photographs / "1.png", photograph(1))
    (photographs / "0.png").unlink()
    create_lmdb(photographs, list_folder(photographs), target)
    assert LmdbStore(target).names() == list_folder(photographs)
    assert not LmdbStore(target).holds("0.png")


def test_a_part_of_other_files_is_put_right(photographs: Path, tmp_path: Path) -> None:
    part = tmp_path / "new.lmdb.part"
    with lmdb.open(str(part)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"1.png", b"an older version")
        transaction.put(b"gone.png", b"deleted since")
    create_lmdb(photographs, ["1.png"], tmp_path / "new.lmdb")
    assert LmdbStore(tmp_path / "new.lmdb").get("1.png") == (photographs / "1.png").read_bytes()
    assert not LmdbStore(tmp_path / "new.lmdb").holds("gone.png")


def test_a_damaged_page_is_an_error_with_key_and_lmdb(tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path / f"many/{number:03d}.png", photograph(number, height=2, width=2))
    names = list_folder(tmp_path / "many")
    create_lmdb(tmp_path / "many", names, tmp_path / "bad.lmdb")
    file = tmp_path / "bad.lmdb/data.mdb"
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 + 10 : page * 4096 + 12] = b"\xff\xff"  # what kind of page it is
    file.write_bytes(content)
    store = LmdbStore(tmp_path / "bad.lmdb")
    with pytest.raises(ImageReadError, match=r"cannot read '100\.png' of LMDB '.*bad\.lmdb', which is damaged: "):
        store.get("100.png")
    with pytest.raises(ImageReadError, match=r"bad\.lmdb', which is damaged"):
        store.names()


def test_a_meta_info_that_lists_what_is_not_there(stored: Path) -> None:
    with (stored / "meta_info.txt").open("a", encoding="utf-8") as file:
        file.write("gone.png (1,1,3)\n")
    with pytest.raises(ValueError, match=r"stored\.lmdb': meta_info\.txt lists 1 of \d+ names .* being 'gone\.png'"):
        LmdbStore(stored).names()


def test_two_names_of_one_image_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.lmdb"
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"s", b"an image")  # of s.1.png and s.2.png, cut at the first dot
    for lines, listed in (
        (["s.png (1,1,3) 1"] * 2, r"'s\.png' twice"),
        (["s.1.png (1,1,3) 1", "s.2.png (1,1,3) 1"], r"'s\.1\.png' and 's\.2\.png'"),
    ):
        (path / "meta_info.txt").write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(ValueError, match=rf"cut\.lmdb': meta_info\.txt lists {listed}, of which it holds one"):
            ImageSource(path, "lmdb")
    with pytest.raises(ValueError, match=r"cut\.lmdb': meta-info file '.*meta_info\.txt' lists 's\.1\.png' and"):
        ImageSource(path, "lmdb", path / "meta_info.txt")
    (path / "meta_info.txt").write_text("s.png (1,1,3) 1\n", encoding="utf-8")
    assert ImageSource(path, "lmdb").content(0) == b"an image"


def test_a_whole_name_is_looked_up_before_a_cut_one(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "both.lmdb")) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"a", b"cut")
        transaction.put(b"a.png", b"whole")
    store = LmdbStore(tmp_path / "both.lmdb")
    assert (store.get("a.png"), store.get("a.jpg"), store.get("a")) == (b"whole", b"cut", b"cut")


@pytest.mark.parametrize("kept", [100, 4096, 9000, 40000])
def test_a_file_cut_short_is_an_error_not_a_crash(stored: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut.lmdb").mkdir()
    (tmp_path / "cut.lmdb/data.mdb").write_bytes((stored / "data.mdb").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cut\.lmdb"):
        LmdbStore(tmp_path / "cut.lmdb").names()


def test_wrong_targets_and_names(photographs: Path, stored: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match=r"stored\.lmdb' exists"):
        create_lmdb(photographs, ["1.png"], stored)
    with pytest.raises(ValueError, match="must end in .lmdb"):
        create_lmdb(photographs, ["1.png"], tmp_path / "folder")
    with pytest.raises(ValueError, match="no images"):
        create_lmdb(photographs, [], tmp_path / "x.lmdb")
    with pytest.raises(ValueError, match="511 bytes"):
        create_lmdb(photographs, ["雪" * 200 + ".png"], tmp_path / "x.lmdb")
    with pytest.raises(ValueError, match=r"'a\.1\.png' and 'a\.2\.png' have the same key 'a'"):
        create_lmdb(photographs, ["a.1.png", "a.2.png"], tmp_path / "x.lmdb", basicsr_keys=True)
    with pytest.raises(FileNotFoundError, match="no LMDB at"):
        LmdbStore(photographs)


def test_the_tool_makes_what_basicsr_reads(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    target = tmp_path / "tool.lmdb"
    meta = tmp_path / "meta.txt"
    meta.write_text("1.png (40,50,3) 1\n2.png (40,50,3) 1\n")
    arguments = [str(photographs), str(target), "--meta_info", str(meta), "--basicsr_keys"]
    assert run_tool("create_lmdb", *arguments) == 0
    assert "2 images" in capsys.readouterr().out
    store = LmdbStore(target)  # reads keys that are cut, too
    assert store.names() == ["1.png", "2.png"]
    assert store.get("2.png") == (photographs / "2.png").read_bytes()
    assert run_tool("create_lmdb", *arguments) == 1
    assert "tool.lmdb' exists" in capsys.readouterr().err


def test_basicsr_itself_reads_cut_keys(photographs: Path, tmp_path: Path) -> None:
    create_lmdb(photographs, ["1.png"], tmp_path / "theirs.lmdb", basicsr_keys=True)
    client = FileClient("lmdb", db_paths=[str(tmp_path / "theirs.lmdb")], client_keys=["lq"])
    assert client.get("1", "lq") == (photographs / "1.png").read_bytes()

"""Whole files: names as long as they may be, and what a process that is no more has left."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nerco_plugin import whole_file as module
from nerco_plugin.whole_file import remove_abandoned, whole_file

KILLED = """
import os, sys
from pathlib import Path
from nerco_plugin.whole_file import whole_file
with whole_file(Path(sys.argv[1]){}) as file:
    file.write_bytes(b"a part")
    os.kill(os.getpid(), 9)
"""


def test_the_longest_name(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251 + ".png")
    with whole_file(target, shared=True) as temporary:
        temporary.write_bytes(b"all")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_fault_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_file(tmp_path / "x.png") as temporary:
            temporary.write_bytes(b"a part")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert not list(tmp_path.iterdir())


def test_the_only_writer_writes_over_what_it_left(tmp_path: Path) -> None:
    target = tmp_path / "x.png"
    subprocess.run([sys.executable, "-c", KILLED.format(""), target], check=False)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"a part"]
    with whole_file(target) as temporary:
        temporary.write_bytes(b"all")
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(target, b"all")]


@pytest.mark.skipif(os.name != "posix", reason="folders are synced where they can be opened")
def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def only_files(handle: int) -> None:
        if not os.path.isfile(f"/proc/self/fd/{handle}"):  # noqa: PTH113
            raise OSError(22, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    with whole_file(tmp_path / "x.png") as temporary:
        temporary.write_bytes(b"all")
    assert (tmp_path / "x.png").read_bytes() == b"all"


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-c", KILLED.format(", shared=True"), tmp_path / "x.png"], check=False)
    (left,) = tmp_path.iterdir()
    in_a_container = re.sub(r"-(\d+-\d+-[0-9a-f]{8}\.)", r"-9\1", left.name)
    others = {tmp_path / name for name in ("mine.tmp", f".nerco-elsewhere{left.name[6:]}", in_a_container)}
    assert len(others) == 3
    for other in others:
        other.touch()
    with whole_file(tmp_path / "y.png", shared=True) as living:
        living.write_bytes(b"all")
        with monkeypatch.context() as patch:
            patch.setattr(module.platform, "node", lambda: "another machine")
            remove_abandoned(tmp_path)
        assert left.exists()
        remove_abandoned(tmp_path)
        assert set(tmp_path.iterdir()) == {living, *others}
    remove_abandoned(tmp_path / "absent")
    assert str(os.getpid()) in living.name

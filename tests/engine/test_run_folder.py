"""What happens to an earlier run of the same name."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.run_folder import locked, make_folders, make_room


def options(root: Path, name: str = "run") -> dict[str, Any]:
    folder = root / "experiments" / name
    paths = {"experiments_root": folder, "models": folder / "models", "training_states": folder / "training_states"}
    return {
        "name": name,
        "debug": name.startswith("debug_"),
        "rank": 0,
        "root_path": str(root),
        "path": {key: str(path) for key, path in paths.items()},
    }


def leave_a_run(opt: dict[str, Any]) -> Path:
    make_folders(opt)
    state = Path(opt["path"]["training_states"]) / "5.state"
    state.write_bytes(b"state")
    return state


def test_folder_without_checkpoints_is_used_again(tmp_path: Path) -> None:
    opt = options(tmp_path)
    make_folders(opt)
    log = Path(opt["path"]["experiments_root"]) / "train_run.log"
    log.write_text("failed early")
    make_room(opt)
    assert log.is_file()


def test_one_run_is_set_aside_and_a_second_refused(tmp_path: Path) -> None:
    opt = options(tmp_path)
    leave_a_run(opt)
    (tmp_path / "tb_logger" / "run").mkdir(parents=True)
    make_room(opt)
    assert not Path(opt["path"]["experiments_root"]).exists()
    (archive,) = (tmp_path / "experiments").iterdir()
    assert archive.name.startswith("run_archived_")
    assert (archive / "training_states" / "5.state").is_file()
    assert (tmp_path / "tb_logger" / archive.name).is_dir()

    state = leave_a_run(opt)
    with pytest.raises(OptionError, match=f"(?s){archive.name}.*--auto_resume"):
        make_room(opt)
    assert state.is_file()


def test_debug_runs_leave_nothing(tmp_path: Path) -> None:
    opt = options(tmp_path, "debug_run")
    leave_a_run(opt)
    make_room(opt)
    assert not list((tmp_path / "experiments").iterdir())


def test_a_name_alone_removes_no_run(tmp_path: Path) -> None:
    opt = options(tmp_path, "debugging_colours")
    leave_a_run(opt)
    make_room(opt)
    (archive,) = (tmp_path / "experiments").iterdir()
    assert (archive / "training_states" / "5.state").is_file()


def test_leftovers_of_an_interrupted_write_are_removed(tmp_path: Path) -> None:
    opt = options(tmp_path)
    state = leave_a_run(opt)
    leftover = state.with_name(".10.state.tmp")
    leftover.write_bytes(b"half")
    make_folders(opt)
    assert not leftover.exists()
    assert state.is_file()


def try_lock(opt: dict[str, Any]) -> None:
    with locked(opt):
        pass


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    opt = options(tmp_path)
    with locked(opt), ProcessPoolExecutor(1) as other:  # locks keep processes apart, not calls within one
        with pytest.raises(OptionError, match="another process is training run"):
            other.submit(try_lock, opt).result()
        other.submit(try_lock, options(tmp_path, "other")).result()
    with ProcessPoolExecutor(1) as other:
        other.submit(try_lock, opt).result()

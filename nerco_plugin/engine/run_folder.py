"""The folders and the log of a run, as BasicSR lays them out, and what happens to an earlier run of the same name."""

import logging
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from basicsr.utils import get_env_info, get_root_logger, get_time_str
from basicsr.utils.options import dict2str

from nerco_plugin.engine.options import OptionError, written_options
from nerco_plugin.engine.options_yaml import yaml_text
from nerco_plugin.models.state_file import write_bytes

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

MERGED = "options.yml"


@contextmanager
def locked(opt: dict[str, Any]) -> Iterator[None]:
    """Keep other runs out of the run's folder, until this one ends, however it does.

    Raises:
        OptionError: another run is in it.
    """
    if opt["rank"] != 0 or fcntl is None:
        yield
        return
    folder = Path(opt["root_path"]) / "experiments" / ".locks"  # not in the run's own, which may be set aside
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / opt["name"]).open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # data workers do not inherit it, as they would flock's
        except (BlockingIOError, PermissionError) as error:
            raise OptionError(f"another process is training {opt['name']} in {folder.parent} right now") from error
        except OSError as error:
            get_root_logger().warning(f"{folder} cannot be locked ({error}): start no second run of this name.")
        yield


def make_room(opt: dict[str, Any]) -> None:
    """Clear the way for a new run under a name that may have been used before.

    A folder without checkpoints is used again as it is. One with checkpoints is renamed to NAME_archived_TIME, as
    BasicSR does, but once only: while such an archive lies there, another is refused. What --debug left is removed.

    Raises:
        OptionError: there is a run and an archived one already.
    """
    folder = Path(opt["path"]["experiments_root"])
    logs = Path(opt["root_path"]) / "tb_logger" / opt["name"]
    if not any(folder.glob("training_states/*.state")) and not any(folder.glob("models/*.pth")):
        return
    if opt["debug"]:  # a name may begin like that by chance
        shutil.rmtree(folder)
        shutil.rmtree(logs, ignore_errors=True)
        return
    if archives := sorted(folder.parent.glob(f"{folder.name}_archived_*")):
        raise OptionError(
            f"{folder} holds a run, and {archives[0].name} beside it an earlier one; only one is set aside: "
            "go on with --auto_resume, choose another name, or remove one of them"
        )
    ending = f"_archived_{get_time_str()}"
    for old in (folder, logs):
        if old.exists():
            old.rename(old.with_name(old.name + ending))


def make_folders(opt: dict[str, Any]) -> None:
    """Create what BasicSR's models write into, and remove what an interrupted write left."""
    for key in ("experiments_root", "results_root", "models", "training_states", "log", "visualization"):
        if key in opt["path"]:
            folder = Path(opt["path"][key])
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink()


def open_log(opt: dict[str, Any]) -> logging.Logger:
    """BasicSR's logger, writing to train_NAME_TIME.log too (process 0), begun with environment and options.

    Note: BasicSR opens the file where the logger is first used, so that an early warning leaves a run without a log.
    """
    logger = get_root_logger()
    logger.setLevel(logging.INFO if opt["rank"] == 0 else logging.ERROR)
    if opt["rank"] == 0:
        kind = "train" if opt["is_train"] else "test"
        file = Path(opt["path"]["log"]) / f"{kind}_{opt['name']}_{get_time_str()}.log"
        for old in [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]:
            logger.removeHandler(old)
            old.close()
        handler = logging.FileHandler(file, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))
        handler.handleError = lambda record: None  # type: ignore[method-assign]  # a full disk is told of elsewhere
        logger.addHandler(handler)
    logger.info(get_env_info())
    logger.info(dict2str(opt))
    return logger


def option_texts(args: Namespace, opt: dict[str, Any]) -> dict[str, str]:
    """What to keep beside the run, by file name: the option file, and options.yml with its bases and all overrides.

    Both begin with a line that says when and how the run was started.
    """
    source = Path(args.opt)
    command = " ".join(sys.argv).replace("\n", " ")
    header = f"# GENERATE TIME: {time.asctime()}\n# CMD:\n# {command}\n\n"
    texts = {source.name: source.read_text(encoding="utf-8-sig"), MERGED: yaml_text(written_options(args, opt))}
    return {name: header + text for name, text in texts.items()}


def keep_options(texts: dict[str, str], opt: dict[str, Any]) -> None:
    """Write what :func:`option_texts` gave into the run's folder."""
    for name, text in texts.items():
        write_bytes(Path(opt["path"]["experiments_root"]) / name, text.encode())

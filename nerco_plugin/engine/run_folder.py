"""The folders and the log of a run, as BasicSR lays them out, and what happens to an earlier run of the same name."""

import logging
import sys
import time
from pathlib import Path
from typing import Any

from basicsr.utils import get_env_info, get_root_logger, get_time_str
from basicsr.utils.options import dict2str


def make_folders(opt: dict[str, Any]) -> None:
    """Create what BasicSR's models write into."""
    for key in ("experiments_root", "results_root", "models", "training_states", "log", "visualization"):
        if key in opt["path"]:
            Path(opt["path"][key]).mkdir(parents=True, exist_ok=True)


def open_log(opt: dict[str, Any]) -> logging.Logger:
    """BasicSR's logger, writing to train_NAME_TIME.log too (process 0), begun with environment and options."""
    kind = "train" if opt["is_train"] else "test"
    file = Path(opt["path"]["log"]) / f"{kind}_{opt['name']}_{get_time_str()}.log"
    logger = get_root_logger(log_level=logging.INFO, log_file=str(file))
    logger.info(get_env_info())
    logger.info(dict2str(opt))
    return logger


def copy_option_file(path: str, opt: dict[str, Any]) -> None:
    """Keep the option file beside the run, under a line that says when and how it was started."""
    source = Path(path)
    header = f"# GENERATE TIME: {time.asctime()}\n# CMD:\n# {' '.join(sys.argv)}\n\n"
    target = Path(opt["path"]["experiments_root"]) / source.name
    target.write_text(header + source.read_text(encoding="utf-8"), encoding="utf-8")

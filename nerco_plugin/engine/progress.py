"""What a training run tells: BasicSR's log lines, a bar on a terminal, TensorBoard and wandb where asked for."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from basicsr.utils import AvgTimer, MessageLogger, get_root_logger
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from nerco_plugin.engine.options import OptionError


def bar(rank: int, **options: Any) -> "tqdm[Any]":
    """A progress bar, if this is process 0 and on a terminal."""
    columns, lines = shutil.get_terminal_size()  # 80 x 24 where the terminal says 0, with which tqdm shows nothing
    return tqdm(disable=None if rank == 0 else True, ncols=columns, nrows=lines, **options)


class Progress:
    """Tells how far a run is; use it as a context around the loop, in every process (only process 0 is heard).

    Args:
        opt: checked options.
        iteration: where the run begins.
    """

    def __init__(self, opt: dict[str, Any], iteration: int) -> None:
        self.tensorboard = start_tensorboard(opt, iteration)
        self.message = MessageLogger(opt, iteration, self.tensorboard)
        self.message.max_iters += 1  # BasicSR's time left takes one away too many and ends below zero
        self.data_timer, self.iter_timer = AvgTimer(), AvgTimer()
        self.bar = bar(opt["rank"], total=int(opt["train"]["total_iter"]), initial=iteration, unit="it")
        self.redirect = logging_redirect_tqdm([get_root_logger()])

    def __enter__(self) -> "Progress":
        self.redirect.__enter__()
        self.message.reset_start_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        self.redirect.__exit__(kind, error, trace)
        if self.tensorboard:
            self.tensorboard.close()

    def begin(self) -> None:
        """An iteration begins with waiting for its data."""
        self.data_timer.start()
        self.iter_timer.start()

    def stepped(self) -> None:
        """An iteration was done."""
        self.iter_timer.record()
        self.bar.update()

    def report(self, epoch: int, iteration: int, rates: list[float], terms: Mapping[str, Any]) -> None:
        """One of BasicSR's log lines; waits for the terms' device."""
        times = {"time": self.iter_timer.get_avg_time(), "data_time": self.data_timer.get_avg_time()}
        values = {name: float(value) for name, value in terms.items()}
        self.message({"epoch": epoch, "iter": iteration, "lrs": rates, **times, **values})

    def scores(self, data_set: str, means: Mapping[str, float], iteration: int) -> None:
        """Validation scores, under BasicSR's names."""
        if self.tensorboard:
            for metric, value in means.items():
                self.tensorboard.add_scalar(f"metrics/{data_set}/{metric}", value, iteration)


def start_tensorboard(opt: dict[str, Any], iteration: int) -> Any:
    """A SummaryWriter if ``logger:use_tb_logger`` asks for one; wandb, which copies it, if ``logger:wandb`` does.

    Raises:
        OptionError: one of them is not installed.
    """
    logger_opt = opt["logger"]
    if opt["rank"] != 0 or "debug" in opt["name"]:
        return None
    if (logger_opt.get("wandb") or {}).get("project"):
        start_wandb(opt)
    if not logger_opt["use_tb_logger"]:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise OptionError("logger:use_tb_logger: true needs tensorboard (pip install tensorboard)") from error
    folder = Path(opt["root_path"]) / "tb_logger" / opt["name"]
    return SummaryWriter(log_dir=str(folder), purge_step=iteration + 1)  # hides what came after the resumed state


def start_wandb(opt: dict[str, Any]) -> None:
    """Begin a wandb run that copies TensorBoard's; ``logger:wandb:resume_id`` goes on with an earlier one."""
    try:
        import wandb
    except ImportError as error:
        raise OptionError("logger:wandb:project needs wandb (pip install wandb)") from error
    options = opt["logger"]["wandb"]
    run = wandb.init(
        id=options.get("resume_id"),
        resume="allow",
        name=opt["name"],
        config=opt,
        project=options["project"],
        dir=opt["path"]["experiments_root"],
        sync_tensorboard=True,
    )
    get_root_logger().info(f"Use wandb logger with id={run.id}; project={options['project']}.")

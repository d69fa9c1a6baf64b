"""Trains any BasicSR model from an option file: BasicSR's loop, mended (exact length, exact resume, no silent faults)."""

import datetime
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from basicsr.utils import AvgTimer, MessageLogger, get_root_logger, set_random_seed
from basicsr.utils.registry import MODEL_REGISTRY
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from nerco_plugin.engine import validation
from nerco_plugin.engine.checkpoint import Checkpoints
from nerco_plugin.engine.distributed import find_place, process_group
from nerco_plugin.engine.loader import TrainingData, evaluation_loader
from nerco_plugin.engine.options import build_options, parse_arguments
from nerco_plugin.engine.run_folder import copy_option_file, make_folders, open_log
from nerco_plugin.models.mended import NonFiniteError, mended


def train(root: Path, argv: Sequence[str] | None = None) -> int:
    """Train as ``argv`` (``sys.argv``) says, under ``root``, the folder that holds options/; returns the exit code."""
    args = parse_arguments(argv, is_train=True)
    place = find_place(args.launcher, args.local_rank)
    opt = build_options(args, root, is_train=True, rank=place.rank, world_size=place.world_size)
    with process_group(place, opt):
        make_folders(opt)
        open_log(opt)
        if opt["rank"] == 0:
            copy_option_file(args.opt, opt)
        return Training(opt).run()


def build_model(opt: dict[str, Any]) -> Any:  # noqa: ANN401
    """The model that ``model_type`` names, mended."""
    model = mended(MODEL_REGISTRY.get(opt["model_type"]))(opt)
    get_root_logger().info(f"Model [{model.__class__.__name__}] is created.")
    return model


class Training:
    """One run: its data, model, and position."""

    def __init__(self, opt: dict[str, Any]) -> None:
        self.opt = opt
        self.logger = get_root_logger()
        torch.backends.cudnn.benchmark = True
        set_random_seed(opt["manual_seed"] + opt["rank"])
        self.checkpoints = Checkpoints(opt["path"]["experiments_root"])
        self.data = TrainingData(opt)
        sets = [value for name, value in opt["datasets"].items() if name.split("_")[0] == "val"]
        self.val_loaders = [evaluation_loader(one, opt["rank"], opt["world_size"]) for one in sets]
        self.model = build_model(opt)
        self.total_iter = int(opt["train"]["total_iter"])
        self.iteration = 0
        entry = self.checkpoints.last_complete() if opt["auto_resume"] else None
        if entry:
            state = self.checkpoints.restore(entry, self.model)
            self.iteration = state["iter"]
            self.data.start = state["loop"].get("samples", self.iteration * self.data.samples_per_iter)
            self.logger.info(f"Resuming training from epoch: {state['epoch']}, iter: {self.iteration}.")

    def run(self) -> int:
        """Train to exactly ``total_iter``."""
        start = time.time()
        batches = self.data.batches()
        tell = MessageLogger(self.opt, self.iteration)
        data_timer, iter_timer = AvgTimer(), AvgTimer()
        self.logger.info(f"Start training from epoch: {self.epoch}, iter: {self.iteration}")
        hidden = None if self.opt["rank"] == 0 else True
        bar = tqdm(total=self.total_iter, initial=self.iteration, unit="it", disable=hidden, dynamic_ncols=True)
        with logging_redirect_tqdm([self.logger]), bar:
            while self.iteration < self.total_iter:
                batch = next(batches)
                data_timer.record()
                self.step(batch)
                iter_timer.record()
                bar.update()
                if self.due(self.opt["logger"]["print_freq"]):
                    times = {"time": iter_timer.get_avg_time(), "data_time": data_timer.get_avg_time()}
                    self.report(tell, times)
                if self.due(self.opt["logger"]["save_checkpoint_freq"]) or self.iteration == self.total_iter:
                    self.save()
                if self.due(self.opt["val"].get("val_freq")) or self.iteration == self.total_iter:
                    self.validate()
                data_timer.start()
                iter_timer.start()
        spent = datetime.timedelta(seconds=int(time.time() - start))
        self.logger.info(f"End of training. Time consumed: {spent}")
        self.logger.info("Save the latest model.")
        self.model.save(epoch=-1, current_iter=-1)
        return 0

    @property
    def epoch(self) -> int:
        """How often the data has been seen."""
        return self.samples // len(self.data)

    @property
    def samples(self) -> int:
        """Samples used so far by all processes together."""
        return self.iteration * self.data.samples_per_iter

    def due(self, every: int | None) -> bool:
        """Whether something that happens every so many iterations happens now."""
        return bool(every) and self.iteration % every == 0

    def step(self, batch: dict[str, Any]) -> None:
        """One iteration."""
        self.iteration += 1
        self.model.update_learning_rate(self.iteration, warmup_iter=self.opt["train"].get("warmup_iter", -1))
        self.model.feed_data(batch)
        self.model.optimize_parameters(self.iteration)
        bad = [
            name for name, value in self.model.get_current_log().items() if not torch.isfinite(torch.as_tensor(value))
        ]
        if bad:
            raise NonFiniteError(f"iteration {self.iteration}: {', '.join(bad)} is not finite")

    def report(self, tell: MessageLogger, times: dict[str, float]) -> None:
        """BasicSR's log line."""
        log = {name: float(value) for name, value in self.model.get_current_log().items()}
        rates = self.model.get_current_learning_rate()
        tell({"epoch": self.epoch, "iter": self.iteration, "lrs": rates, **times, **log})

    def save(self) -> None:
        """A complete checkpoint."""
        self.logger.info("Saving models and training states.")
        self.model.loop_state = {"samples": self.samples}
        self.model.save(self.epoch, self.iteration)
        if self.opt["rank"] == 0:
            self.checkpoints.add(self.iteration)

    def validate(self) -> None:
        """Score every validation set."""
        validation.sync_buffers(self.model)
        for loader in self.val_loaders:
            name = loader.dataset.dataset.opt["name"]
            images = validation.validate(self.model, loader, self.picture if self.opt["val"]["save_img"] else None)
            means = validation.mean_scores(images)
            validation.update_best(self.model, name, means, self.iteration)
            if means:
                validation.log_scores(name, means, self.model.best_metric_results[name])

    def picture(self, name: str) -> Path:
        """Where BasicSR saves the picture of a validation image during training."""
        return Path(self.opt["path"]["visualization"]) / name / f"{name}_{self.iteration}.png"

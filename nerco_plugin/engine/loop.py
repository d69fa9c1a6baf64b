"""The training loop: BasicSR's, to exactly ``total_iter``, resumed exactly, stopped politely, never past a bad loss."""

import datetime
import time
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from basicsr.utils import get_root_logger

from nerco_plugin.engine.checkpoint import Checkpoints
from nerco_plugin.engine.finite import FiniteWatch
from nerco_plugin.engine.loader import EvaluationData, TrainingData
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.progress import Progress
from nerco_plugin.engine.replicas import check_replicas
from nerco_plugin.engine.resumed_options import flat_options
from nerco_plugin.engine.scores import log_scores, mean_scores, update_best, validates_itself
from nerco_plugin.engine.signals import StopRequest
from nerco_plugin.engine.validation import GivenUpError, sync_buffers, validate
from nerco_plugin.models.mended import NonFiniteError
from nerco_plugin.models.rng_state import kept_rng_state
from nerco_plugin.models.state_file import CheckpointError


class Training:
    """One run: its model, data and checkpoints, and how far it is.

    Args:
        opt: checked options.
        model: a mended model of BasicSR's protocol.
        data: what it trains on.
        val_data: the validation sets.
        checkpoints: of the run's folder.
        stop: when to end early.
    """

    def __init__(
        self,
        opt: dict[str, Any],
        model: Any,
        data: TrainingData,
        val_data: list[EvaluationData],
        checkpoints: Checkpoints,
        stop: StopRequest,
    ) -> None:
        self.opt = opt
        self.model = model
        self.data = data
        self.val_data = val_data
        self.checkpoints = checkpoints
        self.stop = stop
        self.logger = get_root_logger()
        self.finite = FiniteWatch(getattr(model, "scaler", None))
        self.total_iter = int(opt["train"]["total_iter"])
        self.iteration = 0
        self.samples = 0  # used so far by all processes together
        self.saved = 0  # iteration of the last checkpoint
        self.validated = 0  # iteration of the last validation that was not given up

    def resume(self, state: dict[str, Any], validation: dict[str, Any] | None) -> None:
        """Go on after the training state ``state``, which was validated with that outcome or not yet."""
        self.iteration = self.saved = state["iter"]
        loop = state.get("loop", {})  # BasicSR's states have none
        self.samples = loop.get("samples", self.iteration * self.data.samples_per_iter)
        if validation:
            self.validated = self.iteration
            self.model.best_metric_results = deepcopy(validation["best"])
        self.logger.info(f"Resuming training from epoch: {state['epoch']}, iter: {self.iteration}.")
        if self.iteration > self.total_iter:
            raise OptionError(f"the run is at iteration {self.iteration}, beyond train:total_iter: {self.total_iter}")
        for name, value in self.conditions().items():
            if (before := loop.get("conditions", {}).get(name, value)) != value:
                self.logger.warning(f"{name} was {before} before and is {value} now: this goes on, but not exactly.")

    def conditions(self) -> dict[str, int]:
        """What must stay the same for a run to be resumed exactly."""
        return {
            "manual_seed": self.opt["manual_seed"],
            "number of training samples": len(self.data),
            "batch size of all processes": self.data.samples_per_iter,
        }

    @property
    def epoch(self) -> int:
        """Of the samples of the current iteration, from 0."""
        return max(0, self.samples - 1) // self.data.samples_per_epoch

    def run(self) -> int:
        """Train to the end; returns 0, or the number of the signal that ended it with a checkpoint before."""
        begun = time.time()
        self.logger.info(f"Start training from epoch: {self.epoch}, iter: {self.iteration}")
        with Progress(self.opt, self.iteration) as progress:
            if self.iteration and self.validation_due():
                self.validate(progress)
                if number := self.stop.poll():  # it was given up again, and the run may have no iteration left
                    return number
            with closing(self.data.batches(self.samples)) as batches:  # ends the workers, whatever happens
                while self.iteration < self.total_iter:
                    self.iterate(batches, progress)
                    if number := self.stop.poll():
                        self.save()
                        return number
        self.logger.info(f"End of training. Time consumed: {datetime.timedelta(seconds=int(time.time() - begun))}")
        self.logger.info("Save the latest model.")
        self.model.save(epoch=-1, current_iter=-1)
        return 0

    def iterate(self, batches: Iterator[dict[str, Any]], progress: Progress) -> None:
        """One iteration with whatever is due after it."""
        progress.begin()
        batch = next(batches)
        progress.data_timer.record()
        self.iteration += 1
        self.samples += self.data.samples_per_iter
        self.model.update_learning_rate(self.iteration, warmup_iter=self.opt["train"].get("warmup_iter", -1))
        self.model.feed_data(batch)
        self.model.optimize_parameters(self.iteration)
        progress.stepped()
        terms = self.model.get_current_log()
        self.finite.note(terms, self.iteration)
        report = self.every(self.opt["logger"]["print_freq"])
        if report or self.model.device.type == "cpu":  # elsewhere looking would wait for the device
            self.finite.check()
        if report:
            progress.report(self.epoch, self.iteration, self.model.get_current_learning_rate(), terms)
        if self.every((self.opt.get("dist_params") or {}).get("check_replicas_freq")):
            check_replicas(self.model, self.iteration)
        if self.checkpoint_due():
            self.save()
        if self.validation_due():
            self.validate(progress)

    def every(self, frequency: int | None) -> bool:
        """Whether what happens every ``frequency`` iterations happens after this one."""
        return bool(frequency and self.iteration % frequency == 0)

    def validation_due(self) -> bool:
        """Every ``val:val_freq`` iterations, and at the end."""
        due = self.every(self.opt["val"].get("val_freq")) or self.iteration == self.total_iter
        return due and bool(self.val_data) and self.validated != self.iteration

    def checkpoint_due(self) -> bool:
        """Every ``logger:save_checkpoint_freq`` iterations, at the end, and where one may turn out the best."""
        due = self.every(self.opt["logger"]["save_checkpoint_freq"]) or self.iteration == self.total_iter
        return due or (bool(self.checkpoints.keep_best) and self.validation_due())

    def save(self) -> None:
        """A complete checkpoint of this iteration, unless there is one."""
        if self.saved == self.iteration:
            return
        self.logger.info("Saving models and training states.")
        self.model.loop_state = {
            "samples": self.samples,
            "conditions": self.conditions(),
            "options": flat_options(self.opt),
        }
        try:
            self.finite.check()
            self.model.save(self.epoch, self.iteration)
            if self.opt["rank"] == 0:
                self.checkpoints.add(self.iteration)
        except (CheckpointError, NonFiniteError) as error:
            self.checkpoints.discard(self.iteration)
            last = f"checkpoint {self.saved} is untouched" if self.saved else "there is no checkpoint yet"
            raise type(error)(f"{error}; {last}") from error
        self.saved = self.iteration

    @kept_rng_state()
    def validate(self, progress: Progress) -> None:
        """Score every validation set; given up when the run is to stop, and then made up for when it goes on."""
        self.finite.check()
        sync_buffers(self.model)
        scores = {}
        save_img = bool(self.opt["val"]["save_img"])
        for data in self.val_data:
            if validates_itself(type(self.model)):
                self.model.validation(data.whole(), self.iteration, progress.tensorboard, save_img)
                continue
            picture = partial(self.picture, data.name) if save_img else None
            try:
                images = validate(self.model, data, picture, self.stop.poll)
            except GivenUpError:
                return
            means = scores[data.name] = mean_scores([image.scores for image in images])
            update_best(self.model, data.name, means, self.iteration)
            log_scores(data.name, means, getattr(self.model, "best_metric_results", {}).get(data.name))
            progress.scores(data.name, means, self.iteration)
        self.validated = self.iteration
        if self.opt["rank"] == 0:
            self.checkpoints.add_scores(self.iteration, scores, getattr(self.model, "best_metric_results", {}))

    def picture(self, data_set: str, name: str) -> Path:
        """Where BasicSR saves the picture of a validation image in training; of several sets, each has its folder."""
        folder = Path(self.opt["path"]["visualization"]) / (data_set if len(self.val_data) > 1 else "")
        return folder / name / f"{name}_{self.iteration}.png"

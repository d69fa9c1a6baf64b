"""Trains any BasicSR model from an option file: options in, checkpoints, pictures and scores under experiments/NAME."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from basicsr.utils import get_root_logger, set_random_seed
from basicsr.utils.registry import MODEL_REGISTRY

from nerco_plugin.engine.checkpoint import Checkpoints, Judge
from nerco_plugin.engine.distributed import find_place, process_group
from nerco_plugin.engine.loader import EvaluationData, TrainingData
from nerco_plugin.engine.loop import Training
from nerco_plugin.engine.options import build_options, parse_arguments
from nerco_plugin.engine.plan import training_plan
from nerco_plugin.engine.resume import Start, find_start
from nerco_plugin.engine.run_folder import keep_options, locked, make_folders, make_room, open_log, option_texts
from nerco_plugin.engine.scores import metrics_of
from nerco_plugin.engine.signals import StopRequest
from nerco_plugin.engine.validation import check_names
from nerco_plugin.losses.clip_loss import CLIPCosineLoss
from nerco_plugin.models.mended import mended


def train(root: Path, argv: Sequence[str] | None) -> int:
    """Train as ``argv`` (``sys.argv`` if None) says; experiments/ lies under ``root``.

    Returns:
        0 at the end of the run, or of its plan, which ``--check`` prints instead; 128 + N if signal N ended it earlier,
        after a checkpoint.
    """
    args = parse_arguments(argv, is_train=True)
    place = find_place(args.launcher, args.local_rank)
    opt = build_options(args, root, is_train=True, rank=place.rank, world_size=place.world_size)
    if args.check:
        if place.rank == 0:
            sys.stdout.write(f"{training_plan(opt)}\n")
        return 0
    with process_group(place, opt), locked(opt), StopRequest() as stop:
        number = prepare(opt, args, stop).run()
    return 128 + number if number else 0


def prepare(opt: dict[str, Any], args: Namespace, stop: StopRequest) -> Training:
    """Folders, log, data, model and checkpoints of a run, ready to go on from where it is."""
    sets = [block for block in opt["datasets"].values() if block["phase"] == "val"]
    checkpoints = Checkpoints(
        opt["path"]["experiments_root"],
        keep_last=opt["logger"].get("keep_last"),
        keep_best=opt["logger"].get("keep_best") or 0,
        judge=first_metric(opt, sets),
    )
    start, texts = begin(opt, args, checkpoints)
    torch.backends.cudnn.benchmark = True
    set_random_seed(opt["manual_seed"] + opt["rank"])
    data = TrainingData(opt)
    val_data = [EvaluationData(options, opt["rank"], opt["world_size"]) for options in sets]
    if opt["val"]["save_img"]:
        check_names(val_data)
    log_counts(opt, data, val_data)
    model = build_model(opt)
    training = Training(opt, model, data, val_data, checkpoints, stop)
    if start.entry:
        training.resume(start.restore(model, opt), validation=start.entry["validation"])
    if opt["rank"] == 0:
        keep_options(texts, opt)  # not before: a resume that is refused changes nothing
    return training


def begin(opt: dict[str, Any], args: Namespace, checkpoints: Checkpoints) -> tuple[Start, dict[str, str]]:
    """Decide where the run begins, lay out its folders, and open its log. Process 0 decides for all.

    Returns:
        Where, and what process 0 is to keep of the options, see :func:`~nerco_plugin.engine.run_folder.option_texts`.
    """
    start, texts = [Start(checkpoints.folder)], {}
    if opt["rank"] == 0:
        start = [find_start(opt, checkpoints)]
        texts = option_texts(args, opt)  # now: the file may lie in a run's folder that is set aside
        elsewhere = start[0].folder.resolve() != checkpoints.folder.resolve()
        if elsewhere or (start[0].entry is None and not opt["auto_resume"]):
            make_room(opt)
            checkpoints.entries = []
        make_folders(opt)
    if dist.is_initialized():
        dist.broadcast_object_list(start)
    logger = open_log(opt)
    for note in [*opt["remarks"], *start[0].notes]:
        logger.warning(note)
    return start[0], texts


def first_metric(opt: dict[str, Any], sets: list[dict[str, Any]]) -> Judge | None:
    """The first metric that scores a validation set, the first of these first: ``logger:keep_best`` goes by it."""
    for block in sets:
        for name, options in metrics_of(opt, block).items():
            return Judge(block["name"], name, higher=options.get("better", "higher") == "higher")
    return None


def log_counts(opt: dict[str, Any], data: TrainingData, val_data: list[EvaluationData]) -> None:
    """BasicSR's block of training statistics."""
    total = int(opt["train"]["total_iter"])
    per_epoch = data.samples_per_epoch / data.samples_per_iter
    logger = get_root_logger()
    logger.info(
        "Training statistics:"
        f"\n\tNumber of train images: {len(data)}"
        f"\n\tDataset enlarge ratio: {data.options.get('dataset_enlarge_ratio', 1)}"
        f"\n\tBatch size per gpu: {data.options['batch_size_per_gpu']}"
        f"\n\tWorld size (gpu number): {opt['world_size']}"
        f"\n\tRequire iter number per epoch: {per_epoch:g}"
        f"\n\tTotal epochs: {total / per_epoch:g}; iters: {total}."
    )
    for one in val_data:
        logger.info(f"Number of val images/folders in {one.name}: {len(one)}")


def build_model(opt: dict[str, Any]) -> Any:
    """The model that ``model_type`` names, mended, with what its losses load."""
    model = mended(MODEL_REGISTRY.get(opt["model_type"]))(deepcopy(opt))  # models change their options
    for loss in vars(model).values():
        if isinstance(loss, CLIPCosineLoss):
            loss.prepare()  # at its first use it would draw random numbers, after a resumed run has its own again
    get_root_logger().info(f"Model [{model.__class__.__name__}] is created.")
    return model

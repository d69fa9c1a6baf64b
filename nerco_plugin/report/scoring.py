"""Scores of saved images, one scene a process at a time on all cores: memory does not grow with their number."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from basicsr.metrics import calculate_psnr, calculate_ssim
from numpy.typing import NDArray
from tqdm import tqdm

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.metrics.conventions import UndefinedScoreError
from nerco_plugin.metrics.gt_mean_metric import psnr_gt_mean, ssim_gt_mean
from nerco_plugin.metrics.loe_metric import lightness_order_error
from nerco_plugin.metrics.lpips_metric import lpips_distance
from nerco_plugin.metrics.niqe_guarded_metric import niqe_guarded
from nerco_plugin.metrics.niqe_paper_metric import niqe_paper
from nerco_plugin.metrics.ssim_paper_metric import structural_similarity_rgb
from nerco_plugin.report.interrupts import noted_interrupts
from nerco_plugin.report.pairs import ImageSet
from nerco_plugin.report.pictures import lightness_histogram, read_rgb, save_copy

BGR = NDArray[np.uint8]
Metric = Callable[[BGR], float]
PATIENCE = 0.2  # seconds until Ctrl-C is looked for


@dataclass
class Score:
    """Scores of one image by one method; ``None`` where undefined, with the reason under the same key."""

    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass
class ScoredSet:
    """One scene, scored: by method; histograms by "low", "gt" and method (each role of a page's picture)."""

    name: str
    size: tuple[int, int]
    scores: dict[str, Score]
    histograms: dict[str, list[int]]


@dataclass(frozen=True)
class Job:
    """What a worker needs for one scene; ``pictures`` is a path without its ending, such as FOLDER/0001."""

    images: ImageSet
    keys: tuple[str, ...]
    pictures: Path
    lpips_weights: str | None


def metrics_for(keys: Sequence[str], low: BGR, truth: BGR | None, lpips_weights: str | None) -> dict[str, Metric]:
    """The functions behind ``keys``, given what results are compared with; images are (H, W, 3) BGR uint8."""
    available: dict[str, Metric] = {
        "loe": lambda image: lightness_order_error(image, low),
        "niqe": niqe_guarded,
        "niqe_paper": lambda image: niqe_paper(image[..., ::-1]),
    }
    if truth is not None:
        available |= {
            "psnr": lambda image: float(calculate_psnr(image, truth, crop_border=0)),
            "ssim": lambda image: structural_similarity_rgb(image, truth),
            "ssim_basicsr": lambda image: float(calculate_ssim(image, truth, crop_border=0)),
            "psnr_gt_mean": lambda image: psnr_gt_mean(image, truth),
            "ssim_gt_mean": lambda image: ssim_gt_mean(image, truth),
            "lpips": lambda image: lpips_distance(image, truth, weights=str(lpips_weights)),
        }
    return {key: available[key] for key in keys}


def score_image(image: BGR, metrics: dict[str, Metric]) -> Score:
    """Apply every metric; one that is undefined or infinite gives ``None`` and a reason instead of ending the run."""
    score = Score()
    for key, function in metrics.items():
        try:
            value = function(image)
        except UndefinedScoreError as error:
            score.values[key], score.reasons[key] = None, str(error)
            continue
        finite = bool(np.isfinite(value))
        score.values[key] = value if finite else None
        if not finite:
            score.reasons[key] = "equal to the reference" if value > 0 else f"came out as {value}"
    return score


def score_set(job: Job) -> ScoredSet:
    """Score one scene for every method and save the page's copies.

    Raises:
        ImageReadError: broken image content.
    """
    images = job.images
    rgb = {"low": read_rgb(images.low)} | ({"gt": read_rgb(images.gt)} if images.gt else {})
    truth = rgb["gt"][..., ::-1] if images.gt else None
    metrics = metrics_for(job.keys, rgb["low"][..., ::-1], truth, job.lpips_weights)
    scores = {}
    for number, (method, path) in enumerate(images.enhanced.items()):
        rgb[str(number)] = read_rgb(path)
        scores[method] = score_image(rgb[str(number)][..., ::-1], metrics)
    for role, picture in rgb.items():
        save_copy(picture, job.pictures.with_name(f"{job.pictures.name}_{role}.jpg"))
    height, width = rgb["low"].shape[:2]
    return ScoredSet(
        name=images.name,
        size=(width, height),
        scores=scores,
        histograms={role: lightness_histogram(picture) for role, picture in rgb.items()},
    )


def start_worker() -> None:
    """One thread for each process, and Ctrl-C left to the parent, which may end it by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def score_all(jobs: Sequence[Job], processes: int | None = None, progress: bool = True) -> list[ScoredSet]:
    """Score all scenes, in their order, on all cores (or ``processes``).

    Raises:
        ImageReadError: all files with broken content, by name.
        KeyboardInterrupt: on Ctrl-C, when what runs has ended, within a second or two.
    """
    workers = min(processes or usable_cores(), len(jobs))
    context = multiprocessing.get_context("fork" if sys.platform.startswith("linux") else "spawn")
    with noted_interrupts() as interrupted:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker)
        try:
            futures = [pool.submit(score_set, job) for job in jobs]
            return collect(futures, progress, interrupted)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def collect(futures: Sequence[Future[ScoredSet]], progress: bool, interrupted: Sequence[int]) -> list[ScoredSet]:
    """Wait for all, in order, behind a progress bar; broken files are gathered and raised together.

    Raises:
        ImageReadError: there are such.
        KeyboardInterrupt: a signal has come to be ``interrupted``.
    """
    scored, faults = [], []
    for future in tqdm(futures, desc="scoring", unit="image", disable=not progress):
        while not future.done():
            if interrupted:
                raise KeyboardInterrupt
            wait([future], timeout=PATIENCE)
        try:
            scored.append(future.result())
        except ImageReadError as error:
            faults.append(str(error))
    if faults:
        raise ImageReadError("\n".join([f"{len(faults)} broken image(s), nothing was written:", *faults]))
    return scored

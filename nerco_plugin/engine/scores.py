"""Scores of a validation in BasicSR's terms: its metrics for one image, their means, the best so far, its log lines."""

import inspect
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import cv2
import numpy as np
from basicsr.models.sr_model import SRModel
from basicsr.utils import get_root_logger
from basicsr.utils.registry import DATASET_REGISTRY, METRIC_REGISTRY

from nerco_plugin.engine.options_data import gives_reference
from nerco_plugin.engine.options_source import OptionError

Scores = dict[str, float]  # by the metric's name in the YAML; nan where an image has no score


def needs_reference(metric: Callable[..., Any]) -> bool:
    """Whether a metric cannot do without ``img2``, the paired truth."""
    parameter = inspect.signature(metric).parameters.get("img2")
    return parameter is not None and parameter.default is parameter.empty


def metrics_of(opt: dict[str, Any], data_set: dict[str, Any]) -> dict[str, Any]:
    """Those of ``val:metrics`` that score a data set: where it has no references, none that compares with them."""
    metrics = opt["val"].get("metrics") or {}
    if gives_reference(DATASET_REGISTRY.get(data_set["type"])):
        return metrics
    return {
        name: options for name, options in metrics.items() if not needs_reference(METRIC_REGISTRY.get(options["type"]))
    }


def validates_itself(model: type[Any] | None) -> bool:
    """Whether this is one of BasicSR's models with a validation of its own kind (video, generation, ...)."""
    return getattr(model, "nondist_validation", SRModel.nondist_validation) is not SRModel.nondist_validation


def require_references(metrics: dict[str, Any], batch: dict[str, Any], data_set: str) -> None:
    """Raise OptionError if a metric compares with references and ``batch`` brings none."""
    for metric, options in metrics.items():
        if "gt" not in batch and needs_reference(METRIC_REGISTRY.get(options["type"])):
            raise OptionError(f"val:metrics:{metric} compares with references, which data set {data_set} does not have")


def score(images: dict[str, np.ndarray], metrics: dict[str, Any], name: str, data_set: str) -> Scores:
    """Every metric for one image; nan, with the reason in the log, where a metric cannot score it."""
    scores = {}
    for metric, options in metrics.items():
        try:
            scores[metric] = float(calculate(images, options))
        except (ValueError, RuntimeError, ArithmeticError, AssertionError, LookupError, cv2.error) as error:
            scores[metric] = math.nan
            get_root_logger().warning(f"{data_set}: {metric} is n/a for {name}: {error}")
    return scores


def calculate(images: dict[str, np.ndarray], options: dict[str, Any]) -> float:
    """One metric of METRIC_REGISTRY, given those of ``images`` that it takes."""
    arguments = deepcopy(options)
    function = METRIC_REGISTRY.get(arguments.pop("type"))
    parameters = inspect.signature(function).parameters
    if "better" not in parameters and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        arguments.pop("better", None)
    given = {key: image for key, image in images.items() if key in parameters}
    return function(**given, **arguments)


def mean_scores(images: Sequence[Scores]) -> Scores:
    """Mean of each metric over the images that have a score; nan where none has."""
    means = {}
    for metric in images[0] if images else {}:
        values = [scores[metric] for scores in images if not math.isnan(scores[metric])]
        means[metric] = sum(values) / len(values) if values else math.nan
    return means


def update_best(model: Any, data_set: str, means: Scores, iteration: int) -> None:
    """Keep the best mean of each metric in ``model.best_metric_results``, as BasicSR does.

    A metric that the run did not have before, or had with another ``better``, begins anew; one that does not score
    this set has none.
    """
    if not means:
        return
    before = getattr(model, "best_metric_results", {}).pop(data_set, {})
    model._initialize_best_metric_results(data_set)
    new = model.best_metric_results[data_set]
    best = model.best_metric_results[data_set] = {metric: new[metric] for metric in new if metric in means}
    for metric in best.keys() & before.keys():
        if before[metric]["better"] == best[metric]["better"]:
            best[metric] = before[metric]
    for metric, value in means.items():
        if not math.isnan(value):
            model._update_best_metric_result(data_set, metric, value, iteration)


def log_scores(data_set: str, means: Scores, best: dict[str, Any] | None = None) -> None:
    """BasicSR's block of validation lines."""
    lines = f"Validation {data_set}\n"
    for metric, value in means.items():
        lines += f"\t # {metric}: " + ("n/a" if math.isnan(value) else f"{value:.4f}")
        if best:
            lines += f"\tBest: {best[metric]['val']:.4f} @ {best[metric]['iter']} iter"
        lines += "\n"
    get_root_logger().info(lines)

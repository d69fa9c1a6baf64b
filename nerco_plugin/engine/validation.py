"""Validation of any restoration model, sharded over processes: pictures, scores, and the best of them."""

import inspect
import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from basicsr.models.sr_model import SRModel
from basicsr.utils import get_root_logger, tensor2img
from basicsr.utils.registry import METRIC_REGISTRY
from tqdm import tqdm

from nerco_plugin.engine.distributed import gather
from nerco_plugin.engine.loader import EvaluationData
from nerco_plugin.engine.options import OptionError
from nerco_plugin.models.state_file import write_atomically

Scores = dict[str, float]  # by the metric's name in the YAML; nan where an image has no score


class GivenUpError(Exception):
    """A validation that was not finished because the run is to stop."""


class TestedImage(NamedTuple):
    """One image of a set: where it came from, and its scores."""

    name: str
    lq_path: str
    gt_path: str | None
    scores: Scores


def validate(
    model: Any,  # noqa: ANN401  BasicSR's models share no protocol class
    data: EvaluationData,
    picture: Callable[[str], Path] | None = None,
    stop: Callable[[], int] = lambda: 0,
) -> list[TestedImage]:
    """Enhance this process's share of ``data``, and return the scores of all processes' images in the set's order.

    Args:
        model: anything with ``feed_data``, ``test`` and ``get_current_visuals``.
        data: whose batches hold ``lq``, ``lq_path`` and perhaps ``gt``.
        picture: path of the picture to save for an image's name; None saves none.
        stop: asked equally often in all processes, whether to give up.

    Raises:
        GivenUpError: ``stop`` said so.
        OptionError: a metric compares with references, and the set has none.
    """
    metrics = model.opt["val"].get("metrics") or {}
    own: dict[int, TestedImage] = {}
    batches = data.batches()
    for _ in tqdm(range(data.rounds), unit="image", leave=False, disable=None if model.opt["rank"] == 0 else True):
        if stop():
            raise GivenUpError
        if (item := next(batches, None)) is None:  # the last round of a process with one image less
            break
        index, batch = item
        name = Path(batch["lq_path"][0]).stem
        require_references(metrics, batch, data.name)
        images = _enhance(model, batch)
        if picture is not None:
            save_picture(images["img"], picture(name))
        own[index] = TestedImage(
            name=name,
            lq_path=batch["lq_path"][0],
            gt_path=batch["gt_path"][0] if "gt" in batch else None,
            scores=score(images, metrics, name, data.name),
        )
    everyone = {index: scores for shard_scores in gather(own) for index, scores in shard_scores.items()}
    return [everyone[index] for index in sorted(everyone)]


def _enhance(model: Any, batch: dict[str, Any]) -> dict[str, np.ndarray]:  # noqa: ANN401
    """BasicSR's metric inputs (H, W, 3) BGR uint8: ``img``, its input ``lq``, and ``img2`` where there is a truth."""
    if "gt" not in batch and hasattr(model, "gt"):
        del model.gt  # of a training batch: never score against an unrelated photograph
    model.feed_data(batch)
    model.test()
    visuals = model.get_current_visuals()
    names = {"img": "result", "lq": "lq"} | ({"img2": "gt"} if "gt" in batch else {})
    return {name: tensor2img([visuals[key].clone()]) for name, key in names.items()}  # it clamps in place


def save_picture(image: np.ndarray, path: Path) -> None:
    """Write (H, W, 3) BGR uint8 as PNG, whole or not at all. Raises CheckpointError naming the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = cv2.imencode(".png", image)[1].tobytes()
    write_atomically(path, lambda file: file.write(content))


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


def validates_itself(model: Any) -> bool:  # noqa: ANN401
    """Whether this is one of BasicSR's models with a validation of its own kind (video, generation, ...)."""
    return getattr(type(model), "nondist_validation", SRModel.nondist_validation) is not SRModel.nondist_validation


def require_references(metrics: dict[str, Any], batch: dict[str, Any], data_set: str) -> None:
    """Raise OptionError if a metric cannot do without ``img2``, the paired truth, and ``batch`` brings none."""
    for metric, options in metrics.items():
        parameter = inspect.signature(METRIC_REGISTRY.get(options["type"])).parameters.get("img2")
        if "gt" not in batch and parameter is not None and parameter.default is parameter.empty:
            raise OptionError(f"val:metrics:{metric} compares with references, which data set {data_set} does not have")


def mean_scores(images: list[TestedImage]) -> Scores:
    """Mean of each metric over the images that have a score; nan where none has."""
    means = {}
    for metric in images[0].scores if images else {}:
        values = [image.scores[metric] for image in images if not math.isnan(image.scores[metric])]
        means[metric] = sum(values) / len(values) if values else math.nan
    return means


def update_best(model: Any, data_set: str, means: Scores, iteration: int) -> None:  # noqa: ANN401
    """Keep the best mean of each metric in ``model.best_metric_results``, as BasicSR does."""
    if not means:
        return
    model._initialize_best_metric_results(data_set)
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


def sync_buffers(model: Any) -> None:  # noqa: ANN401
    """Give every process the buffers of process 0 (running statistics), as the next training step would."""
    if torch.distributed.is_initialized():
        for name, net in vars(model).items():
            if name.startswith("net_") and isinstance(net, torch.nn.Module):
                for buffer in net.buffers():
                    torch.distributed.broadcast(buffer, 0)

"""Runs any restoration model over a data set, shared among the processes: pictures, and the scores of each image."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from basicsr.utils import tensor2img

from nerco_plugin.engine.distributed import gather
from nerco_plugin.engine.loader import EvaluationData
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.progress import bar
from nerco_plugin.engine.scores import Scores, metrics_of, require_references, score
from nerco_plugin.models.state_file import write_bytes


class GivenUpError(Exception):
    """A validation that was not finished because the run is to stop."""


class TestedImage(NamedTuple):
    """One image of a set: where it came from, and its scores."""

    name: str
    lq_path: str
    gt_path: str | None
    scores: Scores


def validate(
    model: Any,
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
        OptionError: a metric compares with references, and a set that may have them has none.
    """
    metrics = metrics_of(model.opt, data.options)
    own: dict[int, TestedImage] = {}
    batches = data.batches()
    for _ in bar(model.opt["rank"], iterable=range(data.rounds), desc=data.name, unit="image", leave=False):
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


def _enhance(model: Any, batch: dict[str, Any]) -> dict[str, np.ndarray]:
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
    content = cv2.imencode(".png", image)[1].tobytes()
    write_bytes(path, content)


def check_names(data_sets: Iterable[EvaluationData]) -> None:
    """Every picture of a set is saved under its input's name, without folder and ending.

    Raises:
        OptionError: two inputs of a set have one name, so that one picture would replace the other.
    """
    for data in data_sets:
        seen: dict[str, str] = {}
        for path in data.inputs():
            if other := seen.get(Path(path).stem):
                text = f"{other} and {path} would be saved under one name: rename one, or set val:save_img: false"
                raise OptionError(f"data set {data.name}: {text}")
            seen[Path(path).stem] = path


def sync_buffers(model: Any) -> None:
    """Give every process the buffers of process 0 (running statistics), as the next training step would."""
    if torch.distributed.is_initialized():
        for name, net in vars(model).items():
            if name.startswith("net_") and isinstance(net, torch.nn.Module):
                for buffer in net.buffers():
                    torch.distributed.broadcast(buffer, 0)

"""The options that a checkpoint was written with against those of now: what a difference does to the run."""

from collections.abc import Iterator
from typing import Any

from nerco_plugin.engine.options_source import KeyPath, OptionError, shown
from nerco_plugin.models.mended import find_schedule

_HOW_DATA_ARE_READ = (  # and not which; the batch size is a condition of exact resuming, said apart
    *("name", "batch_size_per_gpu", "num_worker_per_gpu", "prefetch_mode", "num_prefetch_queue"),
    *("pin_memory", "persistent_workers"),
)
_OF_THE_DEVICE = ("fused", "foreach")  # how an optimizer computes: see MendedMixin.resume_training
_REFUSED = ("train:scheduler:periods",)  # kept, they end before the run does


def flat_options(opt: dict[str, Any]) -> dict[str, Any]:
    """What shapes a training step (networks, ``train``, the training data), by ``train:optim_g:lr`` and the like."""
    chosen = {key: value for key, value in opt.items() if key.startswith("network_") or key == "train"}
    data = {key: value for key, value in opt["datasets"]["train"].items() if key not in _HOW_DATA_ARE_READ}
    return dict(_leaves({**chosen, "datasets": {"train": data}}, ()))


def differences(opt: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """A line for each option of ``opt`` that was another one when ``state`` was written; none where it does not tell.

    Raises:
        OptionError: the state cannot go on under the new ones: another optimizer or schedule, other periods.
    """
    now = flat_options(opt)
    before = state.get("loop", {}).get("options", now)
    changed = [key for key in {**before, **now} if not _same(key, before.get(key), now.get(key))]
    said = {key: f"{key} was {_said(before.get(key))} before and is {_said(now.get(key))} now" for key in changed}
    if refused := [said[key] for key in changed if _is_type(key) or key in _REFUSED]:
        raise OptionError("\n".join(f"{line}: its state cannot go on with that; begin a new run" for line in refused))
    return [f"{said[key]}: {'stays as it was' if _is_kept(key, state) else 'holds from here on'}." for key in changed]


def _leaves(value: Any, keys: KeyPath) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*keys, key))
    elif value is not None:
        yield shown(keys), value


def _same(key: str, before: Any, now: Any) -> bool:
    if key == "train:scheduler:type" and before and now:
        return find_schedule(before) is find_schedule(now)  # MultiStepLR is another name
    return before == now


def _is_type(key: str) -> bool:
    return key.startswith(("train:optim", "train:scheduler:")) and key.endswith(":type")


def _is_kept(key: str, state: dict[str, Any]) -> bool:
    """Whether the checkpoint's optimizers or schedules bring an option back."""
    name = key.rpartition(":")[2]
    if key.startswith("train:scheduler:"):
        return any(name in schedule for schedule in state["schedulers"])
    return key.startswith("train:optim") and name not in _OF_THE_DEVICE


def _said(value: Any) -> str:
    return "~" if value is None else str(value)

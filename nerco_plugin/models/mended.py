"""BasicSR's BaseModel, mended from outside: CPU and gloo, every optimizer and schedule, whole files, exact resume.

``class MyModel(MendedMixin, BaseModel)``; the engine mixes it into BasicSR's own models (:func:`mended`).
"""

import json
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import yaml
from basicsr.models import lr_scheduler as basicsr_schedules
from basicsr.models.base_model import BaseModel
from basicsr.utils import get_root_logger
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nerco_plugin.models import lr_scheduler as own_schedules
from nerco_plugin.models.fitting import departures, fill, find_params
from nerco_plugin.models.rng_state import get_rng_state, set_rng_state
from nerco_plugin.models.state_file import CheckpointError, save_torch

STEP = ("mean_path_length",)  # what a step of BasicSR's own models leaves to the next: StyleGAN2Model's
FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)  # have a fused form


class NonFiniteError(RuntimeError):
    """A loss or a weight that is NaN or infinite; the message names it."""


class MendedMixin(BaseModel):
    """Overrides over BasicSR's BaseModel.

    A model with more to resume than networks, optimizers and schedules (an image pool, a gradient scaler) publishes it
    by ``get_extra_state() -> dict`` of tensors, numbers, strings and lists, and takes it back by
    ``set_extra_state(state)``. Each process has its own.
    """

    opt: dict[str, Any]
    device: torch.device
    optimizers: list[torch.optim.Optimizer]
    schedulers: list[Any]
    loop_state: dict[str, Any] | None = None  # what the training loop wants kept beside the model's own state

    # building -----------------------------------------------------------------------------------------------------

    def model_to_device(self, net: nn.Module) -> nn.Module:
        """``net`` on this process's device, wrapped for gradient exchange where there are several processes."""
        net = net.to(self.device)
        if not self.opt["dist"]:
            return net
        device_ids = [torch.cuda.current_device()] if self.device.type == "cuda" else None
        find_unused = self.opt.get("find_unused_parameters", False)
        return DistributedDataParallel(net, device_ids=device_ids, find_unused_parameters=find_unused)

    def get_optimizer(
        self,
        optim_type: str,
        params: Iterable[Any],
        lr: float,
        **kwargs: Any,
    ) -> torch.optim.Optimizer:
        """Any optimizer of ``torch.optim`` by its name, with the YAML's arguments; on CUDA fused where it can be.

        Raises:
            ValueError: no optimizer of that name.
        """
        cls = getattr(torch.optim, optim_type, None)
        base = torch.optim.Optimizer
        if not (isinstance(cls, type) and issubclass(cls, base)) or cls is base:
            raise ValueError(f"train:optim_*:type: torch.optim has no optimizer {optim_type!r}")
        params = list(params)
        if issubclass(cls, FUSED) and not {"fused", "foreach"} & kwargs.keys() and _on_cuda(params):
            kwargs["fused"] = True  # one pass over all weights; and a gradient scaler need not be waited for
        return cls(params, lr=lr, **kwargs)  # type: ignore[call-arg]

    def setup_schedulers(self) -> None:
        """One schedule for each optimizer, from ``train:scheduler``: BasicSR's two, or one of ours.

        Raises:
            ValueError: no schedule of that name.
        """
        options = dict(self.opt["train"]["scheduler"])
        name = options.pop("type")
        cls = find_schedule(name)
        self.schedulers.extend(cls(optimizer, **options) for optimizer in self.optimizers)

    def update_learning_rate(self, current_iter: int, warmup_iter: int = -1) -> None:
        """Step the schedules, then scale linearly from 0 while ``current_iter < warmup_iter``.

        Note: BasicSR's schedules go on from the rate they find, which kept the last warm-up factor for ever.
        """
        if 1 < current_iter <= warmup_iter:
            self._set_lr([schedule.get_last_lr() for schedule in self.schedulers])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected call of")  # an optimizer may pause, as in a warm start
            super().update_learning_rate(current_iter, warmup_iter)

    # running ------------------------------------------------------------------------------------------------------

    def reduce_loss_dict(self, loss_dict: Mapping[str, Tensor | float]) -> "OrderedDict[str, Tensor]":
        """Means over all processes, known to every one of them, as tensors on the device: nothing waits for them."""
        if not loss_dict:
            return OrderedDict()
        with torch.no_grad():
            values = [torch.as_tensor(value, device=self.device).float().mean() for value in loss_dict.values()]
            means = torch.stack(values)
            if self.opt["dist"]:
                dist.all_reduce(means)
                means /= self.opt["world_size"]
        return OrderedDict(zip(loss_dict, means))

    @torch.no_grad()
    def model_ema(self, decay: float = 0.999) -> None:
        """BasicSR's moving average of ``net_g``'s parameters, and its buffers (BatchNorm's) as they are now."""
        super().model_ema(decay)
        for mean, now in zip(self.net_g_ema.buffers(), self.get_bare_model(self.net_g).buffers(), strict=True):
            mean.copy_(now)

    # saving -------------------------------------------------------------------------------------------------------

    def save_network(
        self,
        net: nn.Module | list[nn.Module],
        net_label: str,
        current_iter: int,
        param_key: str | list[str] = "params",
    ) -> None:
        """Write ``{param_key: state_dict}`` to models/LABEL_ITER.pth (ITER is ``latest`` for -1), whole or not at all.

        Raises:
            NonFiniteError: a parameter is not finite; nothing is written.
            CheckpointError: the file cannot be written.
        """
        if self.opt["rank"] != 0:
            return
        nets = net if isinstance(net, list) else [net]
        keys = param_key if isinstance(param_key, list) else [param_key]
        if len(nets) != len(keys):
            raise ValueError(f"{net_label}: {len(nets)} networks for {len(keys)} keys {keys}")
        content: dict[str, Any] = {}
        for one, key in zip(nets, keys):
            bare = self.get_bare_model(one)
            check_finite_parameters(bare, net_label)
            content[key] = OrderedDict((name, value.detach().cpu()) for name, value in bare.state_dict().items())
        if net_label == "net_g":
            content["metadata"] = self.about_weights()
        label = "latest" if current_iter == -1 else current_iter
        save_torch(content, Path(self.opt["path"]["models"]) / f"{net_label}_{label}.pth")

    def about_weights(self) -> dict[str, str]:
        """What rebuilds ``network_g`` and how it was trained, kept beside its weights; BasicSR's loader ignores it."""
        from nerco_plugin import __version__

        chosen = {key: value for key, value in self.opt.items() if key.startswith("network_") or key == "train"}
        plain = _plain(chosen)
        return {
            "network_g": json.dumps(plain["network_g"]),
            "options": yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
            "nerco_plugin": __version__,
        }

    def save_training_state(self, epoch: int, current_iter: int) -> None:
        """Write training_states/ITER.state: all that resuming needs beside the networks. Every process must call it."""
        if current_iter == -1:
            return
        own = {
            "rng": get_rng_state(),
            "extra": self.get_extra_state() if hasattr(self, "get_extra_state") else None,
            "step": {name: getattr(self, name) for name in STEP if hasattr(self, name)},
        }
        ranks: list[Any] = [own]
        if self.opt["dist"]:
            ranks = [None] * self.opt["world_size"]
            dist.gather_object(own, ranks if self.opt["rank"] == 0 else None)
        if self.opt["rank"] != 0:
            return
        state = {
            "epoch": epoch,
            "iter": current_iter,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": [schedule.state_dict() for schedule in self.schedulers],
            "best": _plain(getattr(self, "best_metric_results", {})),
            "loop": self.loop_state or {},
            "ranks": ranks,
        }
        save_torch(state, Path(self.opt["path"]["training_states"]) / f"{current_iter}.state")

    # loading ------------------------------------------------------------------------------------------------------

    def load_network(
        self, net: nn.Module, load_path: str, strict: bool = True, param_key: str | None = "params"
    ) -> None:
        """Fill ``net`` from a .pth: BasicSR's ``{param_key: ...}``, or a bare state dict; or from a .safetensors.

        Raises:
            CheckpointError: the file cannot be read, or is not of this network (with ``strict``).
        """
        logger = get_root_logger()
        net = self.get_bare_model(net)
        found = find_params(load_path, param_key)
        if found.key != param_key:
            logger.info(f"{load_path} has no {param_key!r}: taking {found.key or 'the file itself as a state dict'}.")
        logger.info(f"Loading {net.__class__.__name__} model from {load_path}, with param key: [{found.key}].")
        if found.has_average and found.key == "params" and not self.is_train:
            logger.warning(
                "It has a moving average too, which training validates: path:param_key_g: params_ema takes it."
            )
        self._print_different_keys_loading(net, found.params, strict)
        fill(net, found, load_path, strict)
        if other := departures(found, self.opt.get("network_g") or {}, load_path):
            logger.warning(other)

    def resume_training(self, resume_state: dict[str, Any]) -> None:
        """Take back what :meth:`save_training_state` wrote, random state last; networks are loaded apart from it.

        How an optimizer computes (``fused``, ``foreach``) stays as it is here, for the state may be of another device.

        Raises:
            CheckpointError: another number of optimizers or schedules.
        """
        for kind in ("optimizers", "schedulers"):
            mine, saved = getattr(self, kind), resume_state[kind]
            if len(mine) != len(saved):
                raise CheckpointError(f"the state has {len(saved)} {kind}, these options build {len(mine)}")
            try:
                for one, state in zip(mine, saved):
                    one.load_state_dict(_with_own_form(state, one) if kind == "optimizers" else state)
            except (ValueError, KeyError) as error:
                raise CheckpointError(f"the {kind} of the state are of other options: {error}") from error
        for optimizer in self.optimizers:
            _lay_out_as_weights(optimizer)
        if resume_state.get("best"):
            self.best_metric_results = resume_state["best"]
        self._resume_process(resume_state.get("ranks", []))

    def _resume_process(self, ranks: list[Any]) -> None:
        if len(ranks) != self.opt["world_size"]:
            get_root_logger().warning(
                f"Resuming with {self.opt['world_size']} processes what {len(ranks) or 'BasicSR'} saved: not exact."
            )
            return
        own = ranks[self.opt["rank"]]
        if own["extra"] is not None and hasattr(self, "set_extra_state"):
            self.set_extra_state(own["extra"])
        for name, value in own.get("step", {}).items():
            setattr(self, name, value.to(self.device) if isinstance(value, Tensor) else value)
        if hasattr(self, "queue_size"):
            get_root_logger().warning(f"{type(self).__name__}'s pool of training pairs begins anew: not exact.")
        set_rng_state(own["rng"])


def _plain(content: Any) -> Any:
    """The same in Python's own types: numpy's cannot be read again without running code."""
    return json.loads(json.dumps(content, default=float))


def _with_own_form(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimizer's saved state with the ``fused`` and ``foreach`` that ``optimizer`` has itself."""
    if len(state["param_groups"]) != len(optimizer.param_groups):
        return state  # which torch refuses
    groups = [
        {**saved, **{form: own[form] for form in ("fused", "foreach") if form in own}}
        for saved, own in zip(state["param_groups"], optimizer.param_groups)
    ]
    return {**state, "param_groups": groups}


def _lay_out_as_weights(optimizer: torch.optim.Optimizer) -> None:
    """Have an optimizer's moments lie in memory as their weights do, as fused ones take for granted.

    The state may be of a run with another ``channels_last``, and loading keeps the order that it was saved in.
    """
    for weight, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                moments[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _on_cuda(params: list[Any]) -> bool:
    """Whether all parameters, bare or in groups, are on a CUDA device."""
    groups = [group["params"] if isinstance(group, dict) else group for group in params]
    tensors = [tensor for group in groups for tensor in ([group] if isinstance(group, Tensor) else group)]
    return all(tensor.is_cuda for tensor in tensors)


def find_schedule(name: str) -> type[Any]:
    """The schedule class of that name: BasicSR's (``MultiStepLR`` means its restarting one) or ours.

    Raises:
        ValueError: there is none.
    """
    wanted = "MultiStepRestartLR" if name == "MultiStepLR" else name
    for module in (own_schedules, basicsr_schedules):
        cls = getattr(module, wanted, None)
        if isinstance(cls, type) and cls.__module__ == module.__name__:
            return cls
    raise ValueError(f"train:scheduler:type: no schedule {name!r} in BasicSR or nerco_plugin.models.lr_scheduler")


def check_finite_parameters(net: nn.Module, label: str) -> None:
    """Raises NonFiniteError naming the first parameter of ``net`` that holds NaN or infinity."""
    for name, value in net.named_parameters():
        if not torch.isfinite(value).all():
            raise NonFiniteError(f"{label}: parameter {name} is not finite; nothing is saved over good weights")


def mended(cls: type[Any]) -> type[Any]:
    """``cls`` with the mixin before it, unless it has it already."""
    return cls if issubclass(cls, MendedMixin) else type("Mended" + cls.__name__, (MendedMixin, cls), {})

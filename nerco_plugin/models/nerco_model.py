"""NeRCoModel: unpaired training of NeRCo (Sec. 3, Eq. 15), one generator and one discriminator step an iteration."""

from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import Any, cast

import torch
from basicsr.archs import build_network
from basicsr.losses import build_loss
from basicsr.models.base_model import BaseModel
from basicsr.utils.registry import MODEL_REGISTRY
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nerco_plugin.archs.blocks.ranges import to_signed
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.data.camera import simulate_low_light
from nerco_plugin.models.appearance import Discriminator
from nerco_plugin.models.dual_loop import DualLoop, LoopImages
from nerco_plugin.models.image_pool import ImagePool
from nerco_plugin.models.mended import MendedMixin
from nerco_plugin.models.nerco_options import NeRCoOptions, WarmStartOptions
from nerco_plugin.models.objective import Objective, Terms

DISCRIMINATORS = ("high", "low", "edge_high", "edge_low")
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@MODEL_REGISTRY.register()
class NeRCoModel(MendedMixin, BaseModel):
    """Trains ``network_g`` (NeRCo) with ``network_degrade`` (G_L) against up to four discriminators.

    Options beside BasicSR's own; every ``*_opt`` is one term of the objective and is off where it is left out:

    ``network_g``: NeRCo. ``network_degrade``: G_L, any network from (N, 3, H, W) to the same in [-1, 1].
    ``network_d_high``, ``network_d_low``: colour discriminators, with ``train.gan_opt``.
    ``network_d_edge_high``, ``network_d_edge_low``: edge discriminators, with ``train.gan_edge_opt``.
    ``train.optim_g``, ``train.optim_d``: the two optimizers. ``train.scheduler``: one schedule for both.
    ``train.gan_opt``, ``train.gan_edge_opt``: Eq. 7 on colours and on edges.
    ``train.nr_opt``: Eq. 2. ``train.cycle_opt``: Eq. 10. ``train.cooperative_opt``: Eq. 11-14.
    ``train.clip_opt``: Eq. 4-6. ``train.identity_opt``: released recipe.
    ``train.ssim_opt``: on the pairs of the warm start, which alone have a truth (ours).
    ``train.gan_normalized_opt``: D_L judges the normalized image too (released recipe).
    ``train.pseudo_as_fake``: discriminators also train on the pseudo images of Eq. 13 (default true; released: false).
    ``train.image_pool_size``: history before the discriminators (default 50).
    ``train.warm_start``: ``num_iter`` first iterations on simulated pairs, with the ranges of
    :class:`~nerco_plugin.data.camera.LowLightCamera` (ours).
    ``train.accumulate``: parts in which a batch is worked on (default 1).
    ``train.amp``: ``bf16`` or ``fp16`` for the networks; the losses stay in float32.
    ``train.checkpoint``: the backward pass runs the generators again, image by image, instead of keeping their maps:
    less memory, more time (default false).
    ``train.compile``: run networks compiled by ``torch.compile``; the first steps then take minutes (default false).
    ``train.channels_last``: keep images and weights with the channels last in memory (default false).
    ``train.ema_decay``: keeps a moving average of ``network_g`` (default 0, off).
    """

    OPTIONS = NeRCoOptions

    def __init__(self, opt: dict[str, Any]) -> None:
        super().__init__(opt)
        self.net_g = self._build("g")
        if self.is_train:
            self.init_training_settings()

    # ------------------------------------------------------------------ building

    def _build(self, label: str) -> nn.Module:
        """Build ``network_<label>`` and load its pretrained weights where ``path`` names them."""
        network = build_network(self.opt[f"network_{label}"]).to(self.device)
        if self.is_train and self.opt["train"].get("channels_last", False):
            network = network.to(memory_format=torch.channels_last)
        self._load(network, label)
        self.print_network(network)
        return network

    def _load(self, network: nn.Module, label: str, param_key: str | None = None) -> None:
        """Fill a network from ``path:pretrain_network_<label>``, where that is named."""
        path = self.opt["path"]
        if weights := path.get(f"pretrain_network_{label}"):
            key = path.get(f"param_key_{label}", param_key or "params")
            self.load_network(network, weights, path.get(f"strict_load_{label}", True), key)

    def init_training_settings(self) -> None:
        """Build the objective, the dual loop, the discriminators, optimizers and schedules."""
        train_opt = self.opt["train"]
        self.objective = Objective(train_opt, self.device)
        self.net_degrade = self._build("degrade")
        loop = DualLoop(
            cast(NeRCo, self.net_g),
            self.net_degrade,
            cooperative=self.objective.cooperative is not None,
            identity=self.objective.identity is not None,
            compiled=train_opt.get("compile", False),
            checkpointed=train_opt.get("checkpoint", False),
        )
        self.dual_loop = self.model_to_device(loop.train())
        self.discriminators = [
            self._build_discriminator(name) for name in DISCRIMINATORS if self.opt.get(f"network_d_{name}")
        ]

        self.warm_start = WarmStartOptions(**train_opt.get("warm_start") or {})
        self.accumulate = train_opt.get("accumulate", 1)
        self.precision = self._precision(train_opt.get("amp"))
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision is torch.float16)
        self.ema_decay = train_opt.get("ema_decay", 0)
        if self.ema_decay > 0:
            self.net_g_ema = deepcopy(self.net_g).eval().requires_grad_(False)
            self._load(self.net_g_ema, "g", param_key="params_ema")
        self.setup_optimizers()
        self.setup_schedulers()

    def _precision(self, amp: str | None) -> torch.dtype | None:
        if amp is not None and amp not in PRECISIONS:
            raise ValueError(f"train.amp must be one of {', '.join(PRECISIONS)} or left out, got {amp!r}")
        return PRECISIONS[amp] if amp else None

    def _build_discriminator(self, name: str) -> Discriminator:
        """Build ``network_d_<name>`` with its adversarial term and what it judges."""
        train_opt = self.opt["train"]
        option = "gan_edge_opt" if name.startswith("edge") else "gan_opt"
        if not train_opt.get(option):
            raise ValueError(f"network_d_{name} needs train.{option}")
        pseudo = (f"pseudo_{name.removeprefix('edge_')}",) if self.objective.inspects(name) else ()
        normalized = ("normalized",) if name == "low" and self.objective.gan_normalized is not None else ()
        trained_on = (*(pseudo if train_opt.get("pseudo_as_fake", True) else ()), *normalized)
        bare = self._build(f"d_{name}")
        setattr(self, f"net_d_{name}", bare)
        if train_opt.get("compile", False):
            bare.compile(dynamic=False)
        discriminator = Discriminator(
            name=name,
            network=self.model_to_device(bare.train()),
            bare=bare,
            criterion=build_loss(train_opt[option]).to(self.device),
            fakes=pseudo + normalized,
            trained_on=trained_on,
        )
        size = train_opt.get("image_pool_size", 50)
        discriminator.pools = {kind: ImagePool(size) for kind in (discriminator.generated, *trained_on)}
        return discriminator

    def setup_optimizers(self) -> None:
        """One optimizer for both generators with their parts, one for all discriminators."""
        groups = {"optim_g": list(self.dual_loop.parameters())}
        if self.discriminators:
            groups["optim_d"] = [
                parameter for discriminator in self.discriminators for parameter in discriminator.network.parameters()
            ]
        for name, parameters in groups.items():
            options = dict(self.opt["train"][name])
            self.optimizers.append(self.get_optimizer(options.pop("type"), parameters, **options))

    # ------------------------------------------------------------------ training

    def feed_data(self, data: dict[str, Any]) -> None:
        """Take {low, high} to train on or {lq[, gt]} to enhance, (N, 3, H, W) in [0, 1]."""
        if "low" in data:
            layout = torch.channels_last if self.opt["train"].get("channels_last", False) else torch.preserve_format
            self.low, self.high = (
                data[name].to(self.device, non_blocking=True, memory_format=layout) for name in ("low", "high")
            )
            return
        self.lq = data["lq"].to(self.device, non_blocking=True)
        self.gt = data["gt"].to(self.device, non_blocking=True) if "gt" in data else None

    def optimize_parameters(self, current_iter: int) -> None:
        """One generator step, then one discriminator step; the warm start has the first alone."""
        log: Terms = OrderedDict()
        if current_iter <= self.warm_start.num_iter:
            self._optimize_generators(self._parts(*self._simulated_pairs()), log, paired=True)
        else:
            parts = self._parts(*self._unpaired())
            images = self._optimize_generators(parts, log, paired=False)
            if self.discriminators:
                self._optimize_discriminators(images, parts, log)
        self.scaler.update()
        self.log_dict = self.reduce_loss_dict(log)
        if self.ema_decay > 0:
            self.model_ema(decay=self.ema_decay)

    def _parts(self, low: Tensor, high: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The batch in ``accumulate`` parts of low- and normal-light images."""
        return list(zip(low.chunk(self.accumulate), high.chunk(self.accumulate), strict=True))

    def _exposed(self, image: Tensor, simulated: bool = False) -> Tensor:
        return cast(NeRCo, self.net_g).exposed(image, simulated)

    def _unpaired(self) -> tuple[Tensor, Tensor]:
        """The batch's low-light images, exposed, and its normal-light images, in [-1, 1]."""
        return to_signed(self._exposed(self.low)), to_signed(self.high)

    def _simulated_pairs(self) -> tuple[Tensor, Tensor]:
        """Normal-light images as a camera in the dark sees them, and themselves; exposed alike, in [-1, 1]."""
        high = self.high
        if self.warm_start.shuffle_colours:
            high = torch.stack([high[:, colour] for colour in torch.randperm(3).tolist()], dim=1)
        low = simulate_low_light(high, self.warm_start)
        return to_signed(self._exposed(low, simulated=True)), to_signed(self._exposed(high, simulated=True))

    def _optimize_generators(self, parts: list[tuple[Tensor, Tensor]], log: Terms, paired: bool) -> list[LoopImages]:
        """One step on Eq. 15, or on the warm start's pairs; returns the loops' images without gradients."""
        for discriminator in self.discriminators:
            discriminator.bare.requires_grad_(False)
        self.optimizers[0].zero_grad(set_to_none=True)
        seen: list[LoopImages] = []
        for index, (low, high) in enumerate(parts):
            with self._no_sync(self.dual_loop, index + 1 < len(parts)):
                if paired:
                    terms = self.pair_terms(low, high)
                else:
                    images = self.run_loops(low, high)
                    terms = self.generator_terms(images, low, high)
                    seen.append(images.each(Tensor.detach))
                self._backward(terms, len(low) / len(self.low), log)
        self.scaler.step(self.optimizers[0])
        return seen

    def _optimize_discriminators(self, seen: list[LoopImages], parts: list[tuple[Tensor, Tensor]], log: Terms) -> None:
        """One step of every discriminator on what the generators made before their step."""
        for discriminator in self.discriminators:
            discriminator.bare.requires_grad_(True)
        self.optimizers[1].zero_grad(set_to_none=True)
        for index, (images, (low, high)) in enumerate(zip(seen, parts, strict=True)):
            for discriminator in self.discriminators:
                with self._no_sync(discriminator.network, index + 1 < len(parts)):
                    share = len(low) / len(self.low)
                    self._backward(self.discriminator_terms(discriminator, images, low, high), share, log)
        self.scaler.step(self.optimizers[1])

    def _backward(self, terms: Terms, share: float, log: Terms) -> None:
        self.scaler.scale(torch.stack(list(terms.values())).sum() * share).backward()
        for name, term in terms.items():
            log[name] = log.get(name, 0) + term.detach() * share

    def _no_sync(self, network: nn.Module, more_to_come: bool) -> AbstractContextManager[None]:
        if more_to_come and isinstance(network, DistributedDataParallel):
            return network.no_sync()
        return nullcontext()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.precision, enabled=self.precision is not None)

    # ------------------------------------------------------------------ terms: networks in train.amp, losses in float32

    def run_loops(self, low: Tensor, high: Tensor) -> LoopImages:
        """Eq. 8-9 on unpaired (N, 3, H, W) in [-1, 1]."""
        with self._autocast():
            images = self.dual_loop(low, high)
        return images.each(Tensor.float)

    def generator_terms(self, images: LoopImages, low: Tensor, high: Tensor) -> Terms:
        """The generators' weighted terms by name (Eq. 15)."""
        with self._autocast():
            judgements = [(discriminator, discriminator.judge(images)) for discriminator in self.discriminators]
        return self.objective.generator_terms(images, low, high, judgements)

    def pair_terms(self, low: Tensor, high: Tensor) -> Terms:
        """The warm start's weighted terms by name, on pairs of one scene."""
        with self._autocast():
            images = self.dual_loop(low, high, paired=True)
        return self.objective.pair_terms(images.each(Tensor.float), low, high)

    def discriminator_terms(self, discriminator: Discriminator, images: LoopImages, low: Tensor, high: Tensor) -> Terms:
        """One discriminator's own term by name, on images that carry no gradient."""
        with self._autocast():
            real, fakes = discriminator.compare(images, high if discriminator.name.endswith("high") else low)
        return OrderedDict({f"l_d_{discriminator.name}": discriminator.loss(real, fakes)})

    # ------------------------------------------------------------------ testing and state

    def test(self) -> None:
        """Enhance the batch that was fed last, with the moving average of the weights where there is one."""
        network = getattr(self, "net_g_ema", self.net_g)
        training = network.training
        network.eval()
        with torch.inference_mode():
            self.output = network(self.lq)
        network.train(training)

    def get_current_visuals(self) -> dict[str, Tensor]:
        """{lq, result[, gt]} on the CPU, in [0, 1]."""
        visuals = {"lq": self.lq, "result": self.output, "gt": self.gt}
        return OrderedDict((name, image.detach().cpu()) for name, image in visuals.items() if image is not None)

    def save(self, epoch: int, current_iter: int) -> None:
        """Save every network and the training state, under BasicSR's names."""
        averaged = hasattr(self, "net_g_ema")
        networks = [self.net_g, self.net_g_ema] if averaged else self.net_g
        self.save_network(networks, "net_g", current_iter, ["params", "params_ema"] if averaged else "params")
        for label in ("degrade", *(f"d_{discriminator.name}" for discriminator in self.discriminators)):
            self.save_network(getattr(self, f"net_{label}"), f"net_{label}", current_iter)
        self.save_training_state(epoch, current_iter)

    def get_extra_state(self) -> dict[str, Any]:
        """What an exact resume needs beside networks, optimizers and schedules; this process's own."""
        pools = {
            f"{discriminator.name}.{kind}": [image.cpu() for image in pool.images]
            for discriminator in self.discriminators
            for kind, pool in discriminator.pools.items()
        }
        return {"pools": pools, "scaler": self.scaler.state_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`get_extra_state` gave."""
        for discriminator in self.discriminators:
            for kind, pool in discriminator.pools.items():
                kept = state["pools"].get(f"{discriminator.name}.{kind}", [])  # none where the run did not judge these
                pool.images = [image.to(self.device) for image in kept]
        if self.scaler.is_enabled() and state["scaler"]:  # empty where the run had no fp16
            self.scaler.load_state_dict(state["scaler"])

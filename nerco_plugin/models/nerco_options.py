"""The options of NeRCoModel beside those of every model, with types and defaults; its docstring says what they do."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from nerco_plugin.data.camera import LowLightCamera

Block = dict[str, Any]  # with a ``type`` and its arguments


@dataclass(frozen=True)
class WarmStartOptions(LowLightCamera):
    """``train.warm_start``: how long, and the ranges of the simulated camera.

    Attributes:
        num_iter: first iterations on simulated pairs.
        shuffle_colours: exchange R, G and B at random, so that no colour is learned to be likelier than another.
    """

    num_iter: Annotated[int, msgspec.Meta(ge=0)] = 0
    shuffle_colours: bool = False


class NeRCoTrainOptions(msgspec.Struct, kw_only=True):
    """The ``train`` block: optimizers, schedule, the terms of the objective, and how a step is made."""

    optim_g: Block
    optim_d: Block | None = None
    scheduler: Block
    nr_opt: Block | None = None
    cycle_opt: Block | None = None
    identity_opt: Block | None = None
    ssim_opt: Block | None = None
    gan_opt: Block | None = None
    gan_edge_opt: Block | None = None
    gan_normalized_opt: Block | None = None
    cooperative_opt: Block | None = None
    clip_opt: Block | None = None
    pseudo_as_fake: bool = True
    image_pool_size: Annotated[int, msgspec.Meta(ge=0)] = 50
    warm_start: WarmStartOptions | None = None
    accumulate: Annotated[int, msgspec.Meta(ge=1)] = 1
    amp: Literal["bf16", "fp16"] | None = None
    checkpoint: bool = False
    compile: bool = False
    channels_last: bool = False


class NeRCoOptions(msgspec.Struct, kw_only=True):
    """The networks and the ``train`` block.

    Raises:
        ValueError: options that need each other and are not both there, or contradict each other.
    """

    network_g: Block
    network_degrade: Block
    network_d_high: Block | None = None
    network_d_low: Block | None = None
    network_d_edge_high: Block | None = None
    network_d_edge_low: Block | None = None
    train: NeRCoTrainOptions

    def __post_init__(self) -> None:
        for path, term in (("", "gan_opt"), ("edge_", "gan_edge_opt")):
            for side in ("high", "low"):
                name = f"network_d_{path}{side}"
                if getattr(self, name) and not getattr(self.train, term):
                    raise ValueError(f"{name} needs train:{term}")
                if getattr(self, name) and not self.train.optim_d:
                    raise ValueError(f"{name} needs train:optim_d")
        if self.network_g.get("type") == "NeRCo":
            self._check_parts()
        self._check_terms()

    def _check_parts(self) -> None:
        """Terms of parts that ``network_g`` does not have."""
        masked = self.network_g.get("use_mask_extractor", True)
        if masked != bool(self.train.cooperative_opt):
            raise ValueError("train:cooperative_opt and network_g:use_mask_extractor go together: have both or neither")
        for name in ("nr_opt", "gan_normalized_opt"):
            if getattr(self.train, name) and not self.network_g.get("use_nrn", True):
                raise ValueError(f"train:{name} judges the NRN's images, and network_g:use_nrn is false")

    def _check_terms(self) -> None:
        """Terms that nothing would compute, or that would disagree on what a logit means."""
        train = self.train
        for term, path in (("gan_opt", ""), ("gan_edge_opt", "edge_")):
            names = [f"network_d_{path}{side}" for side in ("high", "low")]
            if getattr(train, term) and not any(getattr(self, name) for name in names):
                raise ValueError(f"train:{term} needs {' or '.join(names)}")
        if train.gan_normalized_opt and not self.network_d_low:
            raise ValueError("train:gan_normalized_opt needs network_d_low")
        if train.warm_start and train.warm_start.num_iter > 0 and not train.cycle_opt:
            raise ValueError("train:warm_start trains the generators by train:cycle_opt, which is missing")
        if train.ssim_opt and not (train.warm_start and train.warm_start.num_iter > 0):
            raise ValueError("train:ssim_opt judges the pairs of train:warm_start, which has no iterations")
        cooperative = train.cooperative_opt or {}
        forms = {"cooperative_opt": cooperative.get("gan_type", "lsgan")} if cooperative.get("inspect", True) else {}
        for name in ("gan_opt", "gan_edge_opt", "gan_normalized_opt"):
            if block := getattr(train, name):
                forms[name] = block.get("gan_type")
        if train.cooperative_opt and len(set(forms.values())) > 1:
            found = ", ".join(f"{name} {form}" for name, form in forms.items())
            raise ValueError(f"train: the adversarial terms judge the same logits, so gan_type must be one: {found}")

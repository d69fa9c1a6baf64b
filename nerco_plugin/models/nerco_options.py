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
        ValueError: a discriminator without its term or optimizer, or a lightness mask that nothing would train.
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
        masked = self.network_g.get("use_mask_extractor", True)
        if self.network_g.get("type") == "NeRCo" and masked != bool(self.train.cooperative_opt):
            raise ValueError("train:cooperative_opt and network_g:use_mask_extractor go together: have both or neither")

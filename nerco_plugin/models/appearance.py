"""The appearance discriminators of both domains (Sec. 3.3): up to four, two domains x two paths."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nerco_plugin.models.dual_loop import LoopImages
from nerco_plugin.models.image_pool import ImagePool


@dataclass
class Discriminator:
    """One discriminator and what it judges.

    Attributes:
        name: ``high``, ``low``, ``edge_high`` or ``edge_low``; the option ``network_d_<name>``.
        network: (N, 3, H, W) in [-1, 1] to patch logits; possibly wrapped for distributed training.
        bare: the same network without the wrapping.
        criterion: BasicSR's GANLoss with the path's weight.
        fakes: fields of :class:`LoopImages` that it judges beside the generator's own output.
        trained_on: those of them that it also trains on as fakes.
    """

    name: str
    network: nn.Module
    bare: nn.Module
    criterion: Callable[..., Tensor]
    fakes: tuple[str, ...]
    trained_on: tuple[str, ...]
    pools: dict[str, ImagePool] = field(default_factory=dict)

    @property
    def generated(self) -> str:
        """The generator's output in this discriminator's domain."""
        return "enhanced" if self.name.endswith("high") else "degraded"

    def judge(self, images: LoopImages) -> dict[str, Tensor]:
        """Generator step: float32 logits of every image this discriminator judges, by field name, in one run."""
        names = (self.generated, *self.fakes)
        logits = self.bare(torch.cat([getattr(images, name) for name in names])).float()
        return dict(zip(names, logits.chunk(len(names)), strict=True))

    def compare(self, images: LoopImages, real: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Discriminator step: float32 logits of real images and of each kind of fake, through its pool, in one run."""
        names = (self.generated, *self.trained_on)
        batch = [real] + [self.pools[name].query(getattr(images, name)) for name in names]
        real_logits, *fake_logits = self.network(torch.cat(batch)).float().chunk(len(batch))
        return real_logits, fake_logits

    def loss(self, real_logits: Tensor, fake_logits: list[Tensor]) -> Tensor:
        """Half of real plus fake, for each kind of fake.

        Note: the real images count once for every kind of fake, so that both sides keep their balance.
        """
        real = self.criterion(real_logits, True, is_disc=True)
        fakes = torch.stack([self.criterion(logits, False, is_disc=True) for logits in fake_logits])
        return ((real + fakes) / 2).sum()

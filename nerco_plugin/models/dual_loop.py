"""The dual loop (Fig. 2, Eq. 8-9) as one module: unpaired low- and normal-light images through every generator once.

One module, so that distributed training sees one forward before one backward; every network runs once on all that the
losses need of it at that point, in one batch (InstanceNorm keeps the images of a batch apart).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from nerco_plugin.archs.blocks.resnet import together
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.losses.cooperative_loss import pseudo_high, pseudo_low
from nerco_plugin.models.running import Run, prepared


class LoopImages(NamedTuple):
    """Everything the losses look at, (N, 3, H, W) in [-1, 1]; ``None`` where the options leave it out."""

    enhanced: Tensor  # G_H(ME(I_L) x NRN(I_L))
    degraded: Tensor  # G_L(ME(I_L) x I_H)
    cycled_low: Tensor  # G_L(enhanced), Eq. 8
    cycled_high: Tensor  # G_H(degraded), Eq. 9
    normalized: Tensor | None  # I_NR
    lightness_mask: Tensor | None  # I_M of I_L
    degraded_mask: Tensor | None  # I_M of the degraded image
    pseudo_high: Tensor | None  # I_L + I_M
    pseudo_low: Tensor | None  # I_H - I_M
    identity_low: Tensor | None  # G_L(I_L)
    identity_high: Tensor | None = None  # G_H(I_H)
    restored: Tensor | None = None  # G_H(pseudo_low)

    def each(self, change: Callable[[Tensor], Tensor]) -> "LoopImages":
        """The same with ``change`` applied to every image that is there."""
        return LoopImages(*_each(self, change))


class PairImages(NamedTuple):
    """What the warm start looks at, for a pair of one scene; shapes and ranges as in :class:`LoopImages`."""

    enhanced: Tensor
    degraded: Tensor
    normalized: Tensor | None
    pseudo_high: Tensor | None

    def each(self, change: Callable[[Tensor], Tensor]) -> "PairImages":
        """The same with ``change`` applied to every image that is there."""
        return PairImages(*_each(self, change))


def _each(images: Iterable[Tensor | None], change: Callable[[Tensor], Tensor]) -> Any:
    return (None if image is None else change(image) for image in images)


class DualLoop(nn.Module):
    """G_H with its NRN and mask extractor, and G_L, closed to two loops.

    Args:
        network_g: the enhancement path.
        network_degrade: G_L, (N, 3, H, W) to (N, 3, H, W) in [-1, 1].
        cooperative: also make what Eq. 11-13 need; goes together with a mask extractor.
        identity: also make what the identity term of the released recipe needs.
        compiled: run the networks compiled, see :func:`~nerco_plugin.models.running.prepared`.
        checkpointed: keep nothing but what enters a network, and run each image by itself: the backward pass then
            holds the maps of one network and one image.

    Raises:
        ValueError: ``cooperative`` without a mask extractor, or one without it: nothing would train its lightness mask.
    """

    def __init__(
        self,
        network_g: NeRCo,
        network_degrade: nn.Module,
        cooperative: bool,
        identity: bool,
        compiled: bool = False,
        checkpointed: bool = False,
    ) -> None:
        super().__init__()
        if cooperative != (network_g.mask_extractor is not None):
            raise ValueError("train.cooperative_opt and network_g.use_mask_extractor go together: have both or neither")
        self.network_g = network_g
        self.network_degrade = network_degrade
        self.identity = identity
        self.checkpointed = checkpointed
        parts = {
            "nrn": network_g.nrn,
            "mask_extractor": network_g.mask_extractor,
            "generator": network_g.generator,
            "degrade": network_degrade,
            "enhance": network_g.enhance,
        }
        self._runs = {  # a dict: a compiled module must not be listed a second time
            name: prepared(part, compiled=compiled, checkpointed=checkpointed)
            for name, part in parts.items()
            if part is not None
        }

    def forward(self, low: Tensor, high: Tensor, paired: bool = False) -> LoopImages | PairImages:
        """(N, 3, H, W) in [-1, 1]: unpaired images through both loops, ``paired`` ones through each half once."""
        return self.pairs(low, high) if paired else self.loops(low, high)

    def loops(self, low: Tensor, high: Tensor) -> LoopImages:
        """Both loops on unpaired images, in the order of Eq. 8-9."""
        net, run = self.network_g, self._runs
        attention, mask = run["mask_extractor"](low) if net.mask_extractor else (None, None)
        attended = high if attention is None else attention * high
        degraded, *identity_low = self._together("degrade", attended, *([low] if self.identity else []))
        normalized, normalized_degraded = self._normalize(low, degraded)

        brightened, darkened = (None, None) if mask is None else (pseudo_high(low, mask), pseudo_low(high, mask))
        seen = {"enhanced": (low, normalized), "cycled_high": (degraded, normalized_degraded)}  # an image, its base
        if self.identity:
            seen["identity_high"] = high, high
        if darkened is not None:
            seen["restored"] = darkened, darkened
        inputs = {name: net.generator_input(image, base) for name, (image, base) in seen.items()}
        if attention is not None:
            inputs["enhanced"] = attention * inputs["enhanced"]
        drawn = self._together("generator", *inputs.values())
        made = {name: net.completed(one, base) for one, (name, (_, base)) in zip(drawn, seen.items(), strict=True)}
        return LoopImages(
            **made,
            degraded=degraded,
            cycled_low=run["degrade"](made["enhanced"]),
            normalized=normalized if net.nrn else None,
            lightness_mask=mask,
            degraded_mask=run["mask_extractor"](degraded).lightness_mask if net.mask_extractor else None,
            pseudo_high=brightened,
            pseudo_low=darkened,
            identity_low=identity_low[0] if self.identity else None,
        )

    def pairs(self, low: Tensor, high: Tensor) -> PairImages:
        """The enhancing and the degrading half on a pair: ``low`` is ``high`` in the dark."""
        done = self._runs["enhance"](low)
        return PairImages(
            enhanced=done.enhanced,
            degraded=self._runs["degrade"](high if done.attention is None else done.attention * high),
            normalized=done.normalized,
            pseudo_high=None if done.lightness_mask is None else pseudo_high(low, done.lightness_mask),
        )

    def _normalize(self, low: Tensor, degraded: Tensor) -> tuple[Tensor, Tensor]:
        """NRN(low), and what stands beside or for the degraded image: its own normalization where G_H sees both.

        The literal Eq. 9 gives G_H the degraded image alone.
        """
        net = self.network_g
        if net.nrn is None:
            return low, degraded
        if net.concat:
            normalized, normalized_degraded = self._together("nrn", low, degraded)
            return normalized, normalized_degraded
        return self._runs["nrn"](low), degraded

    def _together(self, name: str, *images: Tensor) -> tuple[Tensor, ...]:
        """One network's results for several batches of one size: in one run, or, to save memory, in a run each."""
        run: Run = self._runs[name]
        return tuple(map(run, images)) if self.checkpointed else together(run, *images)

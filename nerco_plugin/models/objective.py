"""The objective of Eq. 15, term by term: which images and logits each registered loss sees, and under which name."""

from collections import OrderedDict
from typing import Any

import torch
from basicsr.losses import build_loss
from torch import Tensor

from nerco_plugin.archs.blocks.ranges import from_signed
from nerco_plugin.models.appearance import Discriminator
from nerco_plugin.models.dual_loop import LoopImages, PairImages

Terms = OrderedDict[str, Tensor]
Judgement = tuple[Discriminator, dict[str, Tensor]]  # a discriminator and its logits by the name of the image


class Objective:
    """The generators' losses that ``train`` asks for; a term is off where its option is left out.

    Args:
        train_opt: the ``train`` block, with BasicSR's ``*_opt`` blocks.
        device: where the losses' own tensors live.

    Raises:
        FileNotFoundError: ``clip_opt`` without CLIP's weights at hand.
    """

    def __init__(self, train_opt: dict[str, Any], device: torch.device) -> None:
        def build(name: str) -> Any:  # the loss, or None
            return build_loss(train_opt[name]).to(device) if train_opt.get(name) else None

        self.nr = build("nr_opt")  # Eq. 2
        self.clip = build("clip_opt")  # Eq. 4-6
        self.cycle = build("cycle_opt")  # Eq. 10
        self.cooperative = build("cooperative_opt")  # Eq. 11-14
        self.identity = build("identity_opt")  # released recipe
        self.ssim = build("ssim_opt")  # ours
        self.gan_normalized = build("gan_normalized_opt")  # released recipe
        self.clip_cycled = self.clip is not None and self.clip.cycled
        if self.clip is not None:
            self.clip.prepare()

    def inspects(self, discriminator_name: str) -> bool:
        """Whether a discriminator judges the pseudo image of its domain (Eq. 13)."""
        loss = self.cooperative
        return loss is not None and loss.inspect and (loss.inspect_edges or not discriminator_name.startswith("edge"))

    def generator_terms(self, images: LoopImages, low: Tensor, high: Tensor, judgements: list[Judgement]) -> Terms:
        """Every weighted term by name, for unpaired (N, 3, H, W) in [-1, 1]; their sum is Eq. 15."""
        terms: Terms = OrderedDict()
        if self.nr is not None and images.normalized is not None:
            terms["l_nr"] = self.nr(images.normalized, low)
        if self.cycle is not None:
            terms["l_cycle_low"], terms["l_cycle_high"] = self.cycle(images.cycled_low, low, images.cycled_high, high)
        if self.identity is not None:
            pairs = self.identity(images.identity_high, high, images.identity_low, low)
            terms["l_identity_low"], terms["l_identity_high"] = pairs.low, pairs.high
        inspections = self._adversarial_terms(judgements, terms)
        if self.cooperative is not None:
            terms["l_rec1"], terms["l_rec2"], terms["l_insp"] = self.cooperative(
                low=low,
                high=high,
                enhanced=images.enhanced,
                degraded=images.degraded,
                lightness_mask=images.lightness_mask,
                degraded_mask=images.degraded_mask,
                restored=images.restored,
                inspections=inspections,
            )
        if self.clip is not None:
            low_images, high_images = [images.degraded], [images.enhanced]
            if self.clip_cycled:
                low_images.append(images.cycled_low)
                high_images.append(images.cycled_high)
            terms["l_clip_low"], terms["l_clip_high"] = self.clip(
                low=from_signed(torch.cat(low_images)), high=from_signed(torch.cat(high_images))
            )
        return terms

    def _adversarial_terms(self, judgements: list[Judgement], terms: Terms) -> list[Tensor]:
        """Eq. 7 for each discriminator into ``terms``; returns the logits on pseudo images, which Eq. 13 inspects."""
        inspections: list[Tensor] = []
        for discriminator, logits in judgements:
            pseudo = dict(logits)
            terms[f"l_g_{discriminator.name}"] = discriminator.criterion(
                pseudo.pop(discriminator.generated), True, is_disc=False
            )
            if self.gan_normalized is not None and "normalized" in pseudo:
                terms["l_g_normalized"] = self.gan_normalized(pseudo.pop("normalized"), True, is_disc=False)
            inspections += pseudo.values()
        return inspections

    def pair_terms(self, images: PairImages, low: Tensor, high: Tensor) -> Terms:
        """The warm start's terms: each part has its own truth on a simulated pair, with its Eq. 15 weight."""
        terms: Terms = OrderedDict()
        if self.nr is not None and images.normalized is not None:
            terms["l_nr"] = self.nr(images.normalized, low)
        if self.cycle is not None:
            terms["l_warm_low"], terms["l_warm_high"] = self.cycle(images.degraded, low, images.enhanced, high)
        if self.ssim is not None:
            terms["l_warm_ssim"] = self.ssim(from_signed(images.enhanced), from_signed(high))
        if self.cooperative is not None and images.pseudo_high is not None:
            terms["l_warm_mask"] = self.cooperative.loss_weight * (images.pseudo_high - high).abs().mean()
        return terms

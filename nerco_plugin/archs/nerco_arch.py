"""NeRCo, the whole enhancement path of Eq. 8 (Fig. 2, top left): low-light image in, enhanced image out."""

from typing import Any, NamedTuple

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.checks import require_count
from nerco_plugin.archs.blocks.ranges import from_signed, to_signed
from nerco_plugin.archs.cam_arch import MaskExtractor
from nerco_plugin.archs.foreign import ForeignNetwork
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nrn_arch import NRN
from nerco_plugin.detail import with_detail
from nerco_plugin.light import expose

ENHANCE_INPUTS = ("concat", "normalized")


class Enhancement(NamedTuple):
    """What the enhancement path makes of low-light images I_L, all (N, ., H, W); ``None`` where a part is left out."""

    enhanced: Tensor  # G_H(..), (N, 3, H, W) in (-1, 1), or about it with ``residual``
    normalized: Tensor | None  # I_NR, (N, 3, H, W)
    attention: Tensor | None  # I_A, (N, 1, H, W) in (0, 1)
    lightness_mask: Tensor | None  # I_M, (N, 3, H, W) in (-1, 1)


@ARCH_REGISTRY.register()
class NeRCo(nn.Module):
    """G_H(ME(I_L) x NRN(I_L)), Eq. 8.

    Args:
        num_feat: features at full size of every part (released: 64).
        num_block: residual blocks of the NRN's encoder and of G_H (released: 9).
        num_mask_block: residual blocks of the mask extractor (released: 3).
        num_hidden: hidden layers of the NRN's MLP (paper: 3).
        hidden_dim: their width (released: 256).
        num_frequencies: L of Eq. 3 (paper: 8).
        use_position: the position enters the NRN (paper); ``False`` computes what the released network does.
        enhance_input: ``concat`` gives G_H the image beside its normalization (released; trains better),
            ``normalized`` the normalization alone (literal Eq. 8).
        use_nrn: leave the NRN out with ``False`` (Table 2, #1 to #3): G_H sees the image itself.
        use_mask_extractor: leave the mask extractor out with ``False`` (Table 2, #1).
        upsample: ``transpose`` (released) or ``resize``, which leaves no checkerboards.
        channel_sigmoid: see :class:`~nerco_plugin.archs.cam_arch.CAM`.
        pool_padding: see :class:`~nerco_plugin.archs.cam_arch.CAM`.
        norm: ``instance`` (released) or ``none``, see :class:`~nerco_plugin.archs.blocks.resnet.ResnetTrunk`.
        long_skip: see there; in the NRN's encoder and in G_H.
        residual: G_H gives what is to be added to the normalization, not the image itself (ours).
        exposure: bring every image to this brightness before anything else, see :func:`~nerco_plugin.light.expose`;
            all parts then work on exposed images and none has to guess how dark it was (ours; left out: not done).
        highlights: with ``exposure``: luma that the brightest 2 % of an image reach at least, see there.
        shadows: with ``exposure``: luma that no more than a quarter of an image stays below, see there.
        black_level: with ``exposure``: steps of 8 bits by which the black of red and blue may lie off green's.
        toe: with ``exposure``: the light, in steps of 8 bits, of which half is left, see there.
        keep_detail: with ``exposure``: noise of an exposed image, as its deviation in [0, 1], at which half of the luma
            that was taken away with it is put back, see :func:`~nerco_plugin.detail.with_detail`.
        generator: another registered network as G_H, ``{type: RRDBNet, ...}``; left out, it is ResnetGenerator. It
            takes images in [-1, 1], 6 channels with ``concat`` and 3 without, and gives 3 of the same size.
        generator_tanh: bound what ``generator`` gives by tanh; ``False`` for one that keeps to [-1, 1] by itself.

    Raises:
        ValueError: an option outside its range, by name.
    """

    def __init__(
        self,
        num_feat: int = 64,
        num_block: int = 9,
        num_mask_block: int = 3,
        num_hidden: int = 3,
        hidden_dim: int = 256,
        num_frequencies: int = 8,
        use_position: bool = True,
        enhance_input: str = "concat",
        use_nrn: bool = True,
        use_mask_extractor: bool = True,
        upsample: str = "transpose",
        channel_sigmoid: bool = False,
        pool_padding: bool = True,
        norm: str = "instance",
        long_skip: bool = False,
        residual: bool = False,
        exposure: float | None = None,
        highlights: float | None = None,
        shadows: float | None = None,
        black_level: float | None = None,
        toe: float | None = None,
        keep_detail: float | None = None,
        generator: dict[str, Any] | None = None,
        generator_tanh: bool = True,
    ) -> None:
        super().__init__()
        require_count(num_mask_block=num_mask_block)  # the parts name the others
        if enhance_input not in ENHANCE_INPUTS:
            raise ValueError(f"enhance_input must be one of {', '.join(ENHANCE_INPUTS)}, got {enhance_input!r}")
        levels = {"exposure": exposure, "highlights": highlights, "shadows": shadows}
        for name, level in levels.items():
            if level is not None and not 0 < level < 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {level}")
        amounts = {"black_level": black_level, "toe": toe, "keep_detail": keep_detail}
        for name, amount in amounts.items():
            if amount is not None and not amount > 0:
                raise ValueError(f"{name} must be positive, got {amount}")
        for name, value in (levels | amounts).items():
            if value is not None and exposure is None:
                raise ValueError(f"{name} needs exposure, which is missing")
        self.residual = residual
        self.exposure, self.highlights, self.shadows, self.black_level = exposure, highlights, shadows, black_level
        self.toe, self.keep_detail = toe, keep_detail
        self.concat = use_nrn and enhance_input == "concat"
        drawing: dict[str, Any] = {"upsample": upsample, "norm": norm, "long_skip": long_skip}
        self.nrn = (
            NRN(3, num_feat, num_block, num_hidden, hidden_dim, num_frequencies, use_position, **drawing)
            if use_nrn
            else None
        )
        self.mask_extractor = (
            MaskExtractor(3, num_feat, num_mask_block, channel_sigmoid, pool_padding, norm)
            if use_mask_extractor
            else None
        )
        num_seen_ch = 6 if self.concat else 3
        self.generator: nn.Module
        if generator is None:
            self.generator = ResnetGenerator(num_seen_ch, 3, num_feat, num_block, **drawing)
        else:  # BasicSR's networks do not bound their output, CLIP and the discriminators count on it
            foreign = ForeignNetwork(generator, key="generator", num_in_ch=num_seen_ch)
            self.generator = nn.Sequential(foreign, nn.Tanh() if generator_tanh else nn.Identity())

    def forward(self, low: Tensor, stops: float = 0.0) -> Tensor:
        """(N, 3, H, W) RGB in [0, 1], any H and W, to the enhanced images, same shape and range.

        ``stops``: of exposure more than ``exposure`` finds, see :func:`~nerco_plugin.light.expose`; raises ValueError
        where the network has no ``exposure``.
        """
        if low.ndim != 4 or low.shape[1] != 3:
            raise ValueError(f"low must be (N, 3, H, W), got {tuple(low.shape)}")
        seen = to_signed(self.exposed(low, stops=stops))
        enhanced = from_signed(self.enhance(seen, lightness=False).enhanced)
        if self.keep_detail is not None:
            enhanced = with_detail(enhanced, from_signed(seen), self.keep_detail)
        return enhanced.clamp(0, 1)  # tanh bounds it, but with ``residual`` or ``keep_detail``

    def exposed(self, low: Tensor, simulated: bool = False, stops: float = 0.0) -> Tensor:
        """What every part of the network sees of an image, (N, 3, H, W) in [0, 1]: itself, or ``exposure`` of it.

        ``simulated``: a side of the warm start's pairs, which is darkened too where it is bright. Its black is exact:
        ``black_level`` and ``toe`` are for cameras. ``stops``: as for the network.
        """
        if self.exposure is None:
            if stops:
                raise ValueError(f"stops: got {stops}, and the network has no exposure that could be changed")
            return low
        levels = self.exposure, self.highlights, self.shadows
        if simulated:
            return expose(low, *levels, darken=True)
        return expose(low, *levels, black_level=self.black_level, toe=self.toe, stops=stops)

    def enhance(self, low: Tensor, lightness: bool = True) -> Enhancement:
        """The path of Eq. 8 with all that it computes on the way; ``low`` (N, 3, H, W) in [-1, 1], exposed.

        ``lightness=False`` leaves the lightness mask out, which only losses look at.
        """
        attention, lightness_mask = self.mask_extractor(low, lightness) if self.mask_extractor else (None, None)
        normalized = self.nrn(low) if self.nrn else None
        base = low if normalized is None else normalized
        seen = self.generator_input(low, base)
        if attention is not None:
            seen = attention * seen  # and let the other go, before the largest maps are made
        drawn = self.generator(seen)
        return Enhancement(self.completed(drawn, base), normalized, attention, lightness_mask)

    def completed(self, drawn: Tensor, normalized: Tensor) -> Tensor:
        """The enhanced image from what G_H has drawn: the same, or added to the normalization with ``residual``."""
        return drawn + normalized if self.residual else drawn

    def generator_input(self, image: Tensor, normalized: Tensor) -> Tensor:
        """What G_H sees before attention: the normalization, with the image before it if ``concat``. (N, 3, H, W)."""
        return torch.cat([image, normalized], dim=1) if self.concat else normalized

"""CAM and the mask extractor (Sec. 3.4, Fig. 2 green, Fig. 4 right): image -> attention map I_A, lightness mask I_M."""

from typing import NamedTuple

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.attention import ChannelAttention, SpatialAttention
from nerco_plugin.archs.blocks.borders import reflected
from nerco_plugin.archs.blocks.feature_map import FeatureMap
from nerco_plugin.archs.blocks.resnet import ImageHead, ResnetTrunk, at_any_size, has_strips, init_weights
from nerco_plugin.archs.blocks.strips import one_by_one
from nerco_plugin.archs.blocks.untouched import form_of


class Masks(NamedTuple):
    """What the mask extractor finds in an image."""

    attention: Tensor  # I_A, (N, 1, H, W) in (0, 1)
    lightness_mask: Tensor | None  # I_M, (N, num_in_ch, H, W) in (-1, 1); None where it was not asked for


@ARCH_REGISTRY.register()
class CAM(nn.Module):
    """Collaborative attention module: a feature map in, one attention map out.

    Args:
        num_feat: channels C of the feature map.
        reduction: squeeze of the channel attention.
        kernel_size: neighbourhood of the spatial attention, odd.
        channel_sigmoid: bound the channel weights to (0, 1). The paper does not say; the released network does not.
        pool_padding: let the channel pooling see the reflected border too, as the released network does.
    """

    def __init__(
        self,
        num_feat: int = 64,
        reduction: int = 16,
        kernel_size: int = 7,
        channel_sigmoid: bool = False,
        pool_padding: bool = True,
    ) -> None:
        super().__init__()
        self.channel = ChannelAttention(num_feat, reduction=reduction, sigmoid=channel_sigmoid)
        self.spatial = SpatialAttention(kernel_size=kernel_size)
        self.border = kernel_size // 2
        self.pool_padding = pool_padding

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to attention (N, 1, H, W) in (0, 1); H and W above kernel_size // 2.

        Raises:
            ValueError: a side is shorter: its border cannot be reflected.
        """
        if any(side <= self.border for side in feature.shape[-2:]):  # min would tell a graph which side is shorter
            raise ValueError(f"feature: expected sides above {self.border} (kernel_size // 2), got {(*feature.shape,)}")
        framed = reflected(feature, self.border)
        weights = self.channel(framed if self.pool_padding else feature)
        return self.spatial(framed * weights)

    def in_strips(self, feature: FeatureMap) -> Tensor:
        """The same of one feature map, in the type of the weights."""
        weights = self.channel.in_strips(feature, self.border if self.pool_padding else 0)
        return self.spatial.in_strips(feature, weights)


@ARCH_REGISTRY.register()
class MaskExtractor(nn.Module):
    """ME: one feature map of the image gives the attention map (through CAM) and the lightness mask.

    Args:
        num_in_ch: image channels.
        num_feat: features.
        num_block: residual blocks, at full size (released: 3).
        channel_sigmoid: see :class:`CAM`.
        pool_padding: see :class:`CAM`.
        norm: ``instance`` (released) or ``none``, see :class:`~nerco_plugin.archs.blocks.resnet.ResnetTrunk`.
    """

    def __init__(
        self,
        num_in_ch: int = 3,
        num_feat: int = 64,
        num_block: int = 3,
        channel_sigmoid: bool = False,
        pool_padding: bool = True,
        norm: str = "instance",
    ) -> None:
        super().__init__()
        self.trunk = ResnetTrunk(num_in_ch, num_feat, num_block, num_down=0, norm=norm)
        self.cam = CAM(num_feat, channel_sigmoid=channel_sigmoid, pool_padding=pool_padding)
        self.lightness = ImageHead(num_feat, num_in_ch)
        init_weights(self, norm)
        init_weights(self.cam)
        self.form = form_of(self)

    def forward(self, image: Tensor, lightness: bool = True) -> Masks:
        """(N, num_in_ch, H, W) in [-1, 1], any H and W; ``lightness=False`` leaves the lightness mask out."""
        masks = at_any_size(lambda fitting: self._masks(fitting, lightness), image, multiple=1)
        return Masks(masks[:, :1], masks[:, 1:] if lightness else None)

    def _masks(self, image: Tensor, lightness: bool) -> Tensor:
        if has_strips(self, image):
            return one_by_one(lambda one: self._in_strips(one, lightness), image)
        feature = self.trunk(image)
        attention = self.cam(feature)
        return torch.cat([attention, self.lightness(feature)], dim=1) if lightness else attention

    def _in_strips(self, image: Tensor, lightness: bool) -> Tensor:
        feature = self.trunk.in_strips(image)
        attention = self.cam.in_strips(feature)
        return torch.cat([attention, self.lightness.in_strips(feature)], dim=1) if lightness else attention

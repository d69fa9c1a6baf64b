"""The ResNet generator (Sec. 3.1): the enhance module G_H and the degrade module G_L are its two uses."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.resnet import ImageHead, ResnetTrunk, at_any_size, has_strips, init_weights
from nerco_plugin.archs.blocks.strips import one_by_one
from nerco_plugin.archs.blocks.untouched import form_of


@ARCH_REGISTRY.register()
class ResnetGenerator(nn.Module):
    """Image to image: residual trunk, 7x7 convolution, tanh.

    Args:
        num_in_ch: channels in; 6 where G_H sees the image beside its normalization.
        num_out_ch: channels out.
        num_feat: features at full size (released: 64).
        num_block: residual blocks, 6 or 9 in the literature (released: 9).
        upsample: ``transpose`` (released) or ``resize``, which leaves no checkerboards.
        norm: ``instance`` (released) or ``none``, see :class:`~nerco_plugin.archs.blocks.resnet.ResnetTrunk`.
        long_skip: see there.
    """

    def __init__(
        self,
        num_in_ch: int = 3,
        num_out_ch: int = 3,
        num_feat: int = 64,
        num_block: int = 9,
        upsample: str = "transpose",
        norm: str = "instance",
        long_skip: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = ResnetTrunk(num_in_ch, num_feat, num_block, upsample=upsample, norm=norm, long_skip=long_skip)
        self.head = ImageHead(num_feat, num_out_ch)
        init_weights(self, norm)
        self.form = form_of(self)

    def forward(self, image: Tensor) -> Tensor:
        """(N, num_in_ch, H, W) to (N, num_out_ch, H, W) in (-1, 1), any H and W."""
        return at_any_size(self._drawn, image, multiple=self.trunk.multiple)

    def _drawn(self, image: Tensor) -> Tensor:
        if has_strips(self, image):
            return one_by_one(lambda one: self.head.in_strips(self.trunk.in_strips(one)), image)
        return self.head(self.trunk(image))

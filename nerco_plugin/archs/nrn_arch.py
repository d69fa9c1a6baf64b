"""NRN, neural representation for normalization (Sec. 3.2, Eq. 1-3): an image redrawn from features and positions."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.implicit import ImplicitMLP
from nerco_plugin.archs.blocks.resnet import ResnetTrunk, at_any_size, init_weights


@ARCH_REGISTRY.register()
class NRN(nn.Module):
    """I_NR = F_MLP(E, X): the encoder gives the feature map E, the MLP draws every pixel from E and its position X.

    Args:
        num_in_ch: image channels.
        num_feat: channels of E (paper's figure, released code: 64).
        num_block: residual blocks of the encoder (released: 9).
        num_hidden: hidden layers of the MLP (paper: 3).
        hidden_dim: width of the hidden layers (released: 256).
        num_frequencies: L of Eq. 3 (paper: 8); more fits more closely.
        use_position: ``True`` is the paper; ``False`` computes what the released network does, where the position
            never enters, with parameters of the same shapes.
        upsample: ``transpose`` (released) or ``resize``, in the encoder.
        norm: ``instance`` (released) or ``none``, see :class:`~nerco_plugin.archs.blocks.resnet.ResnetTrunk`.
        long_skip: see there.
    """

    def __init__(
        self,
        num_in_ch: int = 3,
        num_feat: int = 64,
        num_block: int = 9,
        num_hidden: int = 3,
        hidden_dim: int = 256,
        num_frequencies: int = 8,
        use_position: bool = True,
        upsample: str = "transpose",
        norm: str = "instance",
        long_skip: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = ResnetTrunk(num_in_ch, num_feat, num_block, upsample=upsample, norm=norm, long_skip=long_skip)
        self.mlp = ImplicitMLP(num_feat, num_in_ch, num_hidden, hidden_dim, num_frequencies, use_position)
        init_weights(self, norm)

    def forward(self, image: Tensor) -> Tensor:
        """(N, num_in_ch, H, W) in [-1, 1], any H and W, to its normalization of the same shape, not bounded."""
        return self.mlp(at_any_size(self.encoder, image, multiple=self.encoder.multiple))

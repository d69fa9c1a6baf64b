"""The two paths of the appearance discriminator (Sec. 3.3): PatchGAN on colours, PatchGAN on edges."""

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.blocks.checks import require_count
from nerco_plugin.archs.blocks.edges import high_pass
from nerco_plugin.archs.blocks.resnet import init_weights


@ARCH_REGISTRY.register()
class ColorDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): one logit for every patch, of 70x70 pixels with three layers.

    Args:
        num_in_ch: image channels.
        num_feat: features of the first layer (released: 64).
        num_layers: strided layers (released: 3).

    Raises:
        ValueError: a number below 1.
    """

    def __init__(self, num_in_ch: int = 3, num_feat: int = 64, num_layers: int = 3) -> None:
        super().__init__()
        require_count(num_in_ch=num_in_ch, num_feat=num_feat, num_layers=num_layers)
        widths = [num_feat * min(2**level, 8) for level in range(num_layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(num_in_ch, num_feat, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)]
        for level in range(1, num_layers + 1):
            stride = 2 if level < num_layers else 1
            layers += [nn.Conv2d(widths[level - 1], widths[level], 4, stride=stride, padding=1)]
            layers += [nn.InstanceNorm2d(widths[level]), nn.LeakyReLU(0.2, True)]
        layers += [nn.Conv2d(widths[-1], 1, 4, padding=1)]
        self.model = nn.Sequential(*layers)
        self.smallest = 3 * 2**num_layers
        init_weights(self)

    def forward(self, image: Tensor) -> Tensor:
        """(N, num_in_ch, H, W) in [-1, 1] to logits (N, 1, h, w), one a patch.

        Raises:
            ValueError: a side is too short for one patch logit.
        """
        if min(image.shape[-2:]) < self.smallest:
            raise ValueError(f"image must be at least {self.smallest} pixels high and wide, got {tuple(image.shape)}")
        return self.model(image)


@ARCH_REGISTRY.register()
class EdgeDiscriminator(ColorDiscriminator):
    """The high-frequency path: a fixed high-pass filter, then a discriminator of the same structure.

    The filter is inside, so that nothing but edges can reach the discriminator, in neither training step.

    Args:
        num_feat: features of the first layer (released: 64).
        num_layers: strided layers (released: 3).
    """

    def __init__(self, num_feat: int = 64, num_layers: int = 3) -> None:
        super().__init__(num_in_ch=3, num_feat=num_feat, num_layers=num_layers)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) RGB in [-1, 1] to logits (N, 1, h, w) on its edges."""
        return super().forward(high_pass(image))

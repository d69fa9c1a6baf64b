"""The residual trunk that the NRN's encoder, both generators and the mask extractor share (Sec. 3.1: "ResNet").

c7s1-F, then downsampling, residual blocks at the coarsest scale, and upsampling back: the generator of Johnson et al.
(2016) with InstanceNorm and reflection padding.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs.blocks.autocast import in_float32
from nerco_plugin.archs.blocks.borders import ReflectionPad, reflected
from nerco_plugin.archs.blocks.checks import require_count
from nerco_plugin.archs.blocks.feature_map import FeatureMap
from nerco_plugin.archs.blocks.strips import one_by_one, usable
from nerco_plugin.archs.blocks.untouched import Form, form_of, is_untouched
from nerco_plugin.archs.blocks.winograd import convolved

UPSAMPLINGS = ("transpose", "resize")
NORMS = ("instance", "none")


def at_any_size(
    forward: Callable[[Tensor], Tensor], image: Tensor, *, multiple: int, least: int | None = None
) -> Tensor:
    """Run ``forward`` on ``image`` with its borders repeated up to a size that fits, and crop the result back.

    Args:
        forward: maps (N, C, H, W) to (N, D, H, W) for H and W divisible by ``multiple`` and not below ``least``.
        image: (N, C, H, W), any H and W.
        multiple: what the sides must be divisible by.
        least: the shortest side; left out, 8 or twice ``multiple``: two rows at the coarsest scale can be reflected.

    Returns:
        (N, D, H, W); exactly ``forward(image)`` where the size fits already.

    Raises:
        ValueError: ``image`` has not four dimensions.
    """
    if image.dim() != 4:
        raise ValueError(f"expected images (N, C, H, W), got shape {(*image.shape,)}")
    height, width = image.shape[-2:]
    if isinstance(height, torch.SymInt):  # an exported graph is for every size: it fits always, by zero pixels or more
        full = [(side + multiple - 1) // multiple * multiple for side in (height, width)]
        return _taken(forward(_taken(image, *full)), height, width)
    least = max(8, 2 * multiple) if least is None else least
    full = [max(least, -(-side // multiple) * multiple) for side in (height, width)]
    if full == [height, width]:
        return forward(image)
    if torch.compiler.is_compiling():  # the derivative of repeated borders fails there (torch 2.14)
        return forward(_taken(image, *full))[..., :height, :width]
    bottom, right = full[0] - height, full[1] - width
    return forward(F.pad(image, (0, right, 0, bottom), mode="replicate"))[..., :height, :width]


def _taken(image: Tensor, height: int, width: int) -> Tensor:
    """So many rows and columns, the last repeated where there are fewer; by indices, whose number may be symbolic."""
    for dim, side in ((2, height), (3, width)):
        image = image.index_select(dim, torch.arange(side, device=image.device).clamp(max=image.shape[dim] - 1))
    return image


def init_weights(network: nn.Module, norm: str = "instance", deviation: float = 0.02) -> None:
    """Draw every convolution's weights from N(0, deviation^2) and zero its biases, as the released code does.

    Without normalization nothing would bring such small weights back to scale: with ``norm`` none, convolutions keep
    the scale of what they see (He et al. 2015), and residual blocks and heads begin close to adding nothing (ours).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if norm == "none" and isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    for module in network.modules():
        if norm == "none" and isinstance(module, ResnetBlock | ImageHead):
            last = module.conv2 if isinstance(module, ResnetBlock) else cast(nn.Conv2d, module[1])
            last.weight.data *= 0.1


def normalization(norm: str, num_feat: int) -> nn.Module:
    """The layer after a convolution: InstanceNorm for ``instance``, nothing for ``none``; ValueError otherwise."""
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
    return nn.InstanceNorm2d(num_feat) if norm == "instance" else nn.Identity()


class ImageConv(nn.Conv2d):
    """A convolution that sees or gives an image: without gradients in float32, whatever autocast says.

    What an image holds in the dark, and more than 8 bits of it, would be lost in 16-bit floats, and in TF32.
    """

    def forward(self, image: Tensor) -> Tensor:
        """As nn.Conv2d; under autocast ``image`` may have either type."""
        if torch.is_grad_enabled():
            return super().forward(image)
        with in_float32(image.device):
            return super().forward(image.to(self.weight.dtype))


class ResnetBlock(nn.Module):
    """x + IN(conv(ReLU(IN(conv(x))))), reflection padding.

    Args:
        num_feat: channels C.
        norm: ``instance``, or ``none`` for x + conv(ReLU(conv(x))).
    """

    def __init__(self, num_feat: int, norm: str = "instance") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_feat, 3)
        self.conv2 = nn.Conv2d(num_feat, num_feat, 3)
        self.norm = normalization(norm, num_feat)

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W), H and W above 1."""
        inner = self.norm(convolved(self.conv1, reflected(feature, 1)))
        return feature + self.norm(convolved(self.conv2, reflected(inner, 1, relu=True)))

    def in_strips(self, feature: FeatureMap) -> FeatureMap:
        """The same, in the memory of ``feature`` and one more map."""
        feature = feature.settled()
        inner = feature.convolved(self.conv1, border=1)
        return feature.plus(inner.convolved(self.conv2, border=1, in_place=True))


class Upsample(nn.Sequential):
    """Twice the size, half the channels, InstanceNorm, ReLU.

    Args:
        num_feat: channels C in; C / 2 come out.
        method: ``transpose``, a transposed 3x3 convolution (released code), or ``resize``, nearest-neighbour
            enlargement before a 3x3 convolution, which leaves no checkerboards (Odena et al. 2016; ours).
        norm: ``instance`` or ``none``.

    Raises:
        ValueError: an unknown ``method`` or ``norm``.
    """

    def __init__(self, num_feat: int, method: str, norm: str = "instance") -> None:
        if method not in UPSAMPLINGS:
            raise ValueError(f"method must be one of {', '.join(UPSAMPLINGS)}, got {method!r}")
        if method == "transpose":
            layers: list[nn.Module] = [nn.ConvTranspose2d(num_feat, num_feat // 2, 3, 2, padding=1, output_padding=1)]
        else:
            layers = [nn.Upsample(scale_factor=2), nn.Conv2d(num_feat, num_feat // 2, 3, padding=1)]
        super().__init__(*layers, normalization(norm, num_feat // 2), nn.ReLU(inplace=True))

    def in_strips(self, feature: FeatureMap) -> FeatureMap:
        """The same; ``resize`` as a transposed convolution too, whose 4x4 weights are sums of the 3x3."""
        for layer in self:
            if isinstance(layer, nn.ConvTranspose2d):
                return feature.enlarged(layer.weight, layer.bias)
            if isinstance(layer, nn.Conv2d):
                taps = layer.weight.new_tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
                feature = feature.enlarged(torch.einsum("ai,bj,ocij->coab", taps, taps, layer.weight), layer.bias)
        return feature


class ResnetTrunk(nn.Sequential):
    """Image to features of the same size: c7s1-F, d2F, d4F, blocks, u2F, uF.

    Args:
        num_in_ch: image channels.
        num_feat: features F at full size.
        num_block: residual blocks at the coarsest scale.
        num_down: halvings of the size, each doubling the channels.
        upsample: ``transpose`` or ``resize``, see :class:`Upsample`.
        norm: ``instance``, or ``none`` (ours): what is bright stays bright, and noise can be told by its strength.
        long_skip: add the features of each scale on the way down to those on the way up (Ronneberger et al. 2015;
            ours): detail need not pass the coarsest scale.

    Raises:
        ValueError: a number below 1 (``num_down`` below 0) or an unknown ``upsample`` or ``norm``.
    """

    def __init__(
        self,
        num_in_ch: int,
        num_feat: int,
        num_block: int,
        num_down: int = 2,
        upsample: str = "transpose",
        norm: str = "instance",
        long_skip: bool = False,
    ) -> None:
        require_count(num_in_ch=num_in_ch, num_feat=num_feat, num_block=num_block)
        require_count(least=0, num_down=num_down)
        if upsample not in UPSAMPLINGS:
            raise ValueError(f"upsample must be one of {', '.join(UPSAMPLINGS)}, got {upsample!r}")
        widths = [num_feat * 2**level for level in range(num_down + 1)]
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), ImageConv(num_in_ch, num_feat, 7)]
        layers += [normalization(norm, num_feat), nn.ReLU(inplace=True)]
        for width in widths[:-1]:
            layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)]
            layers += [normalization(norm, 2 * width), nn.ReLU(inplace=True)]
        layers += [ResnetBlock(widths[-1], norm) for _ in range(num_block)]
        layers += [Upsample(width, upsample, norm) for width in reversed(widths[1:])]
        super().__init__(*layers)
        # By place: a layer may be put into another module, such as CAM's.
        self.falls = [place for place, layer in enumerate(layers) if getattr(layer, "stride", None) == (2, 2)]
        self.rises = [place for place, layer in enumerate(layers) if isinstance(layer, Upsample)]
        self.multiple = 2**num_down
        self.norm = norm
        self.long_skip = long_skip
        self.form = form_of(self)

    def forward(self, image: Tensor) -> Tensor:
        """(N, num_in_ch, H, W) to (N, F, H, W); H and W divisible by ``multiple``, not below 8 nor twice that."""
        if has_strips(self, image):
            return one_by_one(lambda one: self.in_strips(one).settled().raw, image)
        if not self.long_skip:
            return super().forward(image)
        feature, passed = image, []
        for place, layer in enumerate(self):
            if place in self.falls:
                passed.append(feature)
            feature = layer(feature)
            if place in self.rises:
                feature = feature + passed.pop()
        return feature

    def in_strips(self, image: Tensor) -> FeatureMap:
        """The same features of one image, whose last normalization and ReLU wait."""
        feature, border = FeatureMap(image, normalize=self.norm == "instance"), 0
        passed: list[FeatureMap] = []
        for place, layer in enumerate(self):  # InstanceNorm and ReLU wait in the feature map
            if isinstance(layer, nn.ReflectionPad2d):
                border = layer.padding[0]
            elif isinstance(layer, nn.Conv2d):
                if self.long_skip and place in self.falls:
                    feature = feature.settled()
                    passed.append(feature)
                feature = feature.convolved(layer, border or int(layer.padding[0]), reflect=border > 0)
                border = 0
            elif isinstance(layer, ResnetBlock | Upsample):
                feature = layer.in_strips(feature)
                if passed and place in self.rises:
                    feature = feature.settled().plus(passed.pop())
        return feature


def has_strips(network: nn.Module, image: Tensor) -> bool:
    """Whether ``image`` may go in strips through a network that keeps its ``form``, see untouched."""
    return usable(image) and is_untouched(network, cast(Form, network.form))


class ImageHead(nn.Sequential):
    """Features to an image in (-1, 1): reflection padding, a 7x7 convolution, tanh.

    Args:
        num_feat: feature channels.
        num_out_ch: image channels.
    """

    def __init__(self, num_feat: int, num_out_ch: int) -> None:
        super().__init__(ReflectionPad(3), ImageConv(num_feat, num_out_ch, 7), nn.Tanh())

    def in_strips(self, feature: FeatureMap) -> Tensor:
        """The same of one feature map, in the type of the weights."""
        convolution = cast(nn.Conv2d, self[1])
        return feature.image(convolution, convolution.kernel_size[0] // 2, torch.tanh)


def together(network: Callable[[Tensor], Tensor], *images: Tensor) -> tuple[Tensor, ...]:
    """Run a network once on several batches of one size; every result is that of a run of its own (InstanceNorm)."""
    return network(torch.cat(images)).split([len(image) for image in images])

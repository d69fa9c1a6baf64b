"""The same networks and the same step computed plainly: what the released networks do, and what ours are held against.

The NRN unfolds its features to 3x3 neighbourhoods and asks its MLP four times for every pixel, on a coordinate map of
the image's size; padding, InstanceNorm and ReLU are modules that run one by one on whole images; in a training step
every network runs once for every image. Weights are shared with the networks they are made of, nothing is copied.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs.blocks.implicit import ImplicitMLP, pixel_centres, positional_encoding
from nerco_plugin.archs.blocks.ranges import from_signed, to_signed
from nerco_plugin.archs.blocks.resnet import ResnetBlock, ResnetTrunk, Upsample
from nerco_plugin.archs.cam_arch import MaskExtractor, Masks
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.losses.clip_loss import CLIPCosineLoss, ClipTerms
from nerco_plugin.losses.cooperative_loss import pseudo_high, pseudo_low
from nerco_plugin.models.appearance import Discriminator
from nerco_plugin.models.dual_loop import LoopImages
from nerco_plugin.models.nerco_model import NeRCoModel

EVALUATIONS = 4  # the released local ensemble: at a whole pixel's centre all four are alike


class PlainBlock(nn.Module):
    """x + IN(conv(pad(ReLU(IN(conv(pad(x))))))), module by module, from a ResnetBlock's convolutions."""

    def __init__(self, block: ResnetBlock) -> None:
        super().__init__()
        width = block.conv1.out_channels
        self.body = nn.Sequential(
            *(nn.ReflectionPad2d(1), block.conv1, nn.InstanceNorm2d(width), nn.ReLU(inplace=True)),
            *(nn.ReflectionPad2d(1), block.conv2, nn.InstanceNorm2d(width)),
        )

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return feature + self.body(feature)


def plain_trunk(trunk: ResnetTrunk) -> nn.Sequential:
    """The trunk's layers one after the other; H and W divisible by its ``multiple``."""
    layers: list[nn.Module] = []
    for layer in trunk:
        layers += (
            [PlainBlock(layer)]
            if isinstance(layer, ResnetBlock)
            else list(layer)
            if isinstance(layer, Upsample)
            else [layer]
        )
    return nn.Sequential(*layers)


class PlainMLP(nn.Module):
    """F_MLP of Eq. 1 as the released networks evaluate it: unfold, look up, and a chain of Linear, four times."""

    def __init__(self, mlp: ImplicitMLP) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, feature: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 3, H, W)."""
        batch, _, height, width = feature.shape
        neighbours = F.unfold(feature, 3, padding=1).view(batch, -1, height, width)
        rows, columns = torch.meshgrid(
            *(pixel_centres(side, feature.device) for side in (height, width)), indexing="ij"
        )
        grid = torch.stack([columns, rows], dim=2).flatten(0, 1)[None, None].expand(batch, 1, -1, 2)
        drawn = [self._evaluate(neighbours, grid) for _ in range(EVALUATIONS)]
        return torch.stack(drawn).mean(dim=0).transpose(1, 2).reshape(batch, -1, height, width)

    def _evaluate(self, neighbours: Tensor, grid: Tensor) -> Tensor:
        """Colours (N, P, 3) at the P points of ``grid`` (N, 1, P, 2) in (x, y)."""
        mlp = self.mlp
        seen = F.grid_sample(neighbours, grid.to(neighbours.dtype), mode="nearest", align_corners=False)
        x, y = (positional_encoding(grid[0, 0, :, axis], mlp.num_frequencies) for axis in (0, 1))
        position = torch.cat([y[:, :1], x[:, :1], y[:, 1:], x[:, 1:]], dim=1)
        if not mlp.use_position:
            position = torch.zeros_like(position)
        position = torch.cat([position, position.new_full((len(position), 2), 2.0)], dim=1)
        inputs = [seen[:, :, 0].transpose(1, 2), position.expand(len(seen), -1, -1).to(seen.dtype)]
        first = torch.cat([mlp.feature.weight.flatten(1), mlp.position.weight], dim=1)
        inner = F.relu(F.linear(torch.cat(inputs, dim=2), first, mlp.feature.bias))
        for layer in mlp.hidden:
            inner = F.relu(F.linear(inner, *_linear(layer)))
        return F.linear(inner, mlp.colour.weight.flatten(1), mlp.colour.bias)


def _linear(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a 1x1 convolution as of the Linear layer that it is."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None  # noqa: PT018
    return layer.weight.flatten(1), layer.bias


class PlainMasks(nn.Module):
    """The mask extractor, module by module."""

    def __init__(self, extractor: MaskExtractor) -> None:
        super().__init__()
        self.trunk, self.cam = plain_trunk(extractor.trunk), extractor.cam
        self.lightness = nn.Sequential(*extractor.lightness)

    def forward(self, image: Tensor) -> Masks:
        """(N, 3, H, W) in [-1, 1]."""
        feature = self.trunk(image)
        return Masks(self.cam(feature), self.lightness(feature))


def plain_generator(generator: ResnetGenerator) -> nn.Sequential:
    """G_H or G_L, module by module."""
    return nn.Sequential(*plain_trunk(generator.trunk), *generator.head)


class PlainNeRCo(nn.Module):
    """The enhancement path of Eq. 8 of ``network``, which has all parts and sees the image beside its normalization.

    Raises:
        TypeError: a network without NRN or mask extractor, of literal Eq. 8, or with a foreign generator.
    """

    def __init__(self, network: NeRCo) -> None:
        super().__init__()
        if network.nrn is None or network.mask_extractor is None or not network.concat:
            raise TypeError("the plain reference has an NRN, a mask extractor and enhance_input: concat")
        if not isinstance(network.generator, ResnetGenerator):
            raise TypeError(f"the plain reference has a ResnetGenerator, got {type(network.generator).__name__}")
        self.nrn = nn.Sequential(plain_trunk(network.nrn.encoder), PlainMLP(network.nrn.mlp))
        self.mask_extractor = PlainMasks(network.mask_extractor)
        self.generator = plain_generator(network.generator)

    def forward(self, low: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1], H and W divisible by 4, to the enhanced images in [0, 1]."""
        low = to_signed(low)
        attention, _ = self.mask_extractor(low)
        return from_signed(self.generator(attention * torch.cat([low, self.nrn(low)], dim=1)))


def released_test_path(network: PlainNeRCo, degrade: nn.Module, low: Tensor, high: Tensor) -> Tensor:
    """What the released ``test.py`` computes to keep one image: both loops, seven network runs; arguments in [0, 1]."""
    low, high = to_signed(low), to_signed(high)
    normalized = network.nrn(low)
    attention, _ = network.mask_extractor(low)
    enhanced = network.generator(attention * torch.cat([low, normalized], dim=1))
    degrade(enhanced)
    degraded = degrade(attention * high)
    network.generator(torch.cat([degraded, network.nrn(degraded)], dim=1))
    return from_signed(enhanced)


class PlainLoop(nn.Module):
    """The dual loop of Eq. 8-9 with what the losses need besides, one network run for one image."""

    def __init__(self, network: PlainNeRCo, degrade: nn.Module) -> None:
        super().__init__()
        self.network, self.degrade = network, degrade

    def forward(self, low: Tensor, high: Tensor) -> LoopImages:
        """Unpaired (N, 3, H, W) in [-1, 1]."""
        net, degrade = self.network, self.degrade
        normalized = net.nrn(low)
        attention, mask = net.mask_extractor(low)
        enhanced = net.generator(attention * torch.cat([low, normalized], dim=1))
        degraded = degrade(attention * high)
        darkened = pseudo_low(high, mask)
        return LoopImages(
            enhanced=enhanced,
            degraded=degraded,
            cycled_low=degrade(enhanced),
            cycled_high=net.generator(torch.cat([degraded, net.nrn(degraded)], dim=1)),
            normalized=normalized,
            lightness_mask=mask,
            degraded_mask=net.mask_extractor(degraded).lightness_mask,
            pseudo_high=pseudo_high(low, mask),
            pseudo_low=darkened,
            restored=net.generator(torch.cat([darkened, darkened], dim=1)),
            identity_high=net.generator(torch.cat([high, high], dim=1)),
            identity_low=degrade(low),
        )


class PlainDiscriminator(Discriminator):
    """A discriminator that runs once for every image."""

    def judge(self, images: LoopImages) -> dict[str, Tensor]:
        """As :meth:`Discriminator.judge`."""
        return {name: self.bare(getattr(images, name)).float() for name in (self.generated, *self.fakes)}

    def compare(self, images: LoopImages, real: Tensor) -> tuple[Tensor, list[Tensor]]:
        """As :meth:`Discriminator.compare`."""
        names = (self.generated, *self.trained_on)
        fakes = [self.network(self.pools[name].query(getattr(images, name))).float() for name in names]
        return self.network(real).float(), fakes


def one_by_one(loss: CLIPCosineLoss) -> Callable[..., ClipTerms]:
    """The CLIP term with an encoder run for every image."""

    def terms(low: Tensor, high: Tensor) -> ClipTerms:
        lows = [loss(image, None).low for image in low.split(1)]
        return ClipTerms(
            torch.stack(lows).mean(), torch.stack([loss(None, image).high for image in high.split(1)]).mean()
        )

    return terms


def make_plain(model: NeRCoModel) -> NeRCoModel:
    """Let the model, with its weights, losses and optimizers, take its steps plainly; returns it."""
    network = PlainNeRCo(cast(NeRCo, model.net_g))
    degrade: Any = model.net_degrade
    model.dual_loop = PlainLoop(network, plain_generator(degrade))
    model.discriminators = [PlainDiscriminator(**vars(discriminator)) for discriminator in model.discriminators]
    if model.objective.clip is not None:
        model.objective.clip = one_by_one(model.objective.clip)
    return model

"""Light in a scene and values in a file: the transfer curve of sRGB, a tone curve, and exposing a dark image (ours)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.shadows import shadow_lift

LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
WHITE = 0.98  # values at 1 stand for finite light
POWER = 4.0  # of the mean that tells brightness: highlights count more than shadows
SHARE = 0.02  # of an image that counts as its highlights, and as its black
GAINS = (0.05, 3000.0)  # what an exposure is looked for between
BISECTIONS = 24  # a 16-millionth of what was looked between
STEP = 1 / 255 / 12.92  # of light: one step of 8 bits near black
NEAR = 7  # pixels down and across that tell how dark a place is: more would pass edges, fewer would keep noise


def srgb_to_linear(image: Tensor) -> Tensor:
    """Undo the sRGB transfer curve (IEC 61966-2-1). Any shape, [0, 1] to [0, 1]."""
    return torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Apply the sRGB transfer curve (IEC 61966-2-1). Any shape, [0, 1] to [0, 1]."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def scene_light(image: Tensor) -> Tensor:
    """The light behind a photograph in [0, 1], any shape, 0 or more: its tone curve, 1 - exp(-light), undone.

    Values beyond [0, 1], as cubic resizing leaves them, count as 0 and 1.
    """
    return -torch.log1p(-WHITE * srgb_to_linear(image.clamp(0, 1)))


def developed(light: Tensor) -> Tensor:
    """The photograph of scene light, any shape, in [0, 1]: highlights roll off, dark light stays linear."""
    return linear_to_srgb(1 - torch.exp(-light))


def expose(
    image: Tensor,
    brightness: float,
    highlights: float | None = None,
    shadows: float | None = None,
    darken: bool = False,
    black_level: float | None = None,
    toe: float | None = None,
    stops: float = 0.0,
) -> Tensor:
    """Photograph a scene again with the exposure that makes it as bright as it should be.

    Brightness is the power mean of the luma, (mean(luma^4))^(1/4), over the image in blocks of 4 x 4 pixels. With
    ``highlights``, a scene without bright lamps is exposed further, until its brightest 2 % reach that luma: of the
    rules tried, the two together came closest to the references' exposures on the 20 validation pairs (docs/recipe.md).
    With ``shadows``, a scene of which a quarter is still darker than that gets more light there, see
    :func:`~nerco_plugin.shadows.shadow_lift`. With ``black_level``, red and blue are first moved so that the darkest
    2 % of them are what they are of green: what a camera takes for black differs by channel, a step or two of 8 bits,
    and exposing multiplies it. With ``toe``, a place of light m is left m^2 / (m + toe), m being its mean
    luma over 7 x 7 pixels: what lies within rounding of black is not shown as gray, and bright places hardly change.

    Args:
        image: (N, 3, H, W) RGB in [0, 1]; every image gets an exposure of its own.
        brightness: what it is to be, in (0, 1); with ``highlights`` at least.
        highlights: luma that 2 % of the image reach, in (0, 1).
        shadows: luma that no more than a quarter of the image stays below, in (0, 1), as far as light allows.
        darken: also lower the exposure of an image that is brighter than that.
        black_level: by how many steps of 8 bits at most red and blue are moved, positive.
        toe: the light, in steps of 8 bits, of which half is left, positive.
        stops: of exposure more than that, the same everywhere: light times 2^stops.

    Returns:
        (N, 3, H, W) in [0, 1]. No gradient passes through the choice of the exposure.
    """
    light = scene_light(image)
    if black_level is not None:
        light = (light - _black_offset(light, black_level * STEP)).clamp(min=0)
    luma = luma_of(light.detach())  # shadows are told before the toe: one would undo the other
    if toe is not None:
        light = light * _toe(luma, toe * STEP)
    with torch.no_grad():
        gain = _gain(block_means(light), brightness, highlights)
        if not darken:
            gain = gain.clamp(min=1)
        if shadows is not None:
            gain = gain * shadow_lift(luma * gain, _light_of(shadows))
    return developed(light * (gain * 2.0**stops))


def _light_of(value: float) -> float:
    """:func:`scene_light` of a number: to make a tensor of it would wait for a GPU."""
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return -math.log1p(-WHITE * linear)


def luma_of(image: Tensor) -> Tensor:
    """The luma (ITU-R BT.709) of RGB, (N, 3, H, W) to (N, 1, H, W), linear or not."""
    red, green, blue = image.split(1, dim=1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue  # no tensor of weights: making one would wait for a GPU


def block_means(image: Tensor) -> Tensor:
    """Means of 4 x 4 pixels; what is left over at the right and at the bottom does not count."""
    height, width = image.shape[-2:]
    if isinstance(height, torch.SymInt):  # an exported graph: one size of block for every image
        return F.avg_pool2d(image, 4)
    return F.avg_pool2d(image, (min(4, height), min(4, width)))


def level_of(values: Tensor, share: float) -> Tensor:
    """What a ``share`` of values, (N, C, H, W), 0 or more, does not exceed: (N, C, 1, 1), by bisection."""
    low, high = torch.zeros_like(values[..., :1, :1]), values.amax((2, 3), keepdim=True)
    for _ in range(BISECTIONS):  # a graph of torch.quantile or sort would hold one size of image
        middle = (low + high) / 2
        is_above = (values <= middle).to(values.dtype).mean((2, 3), keepdim=True) < share
        low, high = torch.where(is_above, middle, low), torch.where(is_above, high, middle)
    return high


@torch.no_grad()
def _black_offset(light: Tensor, most: float) -> Tensor:
    """How far each channel's darkest light lies above green's, (N, 3, 1, 1), within ``most``."""
    black = level_of(block_means(light), SHARE)
    return (black - black[:, 1:2]).clamp(-most, most)


def _toe(luma: Tensor, half: float) -> Tensor:
    """The share that each place keeps of its light, (N, 1, H, W) in [0, 1): half of it where that is ``half``."""
    near = F.avg_pool2d(F.pad(luma, (NEAR // 2,) * 4, mode="replicate"), NEAR, stride=1)
    return near / (near + half)


def _gain(light: Tensor, brightness: float, highlights: float | None) -> Tensor:
    """The factor on light, (N, 1, 1, 1), by which an image is as bright as it should be, by bisection."""
    low, high = (light.new_full((light.shape[0], 1, 1, 1), bound).log() for bound in GAINS)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        luma = luma_of(developed(light * middle.exp()))
        is_dark = (luma**POWER).mean((1, 2, 3), keepdim=True) < brightness**POWER
        if highlights is not None:
            is_dark |= (luma > highlights).to(luma.dtype).mean((1, 2, 3), keepdim=True) < SHARE
        low, high = torch.where(is_dark, middle, low), torch.where(is_dark, high, middle)
    return ((low + high) / 2).exp()

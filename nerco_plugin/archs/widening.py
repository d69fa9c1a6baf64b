"""A wide network that begins where a narrow one ended: the same pictures, more features (Net2Net; Chen et al. 2016).

Every feature is there several times, and whoever sees it shares its weight out among its copies, at random, so that
they learn different things from the first step on. Blocks that the narrow network does not have add nothing at first.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs.blocks.attention import ChannelAttention
from nerco_plugin.archs.blocks.resnet import ResnetBlock, ResnetTrunk

SHARES = (0.5, 1.5)  # of a copy, before those of one feature are brought to a sum of 1
WIDTHS = ("in_channels", "out_channels", "in_features", "out_features", "num_features", "num_feat", "hidden_dim")


@torch.no_grad()
def widen(narrow: nn.Module, wide: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill ``wide`` so that it computes what ``narrow`` does.

    Args:
        narrow: a network of this package.
        wide: the same with whole multiples of its widths, and as many residual blocks, or more with ``norm: none``.
        generator: source of the shares, on the CPU wherever the networks are.

    Raises:
        ValueError: something else differs, such as a setting or the kind of a layer; the message names it.
    """
    for name, layer, target in _layers(narrow, wide, "network", generator):
        axes = (1, 0) if isinstance(layer, nn.ConvTranspose2d) else (0, 1)  # of outputs and inputs
        for kind, parameter in layer.named_parameters(recurse=False):
            grown = _grown(parameter, target.get_parameter(kind).shape, axes if parameter.ndim > 1 else (0,), generator)
            if grown.shape != target.get_parameter(kind).shape:
                shapes = f"{tuple(parameter.shape)} cannot become {tuple(target.get_parameter(kind).shape)}"
                raise ValueError(f"{name}.{kind}: {shapes}: widths must be whole multiples")
            target.get_parameter(kind).copy_(grown)


def _layers(
    narrow: nn.Module, wide: nn.Module, name: str, generator: torch.Generator | None
) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """Layers of both networks that have parameters; blocks of ``wide`` alone are silenced on the way."""
    _check_alike(narrow, wide, name)
    if isinstance(narrow, ChannelAttention) and isinstance(wide, ChannelAttention):
        narrow = _with_spare_units(narrow, wide.squeeze.out_channels, generator)
    if next(narrow.parameters(recurse=False), None) is not None:
        yield name, narrow, wide
    parts, wide_parts = _parts(narrow), _parts(wide)
    for label in [*parts, *(label for label in wide_parts if label not in parts)]:
        added = wide_parts[label] if label not in parts else None
        if isinstance(added, ResnetBlock):
            _silence(added, f"{name}.{label}")
        elif added is not None or label not in wide_parts:
            raise ValueError(f"{name}.{label} is in one of the networks only")
        else:
            yield from _layers(parts[label], wide_parts[label], f"{name}.{label}", generator)


def _check_alike(narrow: nn.Module, wide: nn.Module, name: str) -> None:
    """Raises ValueError where two modules are of different kinds, or differ in more than their widths."""
    if type(narrow) is not type(wide):
        raise ValueError(f"{name}: {type(narrow).__name__} cannot become {type(wide).__name__}")
    settings, wide_settings = _settings(narrow), _settings(wide)
    for key, value in settings.items():
        other = wide_settings.get(key, value)  # in one alone: a part that is left out, which is named as such
        if other != value:
            raise ValueError(f"{name}.{key} is {value!r} in one network and {other!r} in the other")


def _settings(module: nn.Module) -> dict[str, object]:
    """What a module keeps of its arguments, widths aside, and which parameters it has of its own."""
    kinds = (bool, int, float, str, tuple, type(None))
    skipped = ("training", *WIDTHS)
    kept = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, kinds) and not key.startswith("_") and key not in skipped
    }
    return {**kept, "parameters": [key for key, _ in module.named_parameters(recurse=False)]}


def _with_spare_units(attention: ChannelAttention, wanted: int, generator: torch.Generator | None) -> ChannelAttention:
    """As many more units in the squeeze, which add nothing at first, as make ``wanted`` a whole multiple of them.

    The squeeze has four units at least, so that its width does not grow as those of all other layers.
    """
    units = attention.squeeze.out_channels
    spare = next((count for count in range(units, wanted + 1) if wanted % count == 0), units) - units
    if spare == 0:
        return attention
    padded = copy.deepcopy(attention)
    seen = attention.squeeze.weight
    drawn = torch.randn(spare, *seen.shape[1:], generator=generator, dtype=seen.dtype).abs()  # not dead at the ReLU
    drawn = drawn.to(seen.device) * seen.std()
    padded.squeeze.weight = nn.Parameter(torch.cat([seen, drawn]))
    padded.excite.weight = nn.Parameter(F.pad(attention.excite.weight, (0, 0, 0, 0, 0, spare)))
    return padded


def _parts(network: nn.Module) -> dict[str, nn.Module]:
    """The parts of a network; those of a trunk by kind and number, which do not depend on how many blocks it has."""
    if not isinstance(network, ResnetTrunk):
        return dict(network.named_children())
    parts: dict[str, nn.Module] = {}
    for layer in network:
        kind = type(layer).__name__
        parts[f"{kind}{sum(label.startswith(kind) for label in parts)}"] = layer
    return parts


def _silence(block: ResnetBlock, name: str) -> None:
    if isinstance(block.norm, nn.InstanceNorm2d):
        raise ValueError(
            f"{name}: blocks can be added with norm: none only: InstanceNorm would make any first step loud"
        )
    for parameter in block.conv2.parameters():
        parameter.zero_()


def _grown(values: Tensor, shape: torch.Size, axes: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """Parameters with every entry along the axes of outputs and inputs (biases: outputs) as often as ``shape`` asks."""
    for axis in axes:
        times = max(1, shape[axis] // values.shape[axis])
        values = values.repeat_interleave(times, dim=axis)
        if axis == axes[-1] and len(axes) > 1 and times > 1:
            drawn = torch.rand(values.shape[:2], generator=generator, dtype=values.dtype).to(values.device)
            drawn = (SHARES[0] + (SHARES[1] - SHARES[0]) * drawn).unflatten(axis, (-1, times))
            shares = (drawn / drawn.sum(axis + 1, keepdim=True)).flatten(axis, axis + 1)
            values = values * shares.view(*shares.shape, *[1] * (values.ndim - 2))
    return values

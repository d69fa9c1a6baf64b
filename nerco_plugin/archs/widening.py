"""A wide network that begins where a narrow one ended: the same pictures, more features (Net2Net; Chen et al. 2016).

Every feature is there several times, and whoever sees it shares its weight out among its copies, at random, so that
they learn different things from the first step on. Blocks that the narrow network does not have add nothing at first.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nerco_plugin.archs.blocks.resnet import ResnetBlock, ResnetTrunk

SHARES = (0.5, 1.5)  # of a copy, before those of one feature are brought to a sum of 1


@torch.no_grad()
def widen(narrow: nn.Module, wide: nn.Module, generator: torch.Generator | None = None) -> None:
    """Fill ``wide`` so that it computes what ``narrow`` does.

    Args:
        narrow: a network of this package.
        wide: the same with whole multiples of its widths, and as many residual blocks, or more with ``norm: none``.
        generator: source of the shares.

    Raises:
        ValueError: something else differs; the message names it.
    """
    for name, layer, target in _layers(narrow, wide, "network"):
        axes = (1, 0) if isinstance(layer, nn.ConvTranspose2d) else (0, 1)  # of outputs and inputs
        for kind, parameter in layer.named_parameters(recurse=False):
            grown = _grown(parameter, target.get_parameter(kind).shape, axes if parameter.ndim > 1 else (0,), generator)
            if grown.shape != target.get_parameter(kind).shape:
                shapes = f"{tuple(parameter.shape)} cannot become {tuple(target.get_parameter(kind).shape)}"
                raise ValueError(f"{name}.{kind}: {shapes}: widths must be whole multiples")
            target.get_parameter(kind).copy_(grown)


def _layers(narrow: nn.Module, wide: nn.Module, name: str) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """Layers of both networks that have parameters; blocks of ``wide`` alone are silenced on the way."""
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
            yield from _layers(parts[label], wide_parts[label], f"{name}.{label}")


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
            drawn = torch.rand(values.shape[:2], generator=generator, dtype=values.dtype)
            drawn = (SHARES[0] + (SHARES[1] - SHARES[0]) * drawn).unflatten(axis, (-1, times))
            shares = (drawn / drawn.sum(axis + 1, keepdim=True)).flatten(axis, axis + 1)
            values = values * shares.view(*shares.shape, *[1] * (values.ndim - 2))
    return values

"""What a real compiler makes of blocks: the gradients of uncompiled ones."""

import shutil

import pytest
import torch
from torch import Tensor, nn

from nerco_plugin.archs.blocks import ChannelAttention, SpatialAttention, at_any_size

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="inductor needs a C++ compiler")


class Attended(nn.Module):
    """A map as the trunk makes it, and both kinds of attention to it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3)
        self.channel = ChannelAttention(16)
        self.spatial = SpatialAttention(3)

    def forward(self, image: Tensor) -> Tensor:
        feature = self.first(image).relu()
        return self.spatial(feature * self.channel(feature))


class AtAnySize(nn.Module):
    """A convolution that wants sides divisible by 4."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        return at_any_size(self.convolution, image, multiple=4)


@needs_compiler
def test_borders_are_repeated_at_a_size_that_does_not_fit() -> None:
    network = AtAnySize()
    image = torch.rand(2, 3, 21, 30, requires_grad=True)
    results = []
    for run in (network, torch.compile(network, dynamic=False)):
        drawn = run(image)
        results.append([drawn, *torch.autograd.grad(drawn.square().mean(), [image, network.convolution.weight])])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, eager)


@needs_compiler
def test_compiled_in_16_bits_gradients_are_those_of_uncompiled() -> None:
    """A maximum's gradient found by comparing values was NaN, as the compiler keeps more digits of some."""
    network, image = Attended(), torch.rand(1, 3, 32, 32)
    gradients = []
    for run in (network, torch.compile(network)):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            weights = run(image)
        weights.float().square().mean().backward()
        gradients.append([weight.grad for weight in network.parameters()])
    for eager, compiled in zip(*gradients, strict=True):
        assert (eager - compiled).norm() < 0.05 * eager.norm()

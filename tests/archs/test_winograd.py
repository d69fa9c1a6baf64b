"""Winograd's convolutions are the plain ones, and so are their derivatives."""

import pytest
import torch
from torch import nn

from nerco_plugin.archs.blocks import winograd
from nerco_plugin.archs.blocks.resnet import ResnetBlock
from nerco_plugin.archs.blocks.strips import everywhere


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (7, 9), (33, 30)])
@pytest.mark.parametrize(
    ("tile", "dtype", "atol"), [(2, torch.float64, 1e-12), (4, torch.float64, 1e-12), (4, torch.float32, 1e-4)]
)
def test_winograd_is_the_plain_convolution(size: tuple[int, int], tile: int, dtype: torch.dtype, atol: float) -> None:
    layer = nn.Conv2d(160, 130, 3).to(dtype)
    frame = torch.randn(1, 160, size[0] + 2, size[1] + 2, dtype=dtype).to(memory_format=torch.channels_last)
    found = winograd.Winograd(layer.weight, layer.bias, tile)(frame)
    torch.testing.assert_close(found, layer(frame), rtol=0, atol=atol)


@pytest.mark.parametrize("size", [(1, 1), (8, 4), (9, 15)])
def test_derivatives_are_the_plain_ones(size: tuple[int, int]) -> None:
    layer = nn.Conv2d(130, 140, 3).double()
    frame = torch.randn(2, 130, size[0] + 2, size[1] + 2, dtype=torch.float64, requires_grad=True)
    inputs = (frame, *layer.parameters())
    expected, found = layer(frame), winograd.convolved(layer, frame)
    towards = torch.randn_like(expected)
    assert "_Convolution" in type(found.grad_fn).__name__
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    for one, other in zip(
        torch.autograd.grad(found, inputs, towards), torch.autograd.grad(expected, inputs, towards), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


def test_a_wide_block_trains_as_it_does_plainly() -> None:
    block, feature = ResnetBlock(128), torch.randn(2, 128, 16, 12)

    def trained() -> list[torch.Tensor]:
        loss = block(feature).square().mean()
        return [loss, *torch.autograd.grad(loss, list(block.parameters()))]

    found = trained()
    with everywhere():  # no Winograd
        expected = trained()
    assert not all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("change", ["narrow", "bf16", "autocast", "strided"])
def test_others_stay_plain(change: str) -> None:
    channels = 120 if change == "narrow" else 128
    layer = nn.Conv2d(channels, channels, 3, stride=2 if change == "strided" else 1)
    frame = torch.randn(1, channels, 6, 6, requires_grad=True)
    if change == "bf16":
        layer, frame = layer.bfloat16(), frame.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=change == "autocast"):
        assert type(winograd.convolved(layer, frame).grad_fn).__name__ == "ConvolutionBackward0"
        assert torch.equal(winograd.convolved(layer, frame), layer(frame))


@torch.no_grad()
def test_compiled_code_has_it_too() -> None:
    block, feature = ResnetBlock(128), torch.randn(2, 128, 9, 12)
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        graphs.append(graph)
        return graph.forward

    found = torch.compile(block, backend=backend)(feature)
    assert "bmm" in graphs[0].code
    torch.testing.assert_close(found, block(feature), rtol=1e-4, atol=1e-5)


def test_rounding_is_about_twice_the_plain_convolutions() -> None:
    """The usual interpolation points would have four and a half times its deviation."""
    layer, frame = nn.Conv2d(256, 128, 3), torch.randn(1, 256, 34, 34).relu().to(memory_format=torch.channels_last)
    with torch.no_grad():
        found, plain = winograd.Winograd(layer.weight, layer.bias, 4)(frame), layer(frame)
        exact = layer.double()(frame.double())
    assert (found - exact).square().mean() < 3**2 * (plain - exact).square().mean()

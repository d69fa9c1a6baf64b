"""Reflected borders: values, gradients and dtype are those of torch's own, and the map is kept once."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.archs.blocks.borders import ReflectionPad, reflected


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("border", [1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_torchs(relu: bool, border: int, layout: torch.memory_format) -> None:
    feature = torch.randn(2, 3, 5, 7, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    expected = F.pad(F.relu(feature) if relu else feature, (border,) * 4, mode="reflect")
    for ours in (reflected(feature, border, relu), reflected(feature.detach(), border, relu)):
        assert torch.equal(ours, expected)
    weight = torch.randn_like(expected)
    (ours,) = torch.autograd.grad((reflected(feature, border, relu) * weight).sum(), feature)
    (theirs,) = torch.autograd.grad((expected * weight).sum(), feature)
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(lambda image: reflected(image, border, relu).square(), feature)


@pytest.mark.parametrize("grad", [False, True])
def test_autocast_leaves_the_type_alone(grad: bool) -> None:
    feature = torch.randn(1, 2, 6, 6, dtype=torch.bfloat16, requires_grad=grad)
    with torch.autocast("cpu", torch.bfloat16):
        assert reflected(feature, 1).dtype == torch.bfloat16
        assert ReflectionPad(3)(feature).dtype == torch.bfloat16
        assert F.pad(feature, (1,) * 4, mode="reflect").dtype == torch.float32  # else all of this can go


def test_the_map_is_kept_once() -> None:
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    feature = torch.randn(1, 2, 8, 8, requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        F.conv2d(reflected(feature.exp(), 1, relu=True), weight)
    assert sorted({tensor.data_ptr(): tuple(tensor.shape) for tensor in kept}.values()) == [
        (1, 2, 8, 8),  # of exp
        (1, 2, 10, 10),  # the border's and the convolution's
        (2, 2, 3, 3),
    ]

"""Reflected borders: values, gradients and dtype are those of torch's own, and the map is kept once. TF32 off."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from nerco_plugin.archs.blocks import feature_map, resnet, strips
from nerco_plugin.archs.blocks.borders import ReflectionPad, in_float32, reflected
from nerco_plugin.archs.nerco_arch import NeRCo


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


def takes_tf32() -> bool:
    cudnn = torch.backends.cudnn
    return cudnn.conv.fp32_precision == "tf32" if hasattr(cudnn, "conv") else cudnn.allow_tf32


class Convolutions(TorchDispatchMode):
    """Notes each convolution's channels in and out, and whether a GPU's would be of TF32."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int, bool]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.name() == "aten::convolution":
            self.seen.append((args[0].shape[1], args[1].shape[0], takes_tf32()))
        return function(*args, **(kwargs or {}))


def test_convolutions_of_images_are_of_float32_on_a_gpu_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (resnet, feature_map):  # as if on a GPU
        monkeypatch.setattr(module, "in_float32", lambda device: in_float32(torch.device("cuda")))
    network = NeRCo(num_feat=16, num_block=1, hidden_dim=16).eval()
    for context in (nullcontext, strips.everywhere):
        with torch.no_grad(), context(), Convolutions() as convolutions:
            network(torch.rand(1, 3, 32, 32))
        assert len(convolutions.seen) > 20
        for down, up, is_tf32 in convolutions.seen:
            assert is_tf32 != (down in (2, 3, 6) or up == 3 * 7)  # the CAM's two means, images, seven columns of one
    assert takes_tf32()
    torch.set_autocast_enabled("cuda", True)  # torch.autocast would refuse, where there is none
    try:
        with in_float32(torch.device("cuda")):
            assert not torch.is_autocast_enabled("cuda")
        assert torch.is_autocast_enabled("cuda")
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert isinstance(in_float32(torch.device("cpu")), nullcontext)


@pytest.mark.parametrize("already", [False, True])
def test_whoever_has_turned_tf32_off_keeps_it_so(already: bool) -> None:
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32
    cudnn.allow_tf32 = not already
    try:
        with in_float32(torch.device("cuda")):
            assert not takes_tf32()
        assert takes_tf32() == cudnn.allow_tf32 == (not already)
    finally:
        cudnn.allow_tf32 = before


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="torch 2.9 has it first")
@pytest.mark.parametrize("precision", ["ieee", "tf32"])
def test_torchs_newer_switch_is_kept_too(precision: str) -> None:
    conv = torch.backends.cudnn.conv
    before = conv.fp32_precision
    conv.fp32_precision = precision
    try:
        with in_float32(torch.device("cuda")):
            assert not takes_tf32()
        assert conv.fp32_precision == precision
    finally:
        conv.fp32_precision = before

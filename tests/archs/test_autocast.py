"""Convolutions of images are of float32: no autocast, and on a GPU no TF32, whose switches are left as they were."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nerco_plugin.archs.blocks import feature_map, resnet, strips
from nerco_plugin.archs.blocks.autocast import in_float32
from nerco_plugin.archs.nerco_arch import NeRCo


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

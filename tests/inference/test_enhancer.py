"""Enhancer: every kind of image in, the same kind out, gray and alpha as they should be, faults by name."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from PIL import Image
from torch import nn
from torch._dynamo.utils import counters

import nerco_plugin
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.inference.enhancer import LUMA, EnhanceError, Enhancer


class Constant(nn.Module):
    """One colour, whatever is seen."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, low: torch.Tensor) -> torch.Tensor:
        return torch.full_like(low, self.value)


def test_the_package_exports_it() -> None:
    assert nerco_plugin.Enhancer is Enhancer


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_arrays(enhancer: Enhancer, dark: np.ndarray, dtype: type, channels: int) -> None:
    image = dark[..., :channels] if channels else dark[..., 0]
    image = (image >> 8).astype(dtype) if dtype == np.uint8 else image.astype(dtype)
    image = image / image.dtype.type(65535) if np.dtype(dtype).kind == "f" else image
    enhanced = enhancer(image)
    assert (enhanced.dtype, enhanced.shape) == (image.dtype, image.shape)
    assert np.abs(enhanced.astype(float) - image).max() > 0
    if channels in (2, 4):
        np.testing.assert_allclose(enhanced[..., -1], image[..., -1], atol=0 if np.dtype(dtype).kind == "u" else 1e-7)
    np.testing.assert_allclose(enhancer(image, strength=0), image, atol=0 if np.dtype(dtype).kind == "u" else 1e-7)


def test_floats_that_rounding_left_beside_the_range(enhancer: Enhancer) -> None:
    image = np.linspace(0, 1, 12 * 10 * 3, dtype=np.float32).reshape(12, 10, 3)
    beside = image.copy()
    beside[0, 0, 0], beside[-1, -1, -1] = -5e-7, np.nextafter(np.float32(1), np.float32(2))
    np.testing.assert_array_equal(enhancer(beside), enhancer(image))
    kept = enhancer(beside, strength=0)
    assert (kept.min(), kept.max()) == (0, 1)
    for value, named in ((1.000003, "to 1.000003"), (-2e-6, "-2e-06 to 1")):
        beside = image.copy()
        beside[0, 0, 0] = value
        with pytest.raises(ValueError, match=rf"expected floats in \[0, 1\], got .*{named}"):
            enhancer(beside)


def test_all_kinds_agree_with_the_network(enhancer: Enhancer, dark: np.ndarray, tmp_path: Path) -> None:
    image = (dark[..., :3] >> 8).astype(np.uint8)
    tensor = torch.from_numpy(image).movedim(-1, 0) / 255
    with torch.no_grad():
        expected = enhancer.network(tensor[None])[0]
    torch.testing.assert_close(enhancer(tensor), expected.clamp(0, 1))
    eight = (expected.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
    np.testing.assert_array_equal(enhancer(image), eight)
    np.testing.assert_array_equal(enhancer(Image.fromarray(image)), eight)
    np.testing.assert_array_equal(enhancer(torch.from_numpy(image).movedim(-1, 0)).movedim(0, -1), eight)
    Image.fromarray(image).save(tmp_path / "x.png")
    np.testing.assert_array_equal(enhancer(tmp_path / "x.png"), eight)
    np.testing.assert_array_equal(enhancer(str(tmp_path / "x.png")), eight)


def test_a_batch_equals_one_by_one(enhancer: Enhancer) -> None:
    batch = torch.rand(2, 3, 17, 12) * 0.3
    torch.testing.assert_close(enhancer(batch), torch.stack([enhancer(one) for one in batch]))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_keeps_mode_size_and_info(enhancer: Enhancer, mode: str, dark: np.ndarray) -> None:
    image = Image.fromarray(dark[..., 0]) if mode == "I;16" else Image.fromarray((dark >> 8).astype(np.uint8))
    image = image if mode == "I;16" else image.convert(mode)
    image.info["icc_profile"] = b"profile"
    enhanced = enhancer(image)
    assert (enhanced.mode, enhanced.size, enhanced.info) == (image.mode, image.size, image.info)


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7))])
def test_a_transparent_colour_becomes_alpha(enhancer: Enhancer, mode: str, key: object, dark: np.ndarray) -> None:
    gray = (dark[..., 0] >> 8).astype(np.uint8)
    gray[:5, :6] = 7
    image = Image.fromarray(gray).convert(mode)
    image.info |= {"transparency": key, "icc_profile": b"profile"}
    enhanced = enhancer(image)
    assert enhanced.mode == f"{mode}A"
    np.testing.assert_array_equal(np.asarray(enhanced)[..., -1], np.where(gray == 7, 0, 255))
    assert enhanced.info == {"icc_profile": b"profile"}
    assert image.mode == mode
    deep = Image.fromarray(dark[..., 0])
    deep.info["transparency"] = 7
    assert enhancer(deep).info == {}  # Pillow has no gray of 16 bits with alpha


def test_gray_is_the_luma_and_strength_mixes() -> None:
    class Tinted(nn.Module):
        def forward(self, low: torch.Tensor) -> torch.Tensor:
            return torch.ones_like(low) * torch.tensor([0.2, 0.5, 0.9])[:, None, None]

    gray = np.full((5, 6), 0.1)
    luma = np.dot(LUMA, (0.2, 0.5, 0.9))
    np.testing.assert_allclose(Enhancer(Tinted(), "cpu")(gray), luma, rtol=1e-6)
    np.testing.assert_allclose(Enhancer(Tinted(), "cpu")(gray, 0.25), 0.075 + 0.25 * luma, rtol=1e-6)


def test_stops_of_a_network_that_exposes_and_of_another(enhancer: Enhancer, dark: np.ndarray) -> None:
    network = NeRCo(num_feat=2, num_block=1, hidden_dim=4, exposure=0.4, residual=True).eval()
    exposing = Enhancer(network, "cpu")
    image = torch.from_numpy(dark[..., :3] / np.float32(65535)).movedim(-1, 0)[None]
    with torch.no_grad():
        expected = network(image, stops=-1.0)
    torch.testing.assert_close(exposing(image, stops=-1.0), expected)
    assert (exposing(image) - expected).abs().max() > 1e-3
    array = exposing(image[0].movedim(0, -1).numpy(), 1.0, -1.0)
    torch.testing.assert_close(torch.from_numpy(array), expected[0].movedim(0, -1))
    assert not enhancer.exposes
    with pytest.raises(ValueError, match="stops: got 0.5, and the network has no exposure"):
        enhancer(image, stops=0.5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_is_close(enhancer: Enhancer, precision: str, dark: np.ndarray) -> None:
    image = dark[..., :3] / 65535
    low = Enhancer(enhancer.network, "cpu", precision)(image)
    assert np.abs(low - enhancer(image)).max() < 0.03


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (np.zeros((3, 4, 5), np.uint8), "1 to 4 channels"),
        (np.zeros((0, 4, 3), np.uint8), "some pixels"),
        (np.zeros((4,), np.uint8), r"\(H, W\)"),
        (np.zeros((3, 4), np.int32), "uint16 or floats.*int32"),
        (np.full((3, 4), 1.5), r"floats in \[0, 1\].*1.5"),
        (np.full((3, 4), np.nan), r"floats in \[0, 1\].*nan"),
        (torch.zeros(3, 4), r"\(C, H, W\)"),
        (torch.zeros(0, 3, 8, 8), r"some pixels.*\(0, 3, 8, 8\)"),
        (torch.zeros(3, 0, 5), r"some pixels.*\(3, 0, 5\)"),
        (torch.zeros(3, 8, 8, dtype=torch.bool), "expected uint8.*torch.bool"),
        (torch.zeros(3, 8, 8, dtype=torch.int8), "expected uint8.*torch.int8"),
        (torch.zeros(3, 8, 8, dtype=torch.int16), "expected uint8.*torch.int16"),
        (Image.new("CMYK", (3, 4)), "CMYK"),
        (3, "int"),
    ],
)
def test_faults(enhancer: Enhancer, image: object, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        enhancer(image)  # type: ignore[type-var]


def test_faults_of_network_and_options(enhancer: Enhancer) -> None:
    low = np.zeros((8, 8, 3))
    with pytest.raises(EnhanceError, match="values that are not finite$"):
        Enhancer(Constant(float("nan")), "cpu")(low)
    with pytest.raises(EnhanceError, match="not finite in float16; try the precision float32"):
        Enhancer(Constant(float("nan")), "cpu", "fp16")(low)
    broken = nn.Conv2d(3, 3, 1)
    broken.weight.data[0] = torch.nan
    with pytest.raises(EnhanceError, match="the weights hold values that are not finite, such as in weight: "):
        Enhancer(broken, "cpu", "bf16")(low)
    with pytest.raises(EnhanceError, match=r"\(1, 3, 4, 4\) of \(1, 3, 8, 8\)"):
        Enhancer(nn.AvgPool2d(2), "cpu")(low)
    with pytest.raises(ValueError, match="strength.*1.2"):
        enhancer(low, 1.2)
    with pytest.raises(ValueError, match="precision.*int8"):
        Enhancer(Constant(0), "cpu", "int8")
    with pytest.raises(ValueError, match="device: 'cuda:99' is not available"):
        Enhancer(Constant(0), "cuda:99")


def test_compiled_layers_give_the_same_pictures(enhancer: Enhancer, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_eagerly = functools.partial(torch.compile, backend="eager")  # traced for real; no minute of C++ compiling
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    network = build_network({"type": "NeRCo", "num_feat": 4, "num_block": 1, "hidden_dim": 8, "exposure": 0.4}).eval()
    counters.clear()
    compiled = Enhancer(network, device="cpu", compile_network=True)
    for size in ((20, 24), (17, 31)):
        low = torch.rand(1, 3, *size) * 0.2
        torch.testing.assert_close(compiled.enhance(low), Enhancer(network, device="cpu").enhance(low))
    assert counters["stats"]["unique_graphs"] >= 1
    assert not counters["graph_break"]
    assert network.enhance.__func__ is NeRCo.enhance  # the network itself stays as it was, for large images


@pytest.mark.parametrize("device", [torch.device("cpu"), "cpu:0", "cpu"])
def test_a_device_by_name_or_as_torch_has_it(device: str | torch.device) -> None:
    assert Enhancer(nn.Identity(), device).device.type == "cpu"

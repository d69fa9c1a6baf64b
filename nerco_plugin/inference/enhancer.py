"""Enhancer: photographs of any size, depth and channels in, the same kind out."""

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from nerco_plugin.archs.blocks.strips import LEAST_GPU_PIXELS
from nerco_plugin.inference.compiler import why_not_compile
from nerco_plugin.inference.hub import find_weights
from nerco_plugin.inference.memory import Need, available, measure
from nerco_plugin.inference.packaged import DEFAULT
from nerco_plugin.inference.photograph import Photograph, read_photograph
from nerco_plugin.inference.weights import build_network, read_weights

PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LARGE = LEAST_GPU_PIXELS  # from there, memory is looked at first, and the network runs in strips, uncompiled
ROUNDING = 1e-6  # by which floats may lie beside [0, 1]
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: what gray becomes of enhanced colours
PIL_MODES = ("L", "LA", "RGB", "RGBA", "I;16")
Picture = TypeVar("Picture", np.ndarray, Tensor, Image.Image)


class EnhanceError(RuntimeError):
    """An image that this network cannot enhance so; the message says why."""


class Enhancer:
    """A network with the contract of this package's archs, (N, 3, H, W) RGB in [0, 1] to the same, for photographs.

    Args:
        network: in evaluation mode.
        device: ``auto`` (CUDA, else Apple's MPS, else the CPU), ``cpu``, ``cuda``, ``cuda:1`` and so on, or ``mps``.
        precision: ``float32``, or ``bf16`` or ``fp16``: maps and products of that type, statistics, images and the last
            layer in float32. Networks that are not of this package run under autocast.
        compile_network: compile with ``torch.compile``; the first image of each size takes a minute or more
            then. Images above two megapixels are enhanced in strips all the same, which compiled code does not know.

    Raises:
        ValueError: an unknown precision, a device that is not there, or no compiler for ``compile_network``.

    ``enhancer(image, strength, stops)`` takes and gives back the same kind:

    ================  =========================================================================================
    kind              contract
    ================  =========================================================================================
    ``numpy.ndarray`` (H, W) gray, or (H, W, C) with C 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha; uint8, uint16,
                      or floats in [0, 1]
    ``PIL.Image``     modes L, LA, RGB, RGBA, I;16; ``info`` (profile, EXIF) is kept; no EXIF orientation is applied;
                      a colour of L or RGB that ``info`` calls transparent becomes alpha: LA or RGBA
    ``Tensor``        (C, H, W) or (N, C, H, W), C as above; uint8, or floats in [0, 1]; its device is kept
    ``str``, ``Path`` an image file, turned upright, as an array (H, W, C) of the file's depth and channels
    ================  =========================================================================================

    Floats that rounding left beside [0, 1], by a millionth at most, are clamped. Gray is the luma of the enhanced
    colours; alpha is handed through. ``strength`` from 0 (the image itself) to 1 mixes values linearly; ``stops`` of
    exposure are added to what the network chooses, before it sees the image: 1 doubles the light, -1 halves it. Raises
    ValueError for an image outside the contract and for ``stops`` of a network without ``exposure``, EnhanceError where
    the network gives no finite values or another size.
    """

    def __init__(
        self,
        network: nn.Module,
        device: str | torch.device = "auto",
        precision: str = "float32",
        compile_network: bool = False,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
        self.device = choose_device(device)
        if compile_network and self.device.type in ("cpu", "cuda") and (reason := why_not_compile(self.device.type)):
            raise ValueError(f"compile: {reason}")
        self.dtype = PRECISIONS[precision]
        self.network: nn.Module = network.to(self.device)
        self.compiled = _compiled(self.network) if compile_network else self.network
        self.needs: dict[torch.dtype, Need] = {}  # by precision, measured when the first large image comes

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path = DEFAULT,
        option_file: str | Path | None = None,
        device: str | torch.device = "auto",
        precision: str = "float32",
        compile_network: bool = False,
    ) -> "Enhancer":
        """From the packaged weights, a .safetensors, a .pth, or a name on the hub.

        See :func:`~nerco_plugin.inference.hub.find_weights` and
        :func:`~nerco_plugin.inference.weights.read_weights` for what is found where and raised.
        """
        path = find_weights(weights)
        network = build_network(read_weights(path, option_file), name=str(path))
        return cls(network, device, precision, compile_network)

    def __call__(self, image: Picture | str | Path, strength: float = 1.0, stops: float = 0.0) -> Picture | np.ndarray:
        """Enhance one image; see the class."""
        if isinstance(image, (str, Path)):
            return self.photograph(read_photograph(image, self.size_check), strength, stops).pixels
        if isinstance(image, Tensor):
            return self._tensor(image, strength, stops)
        if isinstance(image, np.ndarray):
            return self._array(image, strength, stops)
        if isinstance(image, Image.Image):
            return self._pil(image, strength, stops)
        raise ValueError(f"image: expected array, tensor, PIL image or path, got {type(image).__name__}")

    def photograph(self, photograph: Photograph, strength: float = 1.0, stops: float = 0.0) -> Photograph:
        """The photograph enhanced, with all else that its file says."""
        return replace(photograph, pixels=self._array(photograph.pixels, strength, stops))

    @property
    def exposes(self) -> bool:
        """Whether the network chooses an exposure, to which ``stops`` can be added."""
        return getattr(self.network, "exposure", None) is not None

    def check_stops(self, stops: float) -> None:
        """Raise ValueError for ``stops`` other than 0 of a network without an exposure."""
        if stops and not self.exposes:
            raise ValueError(f"stops: got {stops:g}, and the network has no exposure that could be changed")

    @torch.inference_mode()
    def enhance(self, low: Tensor, stops: float = 0.0) -> Tensor:
        """(N, 3, H, W) RGB float32 in [0, 1] on any device, to the enhanced images on this one, same shape and range.

        Raises:
            EnhanceError: an image that will not fit into memory, or a network that gives another size or values that
                are not finite.
            ValueError: ``stops`` of a network without ``exposure``.
        """
        self.check_stops(stops)
        self.check_size(*low.shape[2:])
        network = self.network if low.shape[2] * low.shape[3] >= LARGE else self.compiled
        enhanced = self._run(partial(network, stops=stops) if stops else network, low.to(self.device))
        if enhanced.shape != low.shape:
            raise EnhanceError(f"the network made {tuple(enhanced.shape)} of {tuple(low.shape)}: it is no enhancer")
        if not torch.isfinite(enhanced).all():
            raise EnhanceError(self._why_not_finite())
        return enhanced.clamp_(0, 1)

    def _run(self, network: Callable[[Tensor], Tensor], low: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        dtype = dtype or self.dtype
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            return network(low).float()

    def _why_not_finite(self) -> str:
        for name, value in self.network.state_dict().items():
            if not torch.isfinite(value).all():
                return f"the weights hold values that are not finite, such as in {name}: take earlier ones"
        remedy = "" if self.dtype == torch.float32 else f" in {_name(self.dtype)}; try the precision float32"
        return f"the network gave values that are not finite{remedy}"

    @property
    def size_check(self) -> Callable[[int, int], None] | None:
        """:meth:`check_size` where free memory is known, for reading files; elsewhere None: Pillow's limit holds."""
        return None if available(self.device) is None else self.check_size

    def check_size(self, height: int, width: int) -> None:
        """Raise EnhanceError where an image of that size will not fit into memory, before anything is computed."""
        if height * width < LARGE:
            return
        need, there = self._need(self.dtype), available(self.device)
        needed = need.of(height, width)
        if there is not None and needed > there:
            a_megapixel = need.pixel * 1e6
            remedy = ", or try the precision bf16" if self._need(torch.bfloat16).of(height, width) <= there else ""
            raise EnhanceError(
                f"{width} x {height} pixels need about {needed / 2**30:.1f} GiB ({a_megapixel / 2**30:.2f} a megapixel "
                f"in {_name(self.dtype)}, measured on small images), and {there / 2**30:.1f} GiB "
                f"are free: make it smaller{remedy}"
            )

    def _need(self, dtype: torch.dtype) -> Need:
        if dtype not in self.needs:
            self.needs[dtype] = measure(lambda image: self._run(self.network, image, dtype), self.device)
        return self.needs[dtype]

    def _pil(self, image: Image.Image, strength: float, stops: float) -> Image.Image:
        if image.mode not in PIL_MODES:
            raise ValueError(f"image: expected a PIL mode of {', '.join(PIL_MODES)}, got {image.mode}: convert it")
        info = {key: value for key, value in image.info.items() if key != "transparency"}  # no enhanced pixel has it
        if image.has_transparency_data and image.mode in ("L", "RGB"):
            image = image.convert(f"{image.mode}A")
        result = Image.fromarray(self._array(np.asarray(image), strength, stops))
        result.info = info
        return result

    def _array(self, pixels: np.ndarray, strength: float, stops: float) -> np.ndarray:
        if pixels.ndim not in (2, 3):
            raise ValueError(f"image: expected an array (H, W) or (H, W, C), got {pixels.shape}")
        scale = _scale(pixels.dtype.kind, pixels.dtype.itemsize, str(pixels.dtype))
        values = torch.from_numpy(np.ascontiguousarray(np.atleast_3d(pixels), dtype=np.float32) / np.float32(scale))
        mixed = self._mixed(values.movedim(-1, 0)[None], strength, stops)[0].movedim(0, -1).cpu().numpy()
        result = (np.rint(mixed * np.float32(scale)) if scale > 1 else mixed).astype(pixels.dtype)
        return np.ascontiguousarray(result.reshape(pixels.shape))

    def _tensor(self, image: Tensor, strength: float, stops: float) -> Tensor:
        if image.ndim not in (3, 4):
            raise ValueError(f"image: expected a tensor (C, H, W) or (N, C, H, W), got {tuple(image.shape)}")
        if image.numel() == 0:
            raise ValueError(f"image: expected some pixels, got shape {tuple(image.shape)}")
        kind = "f" if image.is_floating_point() else "u" if image.dtype == torch.uint8 else "other"
        scale = _scale(kind, image.element_size(), str(image.dtype))
        values = image.detach().float().reshape(-1, *image.shape[-3:]) / scale
        mixed = torch.cat([self._mixed(one[None], strength, stops) for one in values]) * scale
        return (mixed.round() if scale > 1 else mixed).reshape(image.shape).to(image.device, image.dtype)

    def _mixed(self, pixels: Tensor, strength: float, stops: float) -> Tensor:
        """(1, C, H, W) float32 in [0, 1], C 1 to 4, to the same with its colours enhanced to ``strength``."""
        if not 0 <= strength <= 1:
            raise ValueError(f"strength: expected 0 to 1, got {strength}")
        if pixels.shape[1] not in (1, 2, 3, 4) or pixels.numel() == 0:
            raise ValueError(f"image: expected 1 to 4 channels and some pixels, got shape {tuple(pixels.shape)}")
        if not bool(((pixels >= -ROUNDING) & (pixels <= 1 + ROUNDING)).all()):
            raise ValueError(f"image: expected floats in [0, 1], got {pixels.min():.8g} to {pixels.max():.8g}")
        pixels = pixels.to(self.device).clamp(0, 1)
        is_gray = pixels.shape[1] < 3
        colours, alpha = pixels.tensor_split([1 if is_gray else 3], dim=1)
        enhanced = self.enhance(colours.expand(-1, 3, -1, -1), stops)
        if is_gray:
            enhanced = (enhanced * enhanced.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
        return torch.cat([torch.lerp(colours, enhanced, strength), alpha], dim=1)


def _compiled(network: nn.Module) -> nn.Module:
    """The network with its layers compiled, the same parameters in it.

    NeRCo's choice of the exposure stays out: its many small steps take the compiler longer than all layers together.
    """
    from nerco_plugin.archs.nerco_arch import NeRCo  # here alone: other networks need not have it

    if not isinstance(network, NeRCo):
        return cast(nn.Module, torch.compile(network))
    compiled = copy.copy(network)
    vars(compiled)["enhance"] = torch.compile(network.enhance)
    return compiled


def choose_device(name: str | torch.device) -> torch.device:
    """``auto``, or a device by torch's name; raises ValueError where it is unknown or not there."""
    if name == "auto":
        has_mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")
    if not re.fullmatch(r"(cpu|cuda|mps|xpu)(:\d+)?", str(name)):  # not meta, which computes nothing
        raise ValueError(f"device: expected auto, cpu, cuda, cuda:1 and so on, or mps, got {str(name)!r}")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ValueError(f"device: {str(name)!r} is not available here: {str(error).splitlines()[0]}") from error


def _scale(kind: str, size: int, name: str) -> int:
    """What white is: 255, 65535, or 1 for floats; raises ValueError for other types."""
    if kind == "f":
        return 1
    if kind == "u" and size in (1, 2):
        return 255 if size == 1 else 65535
    raise ValueError(f"image: expected uint8, uint16 or floats in [0, 1], got {name}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

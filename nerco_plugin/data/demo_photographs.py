"""The demo's data: an unpaired set from the photographs that scikit-image ships, its low-light side simulated."""

from collections.abc import Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from nerco_plugin.data.camera import LowLightCamera, simulate_low_light
from nerco_plugin.data.image_io import decode_image

# Three parts that share no photograph. All of them are files of the installed package: nothing is downloaded.
HIGH = ("astronaut.png", "ihc.png", "grass.png")
LOW = ("motorcycle_left.png", "camera.png")
VALIDATION = ("chelsea.png", "coffee.png")

TILE = 256
LARGEST_STEP = 128
EXPOSURES = (0.006, 0.1)
VALIDATION_EXPOSURES = (0.06, 0.015)
SEED = 2023


def prepare_demo_data(target: str | Path) -> bool:
    """Write ``train/{low,high}``, tiles of 256 x 256, and ``val/{low,gt}``, whole photographs, under ``target``.

    The low side is photographed in the dark by :class:`LowLightCamera`, each image with its own exposure and colour,
    the same in every call. ``val/low`` shows each photograph at two exposures, ``val/gt`` as it was under both names.

    Returns:
        False where ``target`` exists: it is complete, for it is written under another name first.

    Raises:
        FileNotFoundError: scikit-image does not ship a photograph.
    """
    target = Path(target)
    if target.exists():
        return False
    part = target.with_name(target.name + ".part")
    generator = torch.Generator().manual_seed(SEED)
    for name, tile in _tiles(HIGH):
        _write(tile, part / "train" / "high" / name)
    for name, tile in _tiles(LOW):
        _write(_in_the_dark(tile, LowLightCamera(exposure=EXPOSURES), generator), part / "train" / "low" / name)
    for name, (shot, exposure) in product(VALIDATION, enumerate(VALIDATION_EXPOSURES, start=1)):
        image = _photograph(name)
        dark = _in_the_dark(image, LowLightCamera(exposure=(exposure, exposure)), generator)
        _write(image, part / "val" / "gt" / f"{Path(name).stem}_{shot}.png")
        _write(dark, part / "val" / "low" / f"{Path(name).stem}_{shot}.png")
    part.rename(target)
    return True


def _photograph(name: str) -> Tensor:
    """One of scikit-image's photographs as (3, H, W) in [0, 1]; gray becomes RGB."""
    content = (files("skimage") / "data" / name).read_bytes()
    return torch.from_numpy(decode_image(content, name)).permute(2, 0, 1)


def _tiles(names: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    """Overlapping tiles that cover each photograph evenly, with file names."""
    for name in names:
        image = _photograph(name)
        tops, lefts = (_starts(length) for length in image.shape[-2:])
        for number, (top, left) in enumerate(product(tops, lefts), start=1):
            yield f"{Path(name).stem}_{number:02d}.png", image[:, top : top + TILE, left : left + TILE]


def _starts(length: int) -> list[int]:
    """Where tiles begin along a side, from edge to edge, at most ``LARGEST_STEP`` apart."""
    steps = -(-(length - TILE) // LARGEST_STEP)
    return [round(step * (length - TILE) / steps) for step in range(steps + 1)]


def _in_the_dark(image: Tensor, camera: LowLightCamera, generator: torch.Generator) -> Tensor:
    return simulate_low_light(image[None], camera, generator)[0]


def _write(image: Tensor, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    Image.fromarray(pixels.numpy()).save(path, compress_level=1)

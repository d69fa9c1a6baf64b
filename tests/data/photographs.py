"""Small photographs, drawn instead of taken, in folders: what the data tests read."""

from pathlib import Path

import cv2
import numpy as np


def photograph(seed: int, height: int = 40, width: int = 50, brightness: float = 1.0) -> np.ndarray:
    """Smooth random colours with some grain, (height, width, 3) uint8; each seed is another scene."""
    rng = np.random.default_rng(seed)
    scene = cv2.resize(rng.random((5, 6, 3), np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.normal(scale=0.01, size=scene.shape)
    return np.clip((scene * 0.9 + 0.05 + grain) * brightness * 255, 0, 255).astype(np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    """Save RGB or gray pixels, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = cv2.imencode(path.suffix, pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    path.write_bytes(written[1].tobytes())  # imwrite cannot take every name on every system
    return path


def folder_of_photographs(folder: Path, count: int, first_seed: int = 0, **options: float) -> Path:
    """``count`` photographs named 0.png, 1.png, ..."""
    for number in range(count):
        write(folder / f"{number}.png", photograph(first_seed + number, **options))  # type: ignore[arg-type]
    return folder

"""LPIPS (Zhang et al., CVPR 2018) with AlexNet, from the optional package `lpips` and a weights file of one's own.

Nothing is ever downloaded: the package's own heads are used, the AlexNet trunk comes from the file.
"""

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray

from nerco_plugin.metrics.conventions import as_uint8, checked_pair

WEIGHTS_HELP = (
    "put torchvision's AlexNet weights (alexnet-owt-7be5be79.pth from download.pytorch.org/models) on disk and name the"
    " file: `weights:` under the metric in the YAML, `--lpips-weights` on the command line"
)


@lru_cache(maxsize=1)
def build_lpips(weights: str) -> torch.nn.Module:
    """LPIPS v0.1 with the AlexNet trunk read from ``weights``, a state_dict of torchvision's AlexNet.

    Raises:
        ImportError: the package `lpips` is not installed.
        FileNotFoundError, ValueError: no such file, or one with other keys.
    """
    try:
        import lpips
    except ImportError as error:
        raise ImportError("LPIPS is an extra: pip install lpips") from error
    if not Path(weights).is_file():
        raise FileNotFoundError(f"no LPIPS weights at {weights!r}: {WEIGHTS_HELP}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the package uses torchvision's older arguments
        model = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    trunk = torch.load(weights, map_location="cpu", weights_only=True)
    wanted = {key: f"features.{key.split('.', 1)[1]}" for key in model.net.state_dict()}  # slice1.0.weight
    if missing := [name for name in wanted.values() if name not in trunk]:
        raise ValueError(f"{weights} lacks {', '.join(missing)}: {WEIGHTS_HELP}")
    model.net.load_state_dict({key: trunk[name] for key, name in wanted.items()})
    return model.eval().requires_grad_(False)


def lpips_distance(image: NDArray[np.uint8], truth: NDArray[np.uint8], weights: str) -> float:
    """LPIPS of two (H, W, 3) BGR uint8 images; 0 for equal ones, lower is better."""
    model = build_lpips(weights)
    first, second = (torch.from_numpy(x[..., ::-1].copy()).permute(2, 0, 1)[None] / 127.5 - 1 for x in (image, truth))
    return float(model(first, second))


@METRIC_REGISTRY.register()
def calculate_lpips(
    img: NDArray[np.uint8],
    img2: NDArray[np.uint8],
    weights: str,
    crop_border: int = 0,
    input_order: str = "HWC",
    lq: NDArray[np.uint8] | None = None,
    better: str = "lower",
) -> float:
    """LPIPS of ``img`` against the truth ``img2``, (H, W, 3) or (3, H, W), BGR uint8; see :func:`build_lpips`.

    Args:
        weights: file with the AlexNet trunk, a state_dict of torchvision's.
    """
    del lq, better
    image, truth = checked_pair(img, img2, "img2", crop_border=crop_border, input_order=input_order)
    return lpips_distance(as_uint8(image), as_uint8(truth, name="img2"), weights=weights)

"""How a photograph of any size becomes a square training image: resizing, enlarging to fit, cropping."""

from torch import Tensor
from torch.nn import functional as F


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Resize (3, H, W) in [0, 1] with an antialiased bicubic filter, clamped to [0, 1]; the same size is left as is."""
    if tuple(image.shape[-2:]) == (height, width):
        return image
    resized = F.interpolate(image[None], size=(height, width), mode="bicubic", antialias=True, align_corners=False)
    return resized[0].clamp(0, 1)


def enlarge_to_fit(image: Tensor, size: int) -> Tensor:
    """Enlarge (3, H, W), keeping its aspect ratio, so that both sides are at least ``size``; larger ones are left."""
    height, width = image.shape[-2:]
    scale = size / min(height, width)
    if scale <= 1:
        return image
    return resize(image, height=max(size, round(height * scale)), width=max(size, round(width * scale)))


def crop(image: Tensor, size: int, top: float, left: float) -> Tensor:
    """Cut size x size out of (3, H, W); ``top`` and ``left`` in [0, 1) go from the first possible place to the last."""
    height, width = image.shape[-2:]
    y = int(top * (height - size + 1))
    x = int(left * (width - size + 1))
    return image[:, y : y + size, x : x + size]

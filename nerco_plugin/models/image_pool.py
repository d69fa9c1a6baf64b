"""A history of generated images (Shrivastava et al. 2017), so that discriminators do not only see the newest ones."""

import torch
from basicsr.utils import get_root_logger
from torch import Tensor


class ImagePool:
    """Hands out each image it is given, or, half the time once it is full, an older one in exchange.

    It stands before discriminators only: what it returns carries no gradient.

    Args:
        size: images kept (released: 50); 0 hands every image straight through.

    Raises:
        ValueError: ``size`` is negative.
    """

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"image_pool_size must not be negative, got {size}")
        self.size = size
        self.images: list[Tensor] = []

    def query(self, batch: Tensor) -> Tensor:
        """(N, C, H, W) to as many images, each new or old; images of another size leave the pool."""
        if self.images and self.images[0].shape != batch.shape[1:]:
            sizes = (f"{image.shape[-1]} x {image.shape[-2]}" for image in (self.images[0], batch))
            get_root_logger().warning(f"{len(self.images)} pooled images are dropped: {' -> '.join(sizes)} pixels.")
            self.images.clear()
        return torch.empty_like(batch).copy_(torch.stack([self._exchange(image) for image in batch.detach()]))

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())
            return image
        if self.size == 0 or torch.rand(()) < 0.5:
            return image
        place = int(torch.randint(self.size, ()))
        older, self.images[place] = self.images[place], image.clone()
        return older

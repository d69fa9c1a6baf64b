"""Images of any size from Pillow, where somebody else knows how much memory there is."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from PIL import Image

_LOCK = RLock()


@contextmanager
def any_size() -> Iterator[None]:
    """Without Pillow's limit of 179 megapixels and its warnings; both are global, so one thread after the other."""
    with _LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit

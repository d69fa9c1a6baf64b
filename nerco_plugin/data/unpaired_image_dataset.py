"""UnpairedImageDataset: low-light photographs and unrelated normal-light ones, for training without pairs (Sec. 4)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, SupportsIndex

import msgspec
import numpy as np
import torch
from basicsr.utils.registry import DATASET_REGISTRY
from torch import Tensor
from torch.utils.data import Dataset

from nerco_plugin.data.image_source import ImageSource
from nerco_plugin.data.resize import crop, enlarge_to_fit, resize
from nerco_plugin.data.seeding import sample_rng, split_index


class IoBackend(msgspec.Struct, frozen=True):
    """Where the files of both sides lie.

    Attributes:
        type: ``disk`` or ``lmdb``.
    """

    type: Literal["disk", "lmdb"] = "disk"


class UnpairedImageOptions(msgspec.Struct, kw_only=True):
    """The options of :class:`UnpairedImageDataset` with their types and defaults; its docstring says what they do."""

    name: str = "UnpairedImageDataset"
    dataroot_low: str
    dataroot_high: str
    meta_info_low: str | None = None
    meta_info_high: str | None = None
    io_backend: IoBackend = IoBackend()
    size: Annotated[int, msgspec.Meta(ge=1)] = 256
    resize_mode: Literal["resize", "crop", "resize_crop"] = "resize"
    load_size: int = 286
    use_hflip: bool = True
    use_rot: bool = False
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    phase: str = "train"

    def __post_init__(self) -> None:
        if self.phase != "train":
            raise ValueError(
                f"phase must be train, got '{self.phase}': an unrelated photograph is no truth; validate with "
                "BasicSR's PairedImageDataset (lq, gt) or SingleImageDataset (lq)"
            )
        if self.resize_mode == "resize_crop" and self.load_size < self.size:
            raise ValueError(f"load_size must be at least size = {self.size}, got {self.load_size}")


@DATASET_REGISTRY.register()
class UnpairedImageDataset(Dataset[dict[str, Any]]):
    """Low-light photographs, each with a normal-light photograph drawn at random: unpaired training data.

    A sample is ``{low, high, low_path, high_path}``, the images contiguous float32 (3, size, size), RGB in [0, 1].
    The two sides may differ in number, sizes and formats. There are as many samples as low-light photographs; the
    normal-light one is drawn independently of the low-light one.

    A sample is a pure function of (``seed``, epoch, index). The epoch comes with the index, which may exceed the
    length: ``index = epoch * len(dataset) + i``, as :class:`ResumableSampler` yields it. So a sample is the same from
    a folder and from an LMDB of it, in any worker process, and after a resume, and a fresh one in every epoch.

    Other samplers (``DataLoader(shuffle=True)``, BasicSR's ``EnlargedSampler``) know epoch 0 alone: under them every
    epoch repeats its pairs, crops and flips, in another order.

    Args:
        opt: options; the keys are

            - ``dataroot_low``, ``dataroot_high``: folders, read with their subfolders, or ``*.lmdb``
            - ``meta_info_low``, ``meta_info_high``: files that list the images to take, BasicSR's format (optional)
            - ``io_backend``: ``{type: disk}`` (default) or ``{type: lmdb}``, for both sides
            - ``size``: side of the training images (256, the paper's)
            - ``resize_mode``: ``resize`` to size x size whatever the aspect ratio (default, the paper's); ``crop``,
              a random size x size piece, smaller photographs being enlarged to fit; ``resize_crop``, resized to
              load_size x load_size, then a random piece
            - ``load_size``: for ``resize_crop`` only, at least ``size`` (286)
            - ``use_hflip``: flip left to right half of the time, each side on its own (default true)
            - ``use_rot``: also flip upside down and transpose, each half of the time (default false)
            - ``seed``: the engine puts ``manual_seed`` here
            - ``phase``: ``train``; there is no truth to validate against

    Raises:
        ValueError: an option of a wrong type or value, with its key, or a folder without images.
        FileNotFoundError, NotADirectoryError: a data root or meta-info file is absent.
    """

    OPTIONS = UnpairedImageOptions

    def __init__(self, opt: dict[str, Any]) -> None:
        self.opt = opt
        self.options = _checked(opt)
        self.low = self._open("low")
        self.high = self._open("high")

    def __len__(self) -> int:
        return len(self.low)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """One epoch; without it Python would ask for ever higher indices, all of which exist."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]:
        epoch, low_index = split_index(index, len(self))
        rng = sample_rng(self.options.seed, epoch, low_index)
        high_index = int(rng.integers(len(self.high)))
        return {
            "low": self._image(self.low, low_index, rng),
            "high": self._image(self.high, high_index, rng),
            "low_path": self.low.path(low_index),
            "high_path": self.high.path(high_index),
        }

    def _open(self, side: str) -> ImageSource:
        dataroot, meta_info = getattr(self.options, f"dataroot_{side}"), getattr(self.options, f"meta_info_{side}")
        try:
            return ImageSource(dataroot, self.options.io_backend.type, meta_info)
        except (OSError, ValueError) as error:
            raise type(error)(f"dataroot_{side} of data set '{self.options.name}': {error}") from error

    def _image(self, source: ImageSource, index: int, rng: np.random.Generator) -> Tensor:
        """Read one photograph, placed and flipped by five draws whatever the options, so that they vary one by one."""
        top, left, *coins = rng.random(5)
        hflip, vflip, transpose = (coin < 0.5 for coin in coins)
        image = torch.from_numpy(source.read(index)).permute(2, 0, 1)
        if self.options.resize_mode == "resize":
            image = resize(image, height=self.options.size, width=self.options.size)
        elif self.options.resize_mode == "crop":
            image = crop(enlarge_to_fit(image, self.options.size), self.options.size, top, left)
        else:
            image = crop(resize(image, self.options.load_size, self.options.load_size), self.options.size, top, left)
        if self.options.use_hflip and hflip:
            image = image.flip(2)
        if self.options.use_rot and vflip:
            image = image.flip(1)
        if self.options.use_rot and transpose:
            image = image.transpose(1, 2)
        return image.contiguous()


def _checked(opt: dict[str, Any]) -> UnpairedImageOptions:
    """Types and values of the options; keys of BasicSR's loader beside them are not this class's business."""
    where = f"options of data set '{opt.get('name')}'"
    try:
        return msgspec.convert(opt, UnpairedImageOptions)
    except msgspec.ValidationError as error:
        choices = "resize_mode: resize, crop or resize_crop; io_backend.type: disk or lmdb"
        raise ValueError(f"{where}: {error}{f' ({choices})' if 'enum' in str(error) else ''}") from error

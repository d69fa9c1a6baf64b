"""Unpaired photographs for training, in BasicSR's DATASET_REGISTRY, imported when they are asked for."""

from typing import TYPE_CHECKING

from nerco_plugin.registry import face

if TYPE_CHECKING:
    from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset

__all__ = ["UnpairedImageDataset"]

__getattr__, __dir__ = face("data", __all__)

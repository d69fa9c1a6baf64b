"""The unpaired-GAN model class in BasicSR's MODEL_REGISTRY, imported when it is asked for."""

from typing import TYPE_CHECKING

from nerco_plugin.registry import face

if TYPE_CHECKING:
    from nerco_plugin.models.nerco_model import NeRCoModel

__all__ = ["NeRCoModel"]

__getattr__, __dir__ = face("models", __all__)

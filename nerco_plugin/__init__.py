"""NeRCo (ICCV 2023) as a plugin for BasicSR: importing it has BasicSR's registries filled, and does nothing else."""

from typing import TYPE_CHECKING, Any

from nerco_plugin import archs, compat, data, losses, metrics, models
from nerco_plugin.registry import prepare_registries

if TYPE_CHECKING:
    from nerco_plugin.inference.enhancer import Enhancer

__version__ = "0.1.0"

__all__ = ["Enhancer", "archs", "compat", "data", "losses", "metrics", "models"]

compat.restore_functional_tensor()
prepare_registries()


def __getattr__(name: str) -> Any:
    """``nerco_plugin.Enhancer``, imported when it is asked for: training does without."""
    if name == "Enhancer":
        from nerco_plugin.inference.enhancer import Enhancer

        return Enhancer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

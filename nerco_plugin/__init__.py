"""NeRCo (ICCV 2023) as a plugin for BasicSR: importing it fills BasicSR's registries, and does nothing else."""

from nerco_plugin import compat  # isort: skip  # before anything that imports basicsr
from nerco_plugin import archs, data, losses, metrics, models

__version__ = "0.1.0"

__all__ = ["archs", "compat", "data", "losses", "metrics", "models"]

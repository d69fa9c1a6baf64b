"""Unpaired photographs for training, in BasicSR's DATASET_REGISTRY."""

from nerco_plugin.registry import import_registered

import_registered(__name__, __path__, "_dataset")

"""The unpaired-GAN model class in BasicSR's MODEL_REGISTRY."""

from nerco_plugin.registry import import_registered

import_registered(__name__, __path__, "_model")

"""The paper's objectives in BasicSR's LOSS_REGISTRY."""

from nerco_plugin.registry import import_registered

import_registered(__name__, __path__, "_loss")

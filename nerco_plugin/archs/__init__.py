"""What the paper draws: networks in BasicSR's ARCH_REGISTRY."""

from nerco_plugin.registry import import_registered

import_registered(__name__, __path__, "_arch")

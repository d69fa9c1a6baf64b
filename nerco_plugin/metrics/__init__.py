"""The scores of the paper's Table 1, in BasicSR's METRIC_REGISTRY."""

from nerco_plugin.registry import import_registered

import_registered(__name__, __path__, "_metric")

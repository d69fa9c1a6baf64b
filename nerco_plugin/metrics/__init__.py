"""The scores of the paper's Table 1, in BasicSR's METRIC_REGISTRY."""

"""The paper's objectives in BasicSR's LOSS_REGISTRY."""

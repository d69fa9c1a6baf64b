"""What the paper draws: networks in BasicSR's ARCH_REGISTRY."""

"""Unpaired photographs for training, in BasicSR's DATASET_REGISTRY."""

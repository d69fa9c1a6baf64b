"""The unpaired-GAN model class in BasicSR's MODEL_REGISTRY."""

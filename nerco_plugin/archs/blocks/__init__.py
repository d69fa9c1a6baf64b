"""Plain torch modules: no registry, no options, no logger; usable in any network."""

from nerco_plugin.archs.blocks.attention import ChannelAttention, SpatialAttention
from nerco_plugin.archs.blocks.edges import high_pass
from nerco_plugin.archs.blocks.implicit import ImplicitMLP, pixel_centres, positional_encoding
from nerco_plugin.archs.blocks.resnet import ImageHead, ResnetBlock, ResnetTrunk, Upsample, at_any_size

__all__ = [
    "ChannelAttention",
    "ImageHead",
    "ImplicitMLP",
    "ResnetBlock",
    "ResnetTrunk",
    "SpatialAttention",
    "Upsample",
    "at_any_size",
    "high_pass",
    "pixel_centres",
    "positional_encoding",
]

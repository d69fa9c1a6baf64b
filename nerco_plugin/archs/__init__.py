"""What the paper draws: networks in BasicSR's ARCH_REGISTRY, imported when they are asked for."""

from typing import TYPE_CHECKING

from nerco_plugin.registry import face

if TYPE_CHECKING:
    from nerco_plugin.archs.attended_arch import AttendedNetwork
    from nerco_plugin.archs.cam_arch import CAM, MaskExtractor
    from nerco_plugin.archs.composed_arch import ComposedNetwork
    from nerco_plugin.archs.discriminator_arch import ColorDiscriminator, EdgeDiscriminator
    from nerco_plugin.archs.generator_arch import ResnetGenerator
    from nerco_plugin.archs.nerco_arch import NeRCo
    from nerco_plugin.archs.nrn_arch import NRN

__all__ = [
    "AttendedNetwork",
    "CAM",
    "ColorDiscriminator",
    "ComposedNetwork",
    "EdgeDiscriminator",
    "MaskExtractor",
    "NRN",
    "NeRCo",
    "ResnetGenerator",
]

__getattr__, __dir__ = face("archs", __all__)

"""The paper's objectives in BasicSR's LOSS_REGISTRY, imported when they are asked for."""

from typing import TYPE_CHECKING

from nerco_plugin.registry import face

if TYPE_CHECKING:
    from nerco_plugin.losses.clip_loss import CLIPCosineLoss
    from nerco_plugin.losses.clip_perceptual_loss import CLIPPerceptualLoss
    from nerco_plugin.losses.cooperative_loss import CooperativeLoss
    from nerco_plugin.losses.cycle_loss import CycleConsistencyLoss
    from nerco_plugin.losses.identity_loss import IdentityLoss
    from nerco_plugin.losses.normalization_loss import NRLoss
    from nerco_plugin.losses.ssim_loss import SSIMLoss

__all__ = [
    "CLIPCosineLoss",
    "CLIPPerceptualLoss",
    "CooperativeLoss",
    "CycleConsistencyLoss",
    "IdentityLoss",
    "NRLoss",
    "SSIMLoss",
]

__getattr__, __dir__ = face("losses", __all__)

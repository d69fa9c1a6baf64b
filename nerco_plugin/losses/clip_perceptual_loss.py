"""CLIPCosineLoss (Eq. 4-6) where BasicSR's models have their perceptual loss: on enhanced images alone."""

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.losses.clip_loss import CLIPCosineLoss, clipped


@LOSS_REGISTRY.register()
class CLIPPerceptualLoss(CLIPCosineLoss):
    """The high-light term (Eq. 5) as ``train: perceptual_opt`` of SRModel, SRGANModel and ESRGANModel.

    They give a perceptual loss the prediction and its truth, and take (perceptual term, style term) from it. The
    arguments are :class:`CLIPCosineLoss`'s.
    """

    def forward(self, predicted: Tensor, truth: Tensor | None = None) -> tuple[Tensor, None]:  # type: ignore[override]
        """Enhanced images (N, 3, H, W) RGB about [0, 1], clipped to it; the truth is not looked at. (Term, None).

        Raises:
            TypeError, ValueError: as :meth:`CLIPCosineLoss.forward`, but for the range: these models' networks are not
                bounded, and begin anywhere. What lies outside is drawn back.
        """
        return super().forward(low=None, high=clipped(predicted)).high, None

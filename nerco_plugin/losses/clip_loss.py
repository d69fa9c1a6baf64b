"""The text-driven part of the discriminator (Sec. 3.3, Eq. 4-6): predicted images move towards their prompt in CLIP."""

from typing import NamedTuple

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.losses.base import WeightedLoss
from nerco_plugin.losses.clip_encoder import FrozenClip, load_clip

OVERSHOOT = 0.5  # may lie outside [0, 1], from a resize or an unbounded network; dark images in [-1, 1] go beyond


class ClipTerms(NamedTuple):
    """Eq. 6 and Eq. 5, weighted scalars; 0 for a side without images."""

    low: Tensor
    high: Tensor


def cosine_difference(image_vectors: Tensor, toward: Tensor, away: Tensor) -> Tensor:
    """``D_cos(I, away) - D_cos(I, toward)`` (Eq. 4-6), a scalar in [-2, 2].

    Args:
        image_vectors: Enc_i(I), (N, D), of any length; the result is the mean over N.
        toward: Enc_t of the prompt that describes the images, (D,).
        away: Enc_t of the other prompt, (D,).

    Raises:
        ValueError: wrong dimensions.
    """
    if image_vectors.dim() != 2:
        raise ValueError(f"image_vectors: expected shape (N, D), got {(*image_vectors.shape,)}")
    for name, vector in (("toward", toward), ("away", away)):
        if vector.shape != image_vectors.shape[1:]:
            raise ValueError(f"{name}: expected shape {(*image_vectors.shape[1:],)}, got {(*vector.shape,)}")
    similar, opposite = (F.cosine_similarity(image_vectors, text, dim=1) for text in (toward, away))
    return (opposite - similar).mean()


def _check_image(name: str, image: Tensor, look: bool) -> None:
    if not image.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got {image.dtype}")
    if image.dim() != 4 or image.shape[1] != 3:
        raise ValueError(f"{name}: expected RGB images (N, 3, H, W), got shape {(*image.shape,)}")
    if not look or image.numel() == 0:
        return
    darkest, brightest = (bound.item() for bound in image.detach().aminmax())
    if darkest < -OVERSHOOT or brightest > 1 + OVERSHOOT:
        raise ValueError(f"{name}: expected values in [0, 1], got {darkest:.3g} to {brightest:.3g}")


def clipped(image: Tensor) -> Tensor:
    """Values in [0, 1], with the gradient as if they had not been clipped: it draws back what lies outside."""
    return image + (image.clamp(0, 1) - image).detach()


@LOSS_REGISTRY.register()
class CLIPCosineLoss(WeightedLoss):
    """Cosine difference of predicted images to the two prompts in a frozen CLIP (Eq. 5-6).

    CLIP is loaded by :meth:`prepare`, never at import or construction. It is no submodule: not in any state_dict or
    parameters(), always in eval mode and float32, and it follows the images to their device. A pickled or copied loss
    leaves it out and loads it again.

    Args:
        loss_weight: factor of both terms. The paper has none; the released code takes 0.5.
        model: architecture, a name in ``open_clip.list_models()``. The paper's vectors of 512 numbers are ViT-B-32's.
        pretrained: a tag of open_clip (downloaded once), or a folder with ``open_clip_config.json`` and weights (then
            ``model`` is not read), or a file with weights (.safetensors, .bin, .pt). Random weights are refused.
        prompt_low: T_L.
        prompt_high: T_H.
        quick_gelu: only for a file whose architecture exists with two activations: true for OpenAI's weights.
        cycled: also judge the images that come back through the loop; Eq. 7 has the generators' first ones alone. Read
            by the model.

    Raises:
        ValueError: negative ``loss_weight``, or no ``pretrained``.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        model: str = "ViT-B-32",
        pretrained: str = "openai",
        prompt_low: str = "low-light image",
        prompt_high: str = "high-light image",
        quick_gelu: bool | None = None,
        cycled: bool = True,
    ) -> None:
        super().__init__(loss_weight)
        if not pretrained:
            raise ValueError(f"pretrained: expected a tag, a folder or a file, got {pretrained!r}: no random weights")
        self.model = model
        self.pretrained = pretrained
        self.prompts = (prompt_low, prompt_high)
        self.quick_gelu = quick_gelu
        self.cycled = cycled
        self._clip: FrozenClip | None = None
        self._looked_at: set[str] = set()  # sides whose range was checked

    def prepare(self) -> FrozenClip:
        """Load CLIP and encode the prompts, once. To be called before training starts, so that errors come early.

        Raises:
            ClipWeightsMissingError: the weights are not here; the message says what to put where.
            RuntimeError: they cannot be read.
            ValueError: wrong ``model`` or ``quick_gelu``.
        """
        if self._clip is None:
            self._clip = load_clip(self.model, self.pretrained, self.prompts, self.quick_gelu)
        return self._clip

    def forward(self, low: Tensor | None, high: Tensor | None) -> ClipTerms:
        """Predicted low-light and predicted high-light images, each (N, 3, H, W) RGB about [0, 1] or None.

        They are clipped to [0, 1]. Sizes and batches may differ. Each term is the mean over its images; all are encoded
        in one batch.

        Raises:
            TypeError: an image is not floating-point.
            ValueError: no image at all, or one with a wrong shape; or a wrong range in the first call, as looking at
                values waits for the device.
        """
        images = {name: image for name, image in (("low", low), ("high", high)) if image is not None}
        if not images:
            raise ValueError("low, high: expected images on at least one side, got None for both")
        for name, image in images.items():
            _check_image(name, image, look=name not in self._looked_at)
            if len(image):
                self._looked_at.add(name)
        clip = self.prepare()
        clip.to(next(iter(images.values())).device)
        counts = [len(images.get(name, ())) for name in ("low", "high")]
        low_vectors, high_vectors = clip.encode([clipped(image) for image in images.values()]).split(counts)
        text_low, text_high = clip.text_vectors
        return ClipTerms(
            low=self._term(low_vectors, toward=text_low, away=text_high),
            high=self._term(high_vectors, toward=text_high, away=text_low),
        )

    def _term(self, image_vectors: Tensor, toward: Tensor, away: Tensor) -> Tensor:
        if len(image_vectors) == 0:
            return image_vectors.new_zeros(())
        return self.loss_weight * cosine_difference(image_vectors, toward=toward, away=away)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_clip": None}

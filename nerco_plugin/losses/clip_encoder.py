"""CLIP as NeRCo needs it (Sec. 3.3): a frozen image encoder and the vectors of two prompts, outside any nn.Module."""

from collections.abc import Sequence
from dataclasses import dataclass
from pickle import UnpicklingError

import torch
from basicsr.utils import get_root_logger
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.losses.clip_weights import find_clip

# what open_clip, torch and safetensors raise on a damaged file, another model's weights or a wrong config
UNREADABLE = (RuntimeError, OSError, EOFError, AttributeError, TypeError, LookupError, UnpicklingError, SafetensorError)


@dataclass(eq=False)
class FrozenClip:
    """Enc_i, and Enc_t of the prompts; float32, in eval mode, without gradients of its own.

    Not an nn.Module, so that no parent lists, saves, trains or casts it.
    """

    encoder: nn.Module
    text_vectors: Tensor  # (number of prompts, D)
    mean: Tensor  # (3, 1, 1), of the data that CLIP was trained on
    std: Tensor
    size: int | tuple[int, int]  # pixels

    @torch.inference_mode(False)
    def to(self, device: torch.device) -> None:
        """Move everything to ``device``; free where it is there already."""
        if self.text_vectors.device != device:
            self.encoder.to(device)
            self.text_vectors = self.text_vectors.to(device)
            self.mean, self.std = self.mean.to(device), self.std.to(device)

    def encode(self, images: Sequence[Tensor]) -> Tensor:
        """Vectors (sum of N, D) of batches (N, 3, H, W) of RGB images in [0, 1], of any sizes, in one pass.

        Note: a photograph that is not square is squeezed to CLIP's input, where CLIP's own preparation cuts the
        sides off, so that every pixel gets a gradient.
        """
        with torch.autocast(self.text_vectors.device.type, enabled=False):
            prepared = torch.cat([self._prepare(image) for image in images])
            return self.encoder(prepared) if len(prepared) else self.text_vectors[:0]

    def _prepare(self, image: Tensor) -> Tensor:
        resized = F.interpolate(image.to(self.mean.dtype), size=self.size, mode="bicubic", antialias=True)
        return (resized - self.mean) / self.std


@torch.inference_mode(False)  # what is made in it could not take part in training afterwards
def load_clip(model: str, pretrained: str, prompts: Sequence[str], quick_gelu: bool | None) -> FrozenClip:
    """Build CLIP from weights (see :func:`find_clip`), encode ``prompts``, and drop the text encoder.

    Raises:
        ClipWeightsMissingError, ValueError: as :func:`find_clip`.
        RuntimeError: the weights cannot be read, or are another model's.
    """
    import open_clip

    source = find_clip(model, pretrained, quick_gelu)
    where = source.file or source.name
    try:
        clip = open_clip.create_model(
            source.name,
            pretrained=source.file,
            force_quick_gelu=source.quick_gelu,
            force_preprocess_cfg=source.preprocess,
            require_pretrained=True,
        )
    except UNREADABLE as error:
        raise RuntimeError(f"pretrained: {where} cannot be read as weights of {model}: {error}") from error
    if isinstance(clip, open_clip.CoCa):
        raise ValueError(f"model: expected a CLIP model, {model!r} is a captioning model (CoCa)")
    clip.eval().requires_grad_(False)
    with torch.no_grad():
        vectors = clip.encode_text(open_clip.get_tokenizer(source.name)(list(prompts)))
    get_root_logger().info(f"CLIP loaded from {where}.")
    config = open_clip.get_model_preprocess_cfg(clip)
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    return FrozenClip(encoder=clip.visual, text_vectors=vectors, mean=mean, std=std, size=config["size"])

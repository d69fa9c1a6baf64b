"""A small random CLIP on disk, in the hub's folder layout, so that tests go through the real loading path."""

import json
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
SIZE = 32
MODEL = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
}


def save_tiny_clip(folder: Path) -> Path:
    """Write config and random weights to ``folder``, which ``CLIPCosineLoss(pretrained=...)`` reads; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    clip = open_clip.CLIP(**MODEL)
    with torch.no_grad():
        clip.token_embedding.weight.mul_(50)  # as it is made, all prompts are nearly the same vector
    config = {"model_cfg": MODEL, "preprocess_cfg": {"mean": MEAN, "std": STD}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(clip.state_dict(), folder / "open_clip_model.safetensors")
    return folder

"""Checks that CLIP's weights are on this machine, or come, before a run starts that needs them."""

from typing import Any

from basicsr.utils.registry import LOSS_REGISTRY

from nerco_plugin.engine.options_parts import registered
from nerco_plugin.engine.options_signature import signature_of
from nerco_plugin.engine.options_source import Faults
from nerco_plugin.losses.clip_loss import CLIPCosineLoss
from nerco_plugin.losses.clip_weights import find_clip


def check_clip(opt: dict[str, Any], faults: Faults) -> None:
    """Every CLIPCosineLoss under ``train``, by whatever name, must find its weights; a tag's are downloaded here."""
    defaults = signature_of(CLIPCosineLoss).arguments
    for key, block in (opt.get("train") or {}).items():
        name = block.get("type") if isinstance(block, dict) else None
        cls = registered(LOSS_REGISTRY, str(name))
        if not isinstance(cls, type) or not issubclass(cls, CLIPCosineLoss):
            continue
        model, pretrained, quick_gelu = (
            block.get(option, defaults[option].default) for option in ("model", "pretrained", "quick_gelu")
        )
        try:
            find_clip(model, pretrained, quick_gelu)
        except (OSError, ValueError) as error:
            faults.add(("train", key), f"{name}: {error}")

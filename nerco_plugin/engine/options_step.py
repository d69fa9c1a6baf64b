"""Tries the parts of NeRCoModel together, as its step will call them: what is sound by itself may not fit its place.

Losses are called on a picture of the training size, networks on its shape alone.
"""

import inspect
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from basicsr.utils.registry import ARCH_REGISTRY, LOSS_REGISTRY
from torch import Tensor

from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.engine.options_parts import HEAVY, REFUSALS, build, registered
from nerco_plugin.engine.options_source import Faults
from nerco_plugin.losses.clip_loss import CLIPCosineLoss


def check_step(opt: dict[str, Any], faults: Faults) -> None:
    """Add the faults of losses that their place cannot call, and of networks that do not fit the training images."""
    side = _side(opt["datasets"]["train"])
    picture = torch.linspace(0, 1, 3 * (side or 256) ** 2).view(1, 3, side or 256, side or 256)
    for name, call in _TERMS.items():
        if block := opt["train"].get(name):
            _check_term(name, block, call, picture, faults)
    if not issubclass(registered(ARCH_REGISTRY, opt["network_g"]["type"]), NeRCo):
        text = f"{opt['network_g']['type']} is no NeRCo, whose parts NeRCoModel trains; it may be its generator"
        faults.add(
            ("network_g",), f"{text}: network_g: {{type: NeRCo, generator: {{type: {opt['network_g']['type']}}}}}"
        )
    elif side:
        _check_image("network_g", opt, lambda network, image: network.enhance(image).enhanced, side, faults)
        _check_image("network_degrade", opt, lambda network, image: network(image), side, faults)
        for name in [name for name in opt if name.startswith("network_d_")]:
            _check_run(name, opt, lambda network, image: network(image).float(), side, faults)


# losses -----------------------------------------------------------------------------------------------------------


def _check_term(
    name: str, block: dict[str, Any], call: Callable[[Any, Tensor], Any], picture: Tensor, faults: Faults
) -> None:
    arguments = deepcopy(block)
    kind = arguments.pop("type")
    cls = registered(LOSS_REGISTRY, kind)
    try:
        if (kind in HEAVY or issubclass(cls, CLIPCosineLoss)) and name != "clip_opt":
            raise TypeError("it looks at features of a network")
        for term in call(cls(**arguments), picture):
            if not isinstance(term, Tensor) or term.numel() != 1:
                raise TypeError(f"a term is one number, it gives {type(term).__name__}")
    except REFUSALS as error:
        faults.add(("train", name), f"{kind} cannot be this term: {_line(error)}")


def _two_images(loss: Any, image: Tensor) -> Any:
    return [loss(image, image)]


def _four_images(loss: Any, image: Tensor) -> Any:
    low, high = loss(image, image, image, image)
    return low, high


def _gan(loss: Any, image: Tensor) -> Any:
    return [loss(image, True, is_disc=False), loss(image, False, is_disc=True)]


def _cooperative(loss: Any, image: Tensor) -> Any:
    names = ("low", "high", "enhanced", "degraded", "lightness_mask", "degraded_mask", "restored")
    rec1, rec2, insp = loss(**dict.fromkeys(names, image), inspections=[image] if loss.inspect else [])
    return rec1, rec2, insp, torch.tensor([loss.inspect and loss.inspect_edges and loss.loss_weight])  # all are read


def _clip(loss: Any, image: Tensor) -> Any:
    inspect.signature(loss.forward).bind(low=image, high=image)  # it is not called: that takes CLIP
    if not hasattr(loss, "prepare") or not hasattr(loss, "cycled"):
        raise TypeError("CLIPCosineLoss can")
    return []


_TERMS: dict[str, Callable[[Any, Tensor], Any]] = {
    "nr_opt": _two_images,
    "ssim_opt": _two_images,
    "cycle_opt": _four_images,
    "identity_opt": _four_images,
    "gan_opt": _gan,
    "gan_edge_opt": _gan,
    "gan_normalized_opt": _gan,
    "cooperative_opt": _cooperative,
    "clip_opt": _clip,
}


# networks ---------------------------------------------------------------------------------------------------------


def _side(block: dict[str, Any]) -> int | None:
    """Pixels along a side of the training images; None where their class does not tell."""
    return block.get("size", 256 if block["type"] == "UnpairedImageDataset" else None)


def _check_image(name: str, opt: dict[str, Any], run: Callable[[Any, Tensor], Any], side: int, faults: Faults) -> None:
    """A generator must give an image of its input's size."""
    result = _check_run(name, opt, run, side, faults)
    if result is not None and result.shape[1:] != (3, side, side):
        text = f"{opt[name]['type']} makes {(*result.shape[1:],)} of (3, {side}, {side}), and the loops need the same"
        faults.add((name,), text)


def _check_run(name: str, opt: dict[str, Any], run: Callable[[Any, Tensor], Any], side: int, faults: Faults) -> Any:
    """What a network gives for an image of the training size; a fault and None where it refuses such an image."""
    for device in ("meta", "cpu"):  # the second for networks that look at values
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                return run(build(opt[name], device).train(), torch.zeros(2, 3, side, side, device=device))
        except REFUSALS as error:
            said = _line(error)
    faults.add((name,), f"{opt[name]['type']} does not take the training images of {side} x {side}: {said}")
    return None


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]

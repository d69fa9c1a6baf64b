"""What the networks of a run cost: parameters, and multiply-adds as mmengine's analysis counts them."""

import logging
from typing import Any, NamedTuple

import torch
from torch import nn

from nerco_plugin.engine.options_parts import build

SMALL_SIDE = 64  # a first count that is cheap; multiply-adds grow with the pixels
CHEAP = 5e9  # what may be counted by a run at full size: a second or less


class NetworkCost(NamedTuple):
    """One network; ``flops`` are multiply-adds for one image of ``side`` x ``side``, None where they cannot be told."""

    name: str
    kind: str
    parameters: int
    side: int
    flops: float | None


def network_costs(opt: dict[str, Any]) -> list[NetworkCost]:
    """The cost of every network of ``opt``, on the size that it trains on."""
    alike: dict[str, NetworkCost] = {}  # discriminators often are
    costs = []
    for name in [name for name in opt if name.startswith("network_")]:
        side = training_side(opt, name)
        key = f"{side} {opt[name]}"
        if key not in alike:
            alike[key] = _cost(name, opt[name], side)
        costs.append(alike[key]._replace(name=name))
    return costs


def training_side(opt: dict[str, Any], network: str) -> int:
    """Pixels along a side of the images that a network sees in training; 256 where the data set does not say."""
    train = opt["datasets"]["train"]
    if "gt_size" in train:
        return train["gt_size"] if network.startswith("network_d") else train["gt_size"] // int(train["scale"])
    return train.get("size") or 256


def _cost(name: str, block: dict[str, Any], side: int) -> NetworkCost:
    network = build(block, "cpu").eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    small = min(side, SMALL_SIDE)
    flops = _count(network, small)
    scaled = None if flops is None else flops * (side / small) ** 2
    if small < side and (scaled is None or scaled < CHEAP):  # some networks take one size alone
        scaled = _count(network, side) or scaled
    return NetworkCost(name, block["type"], parameters, side, scaled)


def _count(network: nn.Module, side: int) -> float | None:
    """mmengine's count for one RGB image; None where the network does not take such an image.

    mmengine is imported here, by the one process that plans: it imports yapf, which at its first import writes a file
    that another process may read half written.
    """
    from mmengine.analysis import get_model_complexity_info
    from mmengine.logging import MMLogger

    mmengine = MMLogger.get_current_instance()
    level = mmengine.level
    mmengine.setLevel(logging.ERROR)  # it warns of every operator that it does not count
    image = torch.zeros(1, 3, side, side)
    try:
        with torch.no_grad():
            return get_model_complexity_info(network, inputs=(image,), show_table=False, show_arch=False)["flops"]
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError):
        return None
    finally:
        mmengine.setLevel(level)

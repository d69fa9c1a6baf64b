"""How a training step runs a network: as it is, compiled, or again in the backward pass instead of keeping its maps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

Run = Callable[..., Any]


def prepared(network: Run, *, compiled: bool, checkpointed: bool) -> Run:
    """``network``, or what computes the same with the same gradients.

    Args:
        network: a module, or another function of tensors.
        compiled: by ``torch.compile``, for each size anew, as the sizes of a training run are few.
        checkpointed: the backward pass runs it again, so that nothing but its inputs is kept until then.
    """
    if compiled:
        network = torch.compile(network, dynamic=False)
    return partial(checkpoint, network, use_reentrant=False) if checkpointed else network

"""What the losses share: a weight that is not negative, and inputs that are floating-point and of one shape."""

import math
from numbers import Real

from torch import Tensor, nn
from torch.nn import functional as F


class WeightedLoss(nn.Module):
    """A loss with a ``loss_weight``, which each of its terms is multiplied by.

    Raises:
        ValueError: ``loss_weight`` is negative, not finite or not a number.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        is_number = isinstance(loss_weight, Real) and not isinstance(loss_weight, bool)  # numpy's are Real too
        if not (is_number and math.isfinite(loss_weight) and loss_weight >= 0):
            raise ValueError(f"loss_weight: expected a finite number of at least 0, got {loss_weight!r}")
        self.loss_weight = float(loss_weight)


def check_alike(**tensors: Tensor) -> None:
    """Hold the named tensors against the first of them.

    Raises:
        TypeError: a tensor is not floating-point.
        ValueError: a tensor has another shape than the first.
    """
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise TypeError(f"{name}: expected a floating-point tensor, got {tensor.dtype}")
    (first, reference), *others = tensors.items()
    for name, tensor in others:
        if tensor.shape != reference.shape:
            raise ValueError(f"{name}: expected the shape of {first} {(*reference.shape,)}, got {(*tensor.shape,)}")


def mean_l1(**pair: Tensor) -> Tensor:
    """The L1 norms of the paper as means over all elements: ``mean |first - second|`` of two named tensors.

    Raises:
        TypeError, ValueError: as :func:`check_alike`, naming the argument.
    """
    check_alike(**pair)
    first, second = pair.values()
    return F.l1_loss(first, second)

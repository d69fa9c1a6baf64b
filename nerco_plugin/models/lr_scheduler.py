"""Learning-rate schedules beside BasicSR's own, under the name that ``train.scheduler.type`` gives."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class LinearDecayLR(LambdaLR):
    """Constant, then linear to zero (Sec. 4.1: the last 200 of 300 epochs).

    Counted in steps of the schedule, of which training makes none before its first iteration: iteration 1 has the rate
    of step 0, and iteration total_iter, the last one, still a little.

    Args:
        optimizer: whose learning rate it sets.
        total_iter: steps after which the rate is zero: from iteration total_iter + 1 on.
        decay_start: steps at the full rate: iteration decay_start + 1 is the last one.
        last_epoch: as in every torch schedule.

    Raises:
        ValueError: ``decay_start`` is not in [0, total_iter).
    """

    def __init__(self, optimizer: Optimizer, total_iter: int, decay_start: int = 0, last_epoch: int = -1) -> None:
        if not 0 <= decay_start < total_iter:
            raise ValueError(f"decay_start must lie in [0, total_iter = {total_iter}), got {decay_start}")

        def factor(iteration: int) -> float:
            return min(1.0, max(0.0, (total_iter - iteration) / (total_iter - decay_start)))

        super().__init__(optimizer, factor, last_epoch)

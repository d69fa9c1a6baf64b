"""A polite end: SIGTERM, SIGINT and SIGUSR1 (Slurm's warning) ask all processes to stop after the same iteration."""

import signal
from types import FrameType, TracebackType
from typing import Any

import torch
import torch.distributed as dist

POLITE = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name))


class StopRequest:
    """Catches the signals inside its ``with`` block; a second SIGINT ends at once, for whoever has no patience.

    Processes agree by carrying each other's signals along with one small exchange an iteration, which is read one
    iteration later, so that nobody waits for it.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.exchange: tuple[torch.Tensor, Any] | None = None

    def __enter__(self) -> "StopRequest":
        self.before = {number: signal.signal(number, self._note) for number in POLITE}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.exchange and kind is None:
            self.exchange[1].wait()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal and not dist.is_initialized():
            raise KeyboardInterrupt
        self.signal = number

    def poll(self) -> int:
        """The signal on which all processes stop now, else 0; every process calls it equally often."""
        if not dist.is_initialized():
            return self.signal
        agreed = 0
        if self.exchange:
            flag, work = self.exchange
            work.wait()
            agreed = int(flag)
        flag = torch.tensor(self.signal)
        self.exchange = flag, dist.all_reduce(flag, dist.ReduceOp.MAX, async_op=True)
        return agreed


def leave_signals_to_parent(worker: int) -> None:
    """For a data worker, which may get the launcher's signals too: the training process still wants its batches.

    Only a second SIGTERM ends it, for that is also how the training process gets rid of a worker that hangs.
    """
    for number in POLITE:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(number, signal.SIG_DFL))

"""An error in one process ends all of them within seconds, with its message, whatever they are waiting for."""

import os
import threading
from datetime import timedelta

import torch.distributed as dist
from basicsr.utils import get_root_logger

INTERVAL = 0.5  # seconds between two looks


class PeerError(RuntimeError):
    """Another process failed; the message is its own."""


def brief(error: BaseException) -> str:
    """The error's own message, without the traceback that a data worker puts before it."""
    return str(error).rpartition(f"{type(error).__name__}: ")[2].strip()


class Alarm:
    """A bell in the launcher's store, and a thread in each process that listens for it.

    A collective call that waits for a dead process returns after the group's timeout only (NCCL), so the listener
    ends its process from outside.

    Args:
        rank: of this process.
        timeout: in seconds, to reach the store.
    """

    def __init__(self, rank: int, timeout: float) -> None:
        self.rank = rank
        self.key = f"nerco_plugin/failed/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        self.store = dist.TCPStore(host, port, timeout=timedelta(seconds=timeout), wait_for_workers=False)
        self.done = threading.Event()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        while not self.done.wait(INTERVAL):
            try:
                message = self.heard()
            except RuntimeError:  # the process that holds the store is gone, perhaps because all is done
                message = None if self.done.wait(10 * INTERVAL) else "the main process ended without a word"
            if message and not self.done.is_set():
                get_root_logger().error(f"Process {self.rank} ends: {message}")
                os._exit(1)

    def heard(self) -> str | None:
        """What the first process to fail had to say."""
        return self.store.get(self.key).decode() if self.store.check([self.key]) else None

    def ring(self, error: BaseException) -> None:
        """Tell the others of ``error``, and listen no more.

        Raises:
            PeerError: another process rang before: its error is the cause of this one.
        """
        self.done.set()
        try:
            earlier = self.heard()
            if not earlier:
                self.store.set(self.key, f"process {self.rank} failed with {type(error).__name__}: {brief(error)}")
        except RuntimeError:
            earlier = "the main process ended without a word"
        if earlier:
            raise PeerError(earlier) from error

    def stop(self) -> None:
        """All went well: listen no more."""
        self.done.set()
        self.listener.join()

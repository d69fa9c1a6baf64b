"""Ctrl-C while a pool of processes works: noted at once, raised where nothing of the pool is left half done."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

RAISES = signal.default_int_handler


@contextmanager
def noted_interrupts() -> Iterator[list[int]]:
    """Gather the signals that would raise KeyboardInterrupt inside the block; it is raised at the end if there are any.

    Raised within a pool's own code it can leave a lock taken, for which the pool's thread then waits forever.
    """
    noted: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()  # no other gets signals, or may ask for them
    own = [number for number in (signal.SIGINT, signal.SIGTERM) if in_main and signal.getsignal(number) is RAISES]
    for number in own:
        signal.signal(number, lambda number, frame: noted.append(number))
    try:
        yield noted
    except BrokenProcessPool as error:  # SIGTERM may have reached the workers too
        if noted:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number in own:
            signal.signal(number, RAISES)
    if noted:
        raise KeyboardInterrupt

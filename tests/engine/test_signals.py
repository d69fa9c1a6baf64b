"""The signals that end a run politely."""

import os
import signal

import pytest

from nerco_plugin.engine.signals import POLITE, StopRequest


@pytest.mark.parametrize("number", POLITE)
def test_signal_is_noted_and_the_old_handler_comes_back(number: int) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert stop.poll() == 0
        os.kill(os.getpid(), number)
        assert stop.poll() == number
        assert stop.poll() == number
    assert signal.getsignal(number) is before


def interrupt_twice() -> None:
    with StopRequest():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        signal.sigtimedwait([], 1)


def test_second_interrupt_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_twice()

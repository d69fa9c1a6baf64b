"""Exit codes and messages of the command lines."""

from collections.abc import Callable

import pytest

from nerco_plugin.engine import errors
from nerco_plugin.engine.options import OptionError
from nerco_plugin.models.state_file import CheckpointError


def failing(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def test_faults_in_the_options_are_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(errors, "PATIENCE", 0.0)
    for rank in "012":
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert errors.answer(failing(OptionError("a.yml:3: train: no such key"))) == 2
    assert capsys.readouterr().err == "a.yml:3: train: no such key\n"


@pytest.mark.parametrize("error", [CheckpointError("cannot write x"), PermissionError(13, "Permission denied", "x")])
def test_faults_that_can_be_mended_have_no_traceback(error: Exception) -> None:
    assert errors.answer(failing(error)) == 1


def test_the_unforeseen_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        errors.answer(failing(ZeroDivisionError()))
    assert errors.answer(lambda: 143) == 143


def test_a_worker_s_traceback_is_left_out() -> None:
    said = "Caught OSError in DataLoader worker process 0.\nOriginal Traceback:\n  File x\nOSError: cannot read a.png"
    assert errors.brief(OSError(said)) == "cannot read a.png"
    assert errors.brief(OSError("OSError of a.png")) == "OSError of a.png"

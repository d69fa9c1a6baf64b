"""What a command line answers: an exit code, and for faults that a user can mend their message, no traceback."""

import os
import sys
import time
from collections.abc import Callable

from basicsr.utils import get_root_logger

from nerco_plugin.data.image_io import ImageReadError
from nerco_plugin.data.seeded import SampleError
from nerco_plugin.engine.alarm import PeerError, brief
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.replicas import ReplicaError
from nerco_plugin.models.mended import NonFiniteError
from nerco_plugin.models.state_file import CheckpointError
from nerco_plugin.report.pairs import PairingError

PATIENCE = 20.0  # seconds
MENDABLE = (
    CheckpointError,
    ImageReadError,
    NonFiniteError,
    OSError,
    PairingError,
    PeerError,
    ReplicaError,
    SampleError,
)


def answer(work: Callable[[], int]) -> int:
    """Run ``work`` and return its exit code; 2 for faults in the options, 1 for others that speak for themselves.

    Anything unforeseen goes on as it is, with its traceback.
    """
    try:
        return work()
    except OptionError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            sys.stderr.write(f"{error}\n")
        else:  # every process of a machine finds the same: let the first say it, before the launcher ends all
            time.sleep(PATIENCE)
        return 2
    except MENDABLE as error:
        get_root_logger().error(brief(error))
        return 1

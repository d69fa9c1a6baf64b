"""What all tests share: where the real photographs are, and a seed."""

import os
import signal

os.environ["OMP_NUM_THREADS"] = "1"  # here and in every process a test starts: bitwise equality needs equal threads
from pathlib import Path

import pytest
import torch

import nerco_plugin  # noqa: F401  before any test file imports basicsr

# isort: split
from basicsr.utils import get_root_logger

from nerco_plugin.registry import fill_registries
from tests.released import Released, load_released

signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest-xdist ignores it, and what tests start inherits that
get_root_logger().propagate = True  # caplog sees what it says, whichever test had it made
fill_registries()  # now, not at the first look: some tests put a registry back as they found it

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def nerco_data() -> Path:
    """The folder of real photographs (LOL, BSD300, LIME, ...); the test is skipped where it is absent."""
    folder = Path(os.environ.get("NERCO_DATA", REPOSITORY.parent / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"real photographs not found at {folder}; set NERCO_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def released() -> Released:
    """Keys, shapes and outputs of the released networks; the test is skipped where they are absent."""
    return load_released()

"""OpenMP's threads told to sleep where they wait for one another: awake they keep a core that another process wants."""

import os

SPINS = "1000"  # looks before a thread sleeps, some microseconds; GNU's own 300,000 take milliseconds


def wait_asleep() -> None:
    """For commands to call before torch is imported; a setting of the user's (``OMP_WAIT_POLICY``) has its way."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)

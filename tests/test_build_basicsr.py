"""What lets basicsr be built on Python 3.13: ``exec`` in a function writes to it, and elsewhere does as before."""

import os
import subprocess
import sys
from pathlib import Path

HOOK = Path(__file__).parents[1] / "tools" / "build_basicsr"
BASICSR_DOES = """
def version():
    exec(compile("found = '1.4.2'", "version.py", "exec"))
    return locals()["found"]

space = {}
exec("kept = 1", space)
exec("outside = 2")
exec("inside = 3", None, space)
print(version(), space["kept"], outside, space["inside"])
"""


def test_exec_in_a_function_is_seen_by_locals() -> None:
    environment = os.environ | {"PYTHONPATH": str(HOOK)}
    done = subprocess.run(
        [sys.executable, "-c", BASICSR_DOES], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1.4.2", "1", "2", "3"]

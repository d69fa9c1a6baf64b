"""How OpenMP's threads wait is settled by the commands before torch, and with it OpenMP, is loaded."""

import os
import subprocess
import sys

import pytest

from nerco_plugin.openmp import SPINS, wait_asleep

REFUSED = """
import os, sys
from nerco_command import main
code = main(["enhance", "nowhere.png", "-o", "out"])
print(code, os.environ.get("GOMP_SPINCOUNT"), "torch" in sys.modules)
"""


def test_it_is_settled_before_torch_is_there() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, check=True, env=clean)
    assert done.stdout.split() == ["2", SPINS, "False"]


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")])
def test_the_users_setting_has_its_way(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)
    wait_asleep()
    assert os.environ[name] == value
    assert os.environ.get("GOMP_SPINCOUNT") == ("7" if name == "GOMP_SPINCOUNT" else None)

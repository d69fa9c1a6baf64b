"""Every tool says what it does at once: its --help imports no torch, which would take seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CODE = """
import runpy, sys
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    sys.exit(end.code or f"torch is imported: {'torch' in sys.modules}")
"""


@pytest.mark.parametrize("tool", sorted((REPOSITORY / "tools").glob("*.py")), ids=lambda path: path.stem)
def test_help_needs_no_torch(tool: Path) -> None:
    result = subprocess.run([sys.executable, "-c", CODE, str(tool)], capture_output=True, text=True, cwd=REPOSITORY)
    assert result.stdout.startswith("usage:")
    assert result.stderr.splitlines()[-1] == "torch is imported: False"

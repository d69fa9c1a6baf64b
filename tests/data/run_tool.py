"""Runs a command-line tool in this process."""

import importlib.util
import sys
from pathlib import Path
from unittest.mock import patch

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def run_tool(name: str, *arguments: str) -> int:
    """Exit code of ``tools/NAME.py`` with these arguments."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with patch.object(sys, "argv", [name, *arguments]):
        return module.main()

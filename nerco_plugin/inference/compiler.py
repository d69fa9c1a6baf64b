"""The compilers that torch.compile calls. Imports no torch: the doctor asks where there may be none."""

import importlib.util
import os
import shutil
import sys

_OWN = {"darwin": "clang++", "win32": "cl"}


def why_not_compile(device: str = "cpu") -> str | None:
    """What is missing for ``device``, cpu or cuda, and what to do; ``None`` where nothing is."""
    if device == "cuda":
        return _why_no_triton()
    name = os.environ.get("CXX") or _OWN.get(sys.platform, "g++")
    if shutil.which(name):
        return None
    return f"torch.compile needs a C++ compiler for the CPU, and there is no {name}: install it, or name another in CXX"


def _why_no_triton() -> str | None:
    if importlib.util.find_spec("triton") is None:
        return "torch.compile needs triton for a GPU, and there is none: pip install triton"
    names = [os.environ["CC"]] if os.environ.get("CC") else ["gcc", "clang"]
    if sys.platform == "win32" or any(map(shutil.which, names)):  # triton brings its own there
        return None
    return f"torch.compile needs a C compiler for a GPU, and there is no {' and no '.join(names)}: install one"

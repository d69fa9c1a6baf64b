"""The C++ compiler that torch.compile calls for the CPU. Imports no torch: the doctor asks where there may be none."""

import os
import shutil
import sys

_OWN = {"darwin": "clang++", "win32": "cl"}


def why_not_compile() -> str | None:
    """What is missing and what to do; ``None`` where the compiler is there."""
    name = os.environ.get("CXX") or _OWN.get(sys.platform, "g++")
    if shutil.which(name):
        return None
    return f"torch.compile needs a C++ compiler for the CPU, and there is no {name}: install it, or name another in CXX"

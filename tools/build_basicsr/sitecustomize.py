"""Lets basicsr 1.4.2 be built on Python 3.13, named by PYTHONPATH, in full, while pip installs it (README).

Its ``setup.py`` runs ``exec`` inside a function and reads what that defined from ``locals()``, which is a copy since
PEP 667. Here such an ``exec`` writes to the function's frame again. Python imports a module of this name at its start.
"""

import builtins
import sys
from typing import Any

_exec = builtins.exec


def _exec_in_frame(source: Any, /, globals: Any = None, locals: Any = None, *, closure: Any = None) -> None:
    if globals is None:
        caller = sys._getframe(1)
        globals, locals = caller.f_globals, caller.f_locals if locals is None else locals
    _exec(source, globals, locals, closure=closure)


if sys.version_info >= (3, 13):  # before, f_locals is the copy and exec needs no help
    builtins.exec = _exec_in_frame

"""The one scan that fills BasicSR's registries: imports every module of a package whose name has a given ending."""

import importlib
import pkgutil
from collections.abc import Sequence


def import_registered(package: str, path: Sequence[str], ending: str) -> None:
    """Import all modules of ``package`` that end in ``ending``, so that their ``register()`` decorators run.

    ``path`` is the package's ``__path__``. BasicSR's own naming is kept: ``*_arch.py``, ``*_loss.py``,
    ``*_dataset.py``, ``*_metric.py``, ``*_model.py``.
    """
    for module in pkgutil.iter_modules(path):
        if module.name.endswith(ending):
            importlib.import_module(f"{package}.{module.name}")

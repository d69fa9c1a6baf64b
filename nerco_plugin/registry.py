"""Fills BasicSR's registries with this package's classes when something is first looked up in one of them.

Importing basicsr takes seconds, most of them for torchvision and scipy, and enhancing photographs needs nothing of it
but the registry of networks. So its module of registries is run alone, and handed to basicsr when that is imported.
"""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

ENDINGS = {"archs": "_arch", "data": "_dataset", "losses": "_loss", "metrics": "_metric", "models": "_model"}
REGISTRY = "basicsr.utils.registry"


class NameTakenError(AssertionError):
    """Two classes of one name in one registry; the message says whose they are. BasicSR raises AssertionError here."""


def prepare_registries() -> None:
    """Have the registries filled: at once if basicsr is imported already, or else when they are asked.

    Raises:
        NameTakenError: at once or then, somebody registered another class under a name of ours.
    """
    if "basicsr" in sys.modules:
        _registries()
        fill_registries()
    elif not any(isinstance(finder, RegistryFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, RegistryFinder())


@cache
def fill_registries() -> None:
    """Import basicsr, and every file of this package that holds registered classes, once."""
    importlib.import_module("basicsr")
    for package in ENDINGS:
        import_registered(package)


def import_registered(package: str) -> list[ModuleType]:
    """Import all modules of one of our packages with its ending, so that their ``register()`` decorators run.

    BasicSR's own naming is kept: ``*_arch.py``, ``*_loss.py``, ``*_dataset.py``, ``*_metric.py``, ``*_model.py``.
    """
    parent = importlib.import_module(f"nerco_plugin.{package}")
    names = [module.name for module in pkgutil.iter_modules(parent.__path__)]
    return [importlib.import_module(f"{parent.__name__}.{name}") for name in names if name.endswith(ENDINGS[package])]


def face(package: str, names: Sequence[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of one of our packages, which hands ``names`` on, imported when asked for."""
    full = f"nerco_plugin.{package}"

    def hand_on(name: str) -> Any:
        for module in import_registered(package) if name in names else ():
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {full!r} has no attribute {name!r}")

    return hand_on, lambda: sorted({*vars(sys.modules[full]), *names})


def find_network(name: str) -> type[Any] | None:
    """The class of a registered network; None where there is none. This package's own are found without basicsr."""
    if "basicsr" not in sys.modules:
        with _without_basicsr():
            import_registered("archs")
    networks = vars(_registries().ARCH_REGISTRY)["_obj_map"]
    if name not in networks:
        fill_registries()
    return networks.get(name) or networks.get(f"{name}_basicsr")  # what BasicSR calls some of its own


class RegistryFinder(MetaPathFinder, Loader):
    """Gives ``basicsr.utils.registry``, whoever imports it, as :func:`_registries` has it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for all other modules."""
        return ModuleSpec(name, self) if name == REGISTRY else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The one there is."""
        return _registries()

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run."""


@cache
def _registries() -> ModuleType:
    """BasicSR's module of registries, without the rest of basicsr if it can; asked, its registries fill themselves."""
    module = sys.modules.get(REGISTRY) or _run_alone()
    filled = _filling_itself(module.Registry)
    for registry in vars(module).values():
        if isinstance(registry, module.Registry):
            registry.__class__ = filled
    return module


def _run_alone() -> ModuleType:
    basicsr = importlib.util.find_spec("basicsr")
    if basicsr is None or not basicsr.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'basicsr', which nerco_plugin is a plugin for", name="basicsr")
    file = Path(basicsr.submodule_search_locations[0]) / "utils" / "registry.py"
    spec = importlib.util.spec_from_file_location(REGISTRY, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"cannot load {file}", name=REGISTRY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _filling_itself(registry: Any) -> Any:
    """BasicSR's class ``Registry``, filled before it answers; to register something asks it nothing."""

    class FilledRegistry(registry):
        def _do_register(self, name: str, obj: Any, suffix: str | None = None) -> None:
            other = self._obj_map.get(f"{name}_{suffix}" if isinstance(suffix, str) else name)
            if other is not None:
                raise NameTakenError(
                    f"{name}: registered as {self._name} by {other.__module__} already, and now by {obj.__module__}; "
                    "one of the two needs another name"
                )
            super()._do_register(name, obj, suffix)

        def get(self, name: str, suffix: str = "basicsr") -> Any:
            fill_registries()
            return super().get(name, suffix)

        def __contains__(self, name: object) -> bool:
            fill_registries()
            return super().__contains__(name)

        def __iter__(self) -> Iterator[tuple[str, Any]]:
            fill_registries()
            return super().__iter__()

        def keys(self) -> Any:
            fill_registries()
            return super().keys()

    return FilledRegistry


@contextmanager
def _without_basicsr() -> Iterator[None]:
    """``from basicsr.utils.registry import ...`` imports nothing else in here."""
    sys.modules[REGISTRY] = _registries()
    try:
        yield
    finally:
        if "basicsr" not in sys.modules:
            del sys.modules[REGISTRY]

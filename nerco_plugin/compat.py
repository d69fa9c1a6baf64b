"""Mends basicsr 1.4.2 from outside, so that it imports beside today's torchvision."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

REMOVED = "torchvision.transforms.functional_tensor"


class FunctionalTensorFinder(MetaPathFinder, Loader):
    """Gives torchvision >= 0.17 the module ``transforms.functional_tensor`` that ``basicsr.data.degradations`` imports.

    Only ``rgb_to_grayscale`` is taken from it, which lives on in ``transforms.functional``.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for all other modules."""
        return ModuleSpec(name, self) if name == REMOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the stand-in."""
        from torchvision.transforms.functional import rgb_to_grayscale

        module.__dict__["rgb_to_grayscale"] = rgb_to_grayscale


def restore_functional_tensor() -> None:
    """Have the stand-in found where nothing else finds the module, and imported no sooner than it is asked for."""
    if not any(isinstance(finder, FunctionalTensorFinder) for finder in sys.meta_path):
        sys.meta_path.append(FunctionalTensorFinder())

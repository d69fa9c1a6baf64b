"""Mends basicsr 1.4.2 from outside, so that it imports beside today's torchvision; nothing else patches anything."""

import importlib.util
import sys
import types


def restore_functional_tensor() -> None:
    """Give torchvision >= 0.17 the module ``transforms.functional_tensor`` that ``basicsr.data.degradations`` imports.

    Only ``rgb_to_grayscale`` is taken from it, which lives on in ``transforms.functional``. Does nothing where
    torchvision still has the module.
    """
    name = "torchvision.transforms.functional_tensor"
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        return
    from torchvision.transforms.functional import rgb_to_grayscale

    module = types.ModuleType(name, "Stand-in for a module that torchvision removed in 0.17.")
    module.__dict__["rgb_to_grayscale"] = rgb_to_grayscale
    sys.modules[name] = module


restore_functional_tensor()

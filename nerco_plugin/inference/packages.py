"""Which packages can be imported here, and what helps where one cannot; a part of ``nerco doctor``."""

import importlib
import re
from collections.abc import Iterable
from typing import NamedTuple

MODULES = {  # what this package needs, as pip names it, and what it is imported as
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "safetensors": "safetensors",
    "huggingface_hub": "huggingface_hub",
    "packaging": "packaging",
    "pyyaml": "yaml",
    "tqdm": "tqdm",
    "scipy": "scipy",
    "scikit-image": "skimage",
    "tifffile": "tifffile",
    "msgspec": "msgspec",
    "lmdb": "lmdb",
    "setuptools": "setuptools",
    "basicsr": "basicsr",
    "mmengine": "mmengine",
    "open_clip_torch": "open_clip",
}
LIBRARIES = {  # of the system, and the package of Debian and Ubuntu that brings them
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
}
# What importing a package raises that is absent, broken, or made for other versions of its own packages.
FAULTS = (
    ImportError,
    OSError,
    RuntimeError,
    AttributeError,
    TypeError,
    ValueError,
    NameError,
    LookupError,
    SyntaxError,
)


class Fault(NamedTuple):
    """Why the packages ``names`` cannot be imported, and what helps."""

    reason: str
    remedy: str
    names: list[str]


def import_all(names: Iterable[str]) -> list[Fault]:
    """Try packages in this order; returns each reason that keeps some from being imported, once."""
    faults: dict[str, Fault] = {}
    for name in names:
        try:
            importlib.import_module(MODULES.get(name, name))
        except FAULTS as error:
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            faults.setdefault(reason, Fault(reason, remedy(name, error), [])).names.append(name)
    return list(faults.values())


def remedy(name: str, error: Exception) -> str:
    """What to do where importing the package ``name`` raises ``error``."""
    if library := re.search(r"\S+\.so[.\d]*(?=: cannot open shared object file)", str(error)):
        system = LIBRARIES.get(library[0])
        advice = f"apt install {system}" if system else f"install the system's package with {library[0]}"
        return f"{advice}; or pip install {name}-headless instead of {name}" if name == "opencv-python" else advice
    if isinstance(error, ModuleNotFoundError) and error.name:
        absent = error.name.partition(".")[0]
        return f"pip install {next((pip for pip, module in MODULES.items() if module == absent), absent)}"
    return f"pip install --force-reinstall --no-deps {name}"

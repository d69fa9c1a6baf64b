"""``import nerco_plugin`` has BasicSR's registries filled, however one gets there; each case in its own process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import run_forked

REPOSITORY = Path(__file__).resolve().parents[1]
FILLED = """
from basicsr.utils.registry import (
    ARCH_REGISTRY, DATASET_REGISTRY, LOSS_REGISTRY, METRIC_REGISTRY, MODEL_REGISTRY
)
import basicsr
assert basicsr.utils.registry.ARCH_REGISTRY is ARCH_REGISTRY
for registry, ours, basicsrs in (
    (ARCH_REGISTRY, "NeRCo", "RRDBNet"),
    (DATASET_REGISTRY, "UnpairedImageDataset", "PairedImageDataset"),
    (LOSS_REGISTRY, "CooperativeLoss", "GANLoss"),
    (METRIC_REGISTRY, "calculate_loe", "calculate_psnr"),
    (MODEL_REGISTRY, "NeRCoModel", "SRModel"),
):
    for name in (ours, basicsrs):
        assert name in registry, name
        assert name in registry.keys() and name in dict(iter(registry)), name
        assert registry.get(name).__name__ == name
from nerco_plugin.archs.nerco_arch import NeRCo
assert ARCH_REGISTRY.get("NeRCo") is NeRCo
"""


def run(code: str) -> str:
    """What ``code`` prints, in a process that has imported nothing."""
    command = [sys.executable, "-W", "error::ImportWarning", "-c", code]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    "first",
    [
        "import nerco_plugin",
        "import nerco_plugin.compat, basicsr",
        "from nerco_plugin.archs.nerco_arch import NeRCo",
        "from nerco_plugin.losses.cooperative_loss import CooperativeLoss",
        "from nerco_plugin.models.mended import MendedMixin",
        "from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset",
        "import nerco_plugin, basicsr.utils.registry",
        "from nerco_plugin.registry import find_network; find_network('NeRCo')",
        "from nerco_plugin.registry import find_network; find_network('RRDBNet')",
        "import nerco_plugin; from basicsr.archs import build_network; build_network({'type': 'NeRCo', 'num_feat': 4})",
    ],
)
def test_the_registries_are_filled(first: str) -> None:
    run_forked(f"{first}\n{FILLED}")


def test_basicsr_before_this_package() -> None:
    stand_in = """
import sys, types, torchvision.transforms.functional as functional
sys.modules["torchvision.transforms.functional_tensor"] = functional
import basicsr, nerco_plugin
"""
    run_forked(stand_in + FILLED)


def test_enhancing_does_without_basicsr() -> None:
    heavy = ("basicsr", "torchvision", "scipy", "skimage", "open_clip", "mmengine")
    shown = run(
        "import sys, nerco_plugin; print('torch' in sys.modules)\n"
        "import nerco_plugin.inference.commands\n"
        "from nerco_plugin.registry import find_network\n"
        "find_network('NeRCo')(num_feat=4)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert shown.split("\n")[:2] == ["False", "[]"]


def test_training_does_without_mmengine() -> None:
    """Whose first import writes a file of yapf's, which several processes at once may read half written."""
    assert (
        run_forked("import sys, nerco_plugin.engine.train; print({'mmengine', 'yapf'} & {*sys.modules})") == "set()\n"
    )


def test_names_of_basicsrs_networks() -> None:
    shown = run_forked(
        "from nerco_plugin.registry import find_network\n"
        "print(find_network('SRVGGNetCompact').__name__, find_network('EDSR').__name__, find_network('NoNet'))"
    )
    assert shown.splitlines()[-1] == "SRVGGNetCompact EDSR None"


CLASH = """
from torch import nn
from basicsr.utils.registry import LOSS_REGISTRY
@LOSS_REGISTRY.register()
class SSIMLoss(nn.Module): pass
"""
LOOK_UP = """
from basicsr.losses import build_loss
from basicsr.archs import build_network
for build in (build_loss, build_network, build_network):
    try:
        build({"type": "NRN"})
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""
SAID = (
    "NameTakenError: SSIMLoss: registered as loss by __main__ already, and now by nerco_plugin.losses.ssim_loss; "
    "one of the two needs another name"
)


def test_a_name_of_ours_that_is_taken_is_said_at_every_look_up() -> None:
    assert run_forked(f"import nerco_plugin{CLASH}{LOOK_UP}").splitlines() == 3 * [SAID]
    first = """
import sys, types, torchvision.transforms.functional as functional
sys.modules["torchvision.transforms.functional_tensor"] = functional
"""
    asked = "\ntry:\n    import nerco_plugin\nexcept Exception as error:\n    print(f'{type(error).__name__}: {error}')"
    assert run_forked(first + CLASH + asked).splitlines() == [SAID]


PACKAGES = {
    "archs": "ARCH_REGISTRY",
    "data": "DATASET_REGISTRY",
    "losses": "LOSS_REGISTRY",
    "metrics": "METRIC_REGISTRY",
    "models": "MODEL_REGISTRY",
}


def test_packages_hand_on_what_they_register() -> None:
    run(
        "import sys, importlib\n"
        f"packages = [importlib.import_module('nerco_plugin.' + name) for name in {[*PACKAGES]}]\n"
        "assert all(set(package.__all__) <= set(dir(package)) for package in packages)\n"
        "assert 'torch' not in sys.modules and 'basicsr' not in sys.modules\n"
    )


@pytest.mark.parametrize(("package", "registry"), PACKAGES.items())
def test_a_package_registers_what_it_hands_on(package: str, registry: str) -> None:
    run_forked(
        f"from nerco_plugin import {package} as package\n"
        f"from nerco_plugin.{package} import *\n"
        f"from basicsr.utils.registry import {registry}\n"
        f"ours = {{name: one for name, one in {registry} if one.__module__.startswith('nerco_plugin.')}}\n"
        "assert sorted(ours) == sorted(package.__all__), ours\n"
        "assert all(globals()[name] is one for name, one in ours.items())\n"
        "assert not hasattr(package, 'Nothing')\n"
    )

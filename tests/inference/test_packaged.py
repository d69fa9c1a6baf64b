"""The weights in the package: whole, small, a NeRCo, and good for dark photographs; in the wheel; faults by name."""

import inspect
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from nerco_command import main
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.data.camera import LowLightCamera, simulate_low_light
from nerco_plugin.data.image_io import decode_image
from nerco_plugin.engine.options import load_options
from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.hub import find_weights
from nerco_plugin.inference.packaged import WeightsMissingError, packaged_weights
from nerco_plugin.inference.weights import build_network, read_weights

REPOSITORY = Path(__file__).resolve().parents[2]


def test_they_are_whole_and_small() -> None:
    path = packaged_weights()
    assert find_weights("nerco_small") == find_weights(Path("nerco_small")) == path
    assert path.stat().st_size <= 8e6
    weights = read_weights(path)
    assert weights.network_g["type"] == "NeRCo"
    assert yaml.safe_load(weights.options)["train"]["total_iter"] > 0
    network = build_network(weights, name=str(path))
    assert sum(parameter.numel() for parameter in network.parameters()) <= 2_000_000


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png"])
@pytest.mark.parametrize("exposure", [0.02, 0.08])
def test_they_enhance_a_photograph_taken_in_the_dark(name: str, exposure: float) -> None:
    content = (files("skimage") / "data" / name).read_bytes()
    photograph = torch.from_numpy(decode_image(content, name)).permute(2, 0, 1)[None]
    dark = simulate_low_light(photograph, LowLightCamera(exposure=(exposure, exposure)), torch.Generator())
    enhanced = Enhancer.from_pretrained(device="cpu")(dark)

    def error(image: torch.Tensor) -> float:
        return torch.mean((image - photograph) ** 2).item()

    assert error(enhanced) < 0.5 * error(dark)


def test_they_are_what_is_taken_where_none_are_named(stand_in: Path, enhancer: Enhancer, tmp_path: Path) -> None:
    dark = np.random.default_rng(0).integers(0, 60, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Enhancer.from_pretrained(device="cpu")(dark), enhancer(dark))
    Image.fromarray(dark).save(tmp_path / "dark.png")
    command = ["enhance", str(tmp_path / "dark.png"), "--device", "cpu", "--quiet"]
    for number, weights in enumerate(([], ["--weights", "nerco_small"])):
        assert main([*command, "-o", str(tmp_path / f"{number}.png"), *weights]) == 0
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"{number}.png")), enhancer(dark))


def test_a_broken_installation_is_named(stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = stand_in / "nerco_small.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsMissingError, match="nerco_small.safetensors is damaged: SHA-256 .* install"):
        packaged_weights()
    (stand_in / "SHA256SUMS").write_text("")
    with pytest.raises(WeightsMissingError, match="SHA256SUMS does not name it"):
        packaged_weights()
    path.unlink()
    (tmp_path / "dark.png").touch()
    assert main(["enhance", str(tmp_path / "dark.png"), "-o", str(tmp_path / "out")]) == 2
    assert f"cannot read {path}; install nerco_plugin again" in capsys.readouterr().err


def test_the_wheel_holds_them(tmp_path: Path) -> None:
    for name in ("setup.py", "pyproject.toml", "README.md", "nerco_command.py"):
        shutil.copy(REPOSITORY / name, tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "nerco_plugin", tmp_path / "nerco_plugin", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(tmp_path)], check=True)
    packed = {f"nerco_plugin/weights/{name}" for name in ("nerco_small.safetensors", "SHA256SUMS")}
    assert packed <= set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())


@pytest.mark.parametrize("file", ["train_nerco_demo.yml", "test_nerco_demo.yml"])
def test_the_demo_trains_them_further(file: str) -> None:
    network_g = load_options(REPOSITORY / "options" / file)["network_g"]
    assert whole(network_g) == whole(read_weights(packaged_weights()).network_g)


def whole(block: dict[str, Any]) -> dict[str, Any]:
    """A NeRCo's options with those that are left out."""
    parameters = inspect.signature(NeRCo).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters} | block

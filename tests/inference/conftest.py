"""A small random NeRCo, saved through the real format, and photographs of every kind."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.inference import packaged
from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.weights import Weights, write_weights

NETWORK = {"num_feat": 8, "num_block": 1, "num_mask_block": 1, "hidden_dim": 16}


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packaged .safetensors."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    write_weights(Weights(NeRCo(**NETWORK).state_dict(), {"type": "NeRCo", **NETWORK}, "name: tiny"), path)
    return path


@pytest.fixture(scope="session")
def enhancer(tiny_weights: Path) -> Enhancer:
    return Enhancer.from_pretrained(tiny_weights, device="cpu")


@pytest.fixture
def dark() -> np.ndarray:
    """(23, 34, 4) uint16: dark colours, and an alpha of all values."""
    pixels = np.random.default_rng(0).integers(0, 16000, (23, 34, 4), dtype=np.uint16)
    pixels[..., 3] = np.linspace(0, 65535, 23 * 34).reshape(23, 34)
    return pixels


@pytest.fixture
def stand_in(tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packaged weights with another small network."""
    folder = tmp_path / "weights"
    folder.mkdir()
    content = tiny_weights.read_bytes()
    (folder / "nerco_small.safetensors").write_bytes(content)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  nerco_small.safetensors\n")
    monkeypatch.setattr(packaged, "FOLDER", folder)
    return folder

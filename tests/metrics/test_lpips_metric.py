"""LPIPS from a weights file of one's own; never a download."""

from pathlib import Path

import numpy as np
import pytest
import torch
from basicsr.metrics import calculate_metric

from nerco_plugin.metrics.lpips_metric import build_lpips

lpips = pytest.importorskip("lpips", reason="the extra lpips is not installed")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """AlexNet's feature layers, filled at random, in torchvision's names."""
    from torchvision.models import alexnet

    path = tmp_path / "alexnet.pth"
    torch.save(alexnet(weights=None).state_dict(), path)
    return path


def test_uses_the_trunk_of_the_file(weights: Path) -> None:
    generator = np.random.default_rng(0)
    image, truth = generator.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    options = {"type": "calculate_lpips", "weights": str(weights), "better": "lower"}
    assert calculate_metric({"img": truth, "img2": truth}, options) == 0

    reference = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    trunk = torch.load(weights, weights_only=True)
    for number, convolution in enumerate(m for m in reference.net.modules() if isinstance(m, torch.nn.Conv2d)):
        layer = (0, 3, 6, 8, 10)[number]
        convolution.weight.data, convolution.bias.data = (
            trunk[f"features.{layer}.weight"],
            trunk[f"features.{layer}.bias"],
        )
    rgb = [torch.from_numpy(x[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1 for x in (image, truth)]
    with torch.no_grad():
        expected = float(reference(*rgb))
    assert expected > 0
    assert calculate_metric({"img": image, "img2": truth}, options) == pytest.approx(expected, rel=1e-5)


def test_missing_or_foreign_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--lpips-weights"):
        build_lpips(str(tmp_path / "none.pth"))
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"lacks features\.0\.weight"):
        build_lpips(str(tmp_path / "other.pth"))

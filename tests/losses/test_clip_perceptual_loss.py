"""CLIPCosineLoss in the place of BasicSR's perceptual loss."""

import pytest
import torch
from basicsr.losses import build_loss

from nerco_plugin.losses.clip_perceptual_loss import CLIPPerceptualLoss
from tests.losses.tiny_clip import save_tiny_clip


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_clip(tmp_path_factory.mktemp("clip")))


def build(name: str, clip_folder: str) -> torch.nn.Module:
    return build_loss({"type": name, "pretrained": clip_folder, "loss_weight": 2.0})


def test_it_is_the_high_term_and_no_style(clip_folder: str) -> None:
    image = torch.rand(2, 3, 20, 30, requires_grad=True)
    term, style = build("CLIPPerceptualLoss", clip_folder)(image, torch.rand(2, 3, 20, 30))
    torch.testing.assert_close(term, build("CLIPCosineLoss", clip_folder)(low=None, high=image).high)
    assert style is None
    term.backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_what_lies_outside_the_unit_range_is_clipped(clip_folder: str) -> None:
    loss, image = build("CLIPPerceptualLoss", clip_folder), torch.rand(1, 3, 20, 20) * 3 - 1
    torch.testing.assert_close(loss(image)[0], loss(image.clamp(0, 1))[0])


def test_what_lies_outside_the_unit_range_is_drawn_back(clip_folder: str) -> None:
    image = torch.full((1, 3, 20, 20), 3.0, requires_grad=True)  # as an unbounded network may begin
    build("CLIPPerceptualLoss", clip_folder)(image)[0].backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_a_gray_image_and_a_negative_weight_are_refused() -> None:
    with pytest.raises(ValueError, match=r"RGB images \(N, 3, H, W\), got shape \(1, 1, 8, 8\)"):
        CLIPPerceptualLoss()(torch.rand(1, 1, 8, 8))
    with pytest.raises(ValueError, match="loss_weight"):
        CLIPPerceptualLoss(loss_weight=-1)

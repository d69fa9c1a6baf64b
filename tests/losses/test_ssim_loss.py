"""SSIMLoss against scikit-image's SSIM, its gradient, and what it refuses."""

from collections.abc import Callable

import pytest
import torch
from basicsr.losses import build_loss
from basicsr.metrics.psnr_ssim import _ssim_pth
from skimage.metrics import structural_similarity


def pair(size: tuple[int, int] = (24, 31)) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    truth = torch.rand(2, 3, *size)
    return (truth + 0.1 * torch.randn_like(truth)).clamp(0, 1), truth


def test_it_is_one_less_the_similarity_that_scikit_image_finds() -> None:
    image, truth = pair()
    found = build_loss({"type": "SSIMLoss", "loss_weight": 2.0})(image, truth).item()
    similar = []
    for one, other in zip(image, truth, strict=True):
        _, by_pixel = structural_similarity(
            one.numpy(),
            other.numpy(),
            channel_axis=0,
            gaussian_weights=True,
            use_sample_covariance=False,
            data_range=1.0,
            full=True,
        )
        similar.append(by_pixel[:, 5:-5, 5:-5].mean())
    assert found == pytest.approx(2 * (1 - sum(similar) / 2), rel=1e-4)
    assert 0.1 < found < 1.9


@pytest.mark.parametrize("change", [lambda truth: truth / 2, lambda truth: 0.4 + truth / 5, lambda truth: 1 - truth])
def test_brightness_and_contrast_count_as_in_basicsr(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    truth = pair()[1].double().requires_grad_()
    loss = build_loss({"type": "SSIMLoss"})
    expected = 1 - _ssim_pth(change(truth) * 255, truth * 255).mean()
    assert loss(change(truth), truth).item() == pytest.approx(expected.item(), rel=1e-6)  # its window is of float32
    assert not loss.state_dict()


def test_its_gradient_leads_to_the_truth() -> None:
    image, truth = pair()
    image.requires_grad_()
    loss = build_loss({"type": "SSIMLoss"})
    optimizer = torch.optim.Adam([image], lr=0.01)
    begun = loss(image, truth).item()
    for _ in range(40):
        optimizer.zero_grad()
        found = loss(image, truth)
        found.backward()
        optimizer.step()
    assert found.item() < 0.1 * begun
    assert loss(truth, truth).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bits_and_autocast_cost_no_more_than_the_rounding_of_the_images(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    truth = 0.6 + 0.2 * torch.rand(1, 3, 32, 32)
    image = (truth + 0.01 * torch.randn_like(truth)).requires_grad_()
    loss = build_loss({"type": "SSIMLoss"})
    expected = loss(image, truth)
    (direction,) = torch.autograd.grad(expected, image)
    with torch.autocast("cpu", dtype):
        found = loss(image, truth)
    (same,) = torch.autograd.grad(found, image)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(same, direction)
    rounded = loss(image.to(dtype), truth.to(dtype))
    assert rounded.dtype == torch.float32
    assert rounded.item() == loss(image.to(dtype).float(), truth.to(dtype).float()).item()


@pytest.mark.parametrize(
    ("image", "truth", "words"),
    [
        (
            torch.rand(1, 3, 16, 10),
            torch.rand(1, 3, 16, 10),
            r"image: expected sides of at least 11, got \(1, 3, 16, 10\)",
        ),
        (torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16), "truth: expected the shape of image"),
    ],
)
def test_refuses_images_that_do_not_fit(image: torch.Tensor, truth: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build_loss({"type": "SSIMLoss"})(image, truth)

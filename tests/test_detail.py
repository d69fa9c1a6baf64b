"""Detail comes back where the image had next to no noise, noise does not, by image; colours stay the network's."""

import pytest
import torch
from torch.nn import functional as F

from nerco_plugin.detail import with_detail
from nerco_plugin.light import LUMA, luma_of

NOISE = 0.01


def half_textured(count: int = 1, side: int = 96) -> torch.Tensor:
    """Gray with coloured texture in its upper half."""
    image = torch.full((count, 3, side, side), 0.5)
    image[:, :, : side // 2] += 0.2 * torch.rand(count, 3, side // 2, side, generator=torch.Generator().manual_seed(1))
    return image


def white(like: torch.Tensor, deviation: float) -> torch.Tensor:
    return deviation * torch.randn(like[:, :1].shape, generator=torch.Generator().manual_seed(2))


def blurred(image: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(F.pad(image, (2,) * 4, mode="reflect"), 5, 1)


def test_what_a_network_took_from_a_clean_image_comes_back_in_luma_alone() -> None:
    seen = half_textured()
    enhanced = blurred(seen)
    done = with_detail(enhanced, seen, NOISE)
    torch.testing.assert_close(luma_of(done), luma_of(seen))
    returned = done - enhanced
    torch.testing.assert_close(returned, returned[:, :1].expand(-1, 3, -1, -1))
    assert returned.abs().max() > 0.05


@pytest.mark.parametrize(("deviation", "share"), [(NOISE / 3, 0.99), (NOISE, 0.5), (4 * NOISE, 0.01)])
def test_noise_decides_how_much_by_image(deviation: float, share: float) -> None:
    clean = half_textured(2)
    seen = torch.cat([clean[:1] + white(clean[:1], deviation), clean[1:]])
    enhanced = blurred(clean)
    done = with_detail(enhanced, seen, NOISE)
    found = luma_of(done - enhanced) / luma_of(seen - enhanced)
    assert found[0].median().item() == pytest.approx(share, abs=0.08)
    assert found[1, :, 10:40].median().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (8, 8), (9, 17)])
def test_any_size(size: tuple[int, int]) -> None:
    seen, enhanced = torch.rand(2, 1, 3, *size)
    done = with_detail(enhanced, seen, NOISE)
    assert done.shape == seen.shape
    assert done.isfinite().all()


def test_no_gradient_passes_through_the_share() -> None:
    seen = half_textured() + white(half_textured(), NOISE)
    enhanced = blurred(half_textured()).requires_grad_()
    done = with_detail(enhanced, seen, NOISE)
    share = (luma_of(done - enhanced) / luma_of(seen - enhanced)).median().item()
    done.sum().backward()
    expected = 1 - 3 * share * torch.tensor(LUMA).view(1, 3, 1, 1)
    torch.testing.assert_close(enhanced.grad, expected.expand_as(enhanced), rtol=1e-3, atol=1e-4)


def test_a_quarter_that_is_flat_is_enough_to_tell_noise() -> None:
    seen = torch.full((1, 3, 200, 80), 0.5)
    seen[:, :, :140] += 0.2 * torch.rand(1, 3, 140, 80, generator=torch.Generator().manual_seed(1))
    enhanced = blurred(seen)
    torch.testing.assert_close(luma_of(with_detail(enhanced, seen, NOISE)), luma_of(seen))

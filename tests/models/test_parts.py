"""The parts of the model: image pool, linear decay, the dual loop against Eq. 8-9 written out."""

import pytest
import torch

from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.models.dual_loop import DualLoop
from nerco_plugin.models.image_pool import ImagePool
from nerco_plugin.models.lr_scheduler import LinearDecayLR


def test_an_image_pool_fills_and_then_exchanges_half_of_the_time() -> None:
    pool = ImagePool(2)
    first = torch.arange(2.0).view(2, 1, 1, 1)
    assert torch.equal(pool.query(first), first)
    answers = [pool.query(torch.full((1, 1, 1, 1), 10.0 + turn, requires_grad=True)) for turn in range(200)]
    newest = sum(answer.item() == 10.0 + turn for turn, answer in enumerate(answers))
    assert 70 < newest < 130
    assert not answers[0].requires_grad
    assert len(pool.images) == 2


def test_an_image_pool_of_no_size_hands_through_and_a_negative_one_is_refused() -> None:
    images = torch.rand(3, 1, 2, 2)
    assert torch.equal(ImagePool(0).query(images), images)
    with pytest.raises(ValueError, match="image_pool_size"):
        ImagePool(-1)


def test_images_of_another_size_leave_the_pool(caplog: pytest.LogCaptureFixture) -> None:
    pool = ImagePool(4)
    pool.query(torch.rand(3, 3, 8, 8))
    pool.query(torch.rand(2, 3, 6, 6))
    assert [image.shape for image in pool.images] == [(3, 6, 6)] * 2
    assert "3 pooled images are dropped: 8 x 8 -> 6 x 6 pixels." in caplog.text


def test_linear_decay_is_constant_then_falls_to_zero() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)
    schedule = LinearDecayLR(optimizer, total_iter=300, decay_start=100)
    rates = []
    for _ in range(301):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:101] == [2e-4] * 101
    assert rates[200] == pytest.approx(1e-4)
    assert rates[300] == 0  # the rate of iteration 301
    with pytest.raises(ValueError, match="decay_start"):
        LinearDecayLR(optimizer, total_iter=10, decay_start=10)


@pytest.mark.parametrize("enhance_input", ["concat", "normalized"])
@torch.no_grad()
def test_the_dual_loop_is_equations_8_and_9(enhance_input: str) -> None:
    nerco = NeRCo(num_feat=8, num_block=1, num_mask_block=1, hidden_dim=16, enhance_input=enhance_input)
    g_l = ResnetGenerator(num_feat=8, num_block=1)
    low, high = torch.rand(2, 3, 16, 20) * 2 - 1, torch.rand(2, 3, 16, 20) * 2 - 1
    images = DualLoop(nerco, g_l, cooperative=True, identity=True)(low, high)

    nrn, me, concat = nerco.nrn, nerco.mask_extractor, enhance_input == "concat"

    def g_h(image: torch.Tensor, normalized: torch.Tensor) -> torch.Tensor:
        return nerco.generator(torch.cat([image, normalized], dim=1) if concat else normalized)

    attention, mask = me(low)
    enhanced = g_h(attention * low, attention * nrn(low))  # Eq. 8
    degraded = g_l(attention * high)  # Eq. 9
    expected = {
        "enhanced": enhanced,
        "cycled_low": g_l(enhanced),
        "degraded": degraded,
        "cycled_high": g_h(degraded, nrn(degraded) if concat else degraded),
        "normalized": nrn(low),
        "lightness_mask": mask,
        "degraded_mask": me(degraded).lightness_mask,
        "pseudo_high": low + mask,
        "pseudo_low": high - mask,
        "restored": g_h(high - mask, high - mask),
        "identity_high": g_h(high, high),
        "identity_low": g_l(low),
    }
    assert set(images._fields) == set(expected)
    for name, image in expected.items():
        torch.testing.assert_close(getattr(images, name), image, rtol=1e-4, atol=1e-5, msg=name)
    torch.testing.assert_close(nerco((low + 1) / 2), (enhanced + 1) / 2, rtol=1e-4, atol=1e-5)

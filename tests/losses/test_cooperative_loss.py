"""The cooperative loss (Eq. 11-14): values by hand, the equality behind rec1, gradients, wrong inputs."""

import math

import pytest
import torch
from basicsr.losses import build_loss
from torch import Tensor

from nerco_plugin.losses.cooperative_loss import pseudo_high, pseudo_low, reconstruct_low

NAMES = ("low", "high", "enhanced", "degraded", "lightness_mask", "degraded_mask", "restored")


def flat(value: float) -> Tensor:
    return torch.full((1, 3, 2, 2), value)


def example() -> dict[str, Tensor]:
    """rec1 = 2 |0.7 - (0.1 + 0.5)| = 0.2; rec2 = |0.6 - 0.9| + |0.9 - 0.2 - 0.6| = 0.4."""
    values = (0.1, 0.9, 0.7, 0.2, 0.5, 0.6, 0.6)
    return dict(zip(NAMES, map(flat, values)))


def test_pseudo_images_are_not_clipped() -> None:
    assert torch.equal(pseudo_high(flat(0.75), flat(0.5)), flat(1.25))
    assert torch.equal(pseudo_low(flat(-0.75), flat(0.5)), flat(-1.25))


def test_the_two_terms_of_rec1_are_one() -> None:
    low, enhanced, lightness_mask = torch.rand(3, 2, 3, 5, 4).mul(2).sub(1).unbind()
    to_mask = (lightness_mask - (enhanced - low)).abs().mean()
    to_image = (enhanced - (low + lightness_mask)).abs().mean()
    rec1 = reconstruct_low(low=low, enhanced=enhanced, lightness_mask=lightness_mask)
    torch.testing.assert_close(rec1, to_mask + to_image)


def test_values_by_hand() -> None:
    inspections = [torch.tensor([0.5, 1.0]), torch.tensor([[3.0]])]
    terms = build_loss({"type": "CooperativeLoss", "loss_weight": 0.5})(**example(), inspections=inspections)
    assert terms.rec1.item() == pytest.approx(0.5 * 0.2)
    assert terms.rec2.item() == pytest.approx(0.5 * 0.4)
    assert terms.insp.item() == pytest.approx(0.5 * ((0.25 + 0.0) / 2 + 4.0))


def test_log_form_of_the_inspection() -> None:
    loss = build_loss({"type": "CooperativeLoss", "gan_type": "vanilla"})
    terms = loss(**example(), inspections=[torch.tensor([[0.0]]), torch.tensor([[2.0]])])
    assert terms.insp.item() == pytest.approx(math.log(2) + math.log(1 + math.exp(-2)), rel=1e-6)


def test_without_inspection_its_term_is_zero() -> None:
    loss = build_loss({"type": "CooperativeLoss", "inspect": False})
    assert loss(**example(), inspections=[]).insp.item() == 0
    with pytest.raises(ValueError, match="inspections: expected none with inspect=False, got 1"):
        loss(**example(), inspections=[torch.zeros(1)])


def test_low_and_high_side_may_differ_in_size() -> None:
    inputs = example()
    for name in ("low", "enhanced", "lightness_mask"):
        inputs[name] = inputs[name].expand(4, 3, 2, 2)
    terms = build_loss({"type": "CooperativeLoss"})(**inputs, inspections=[])
    assert terms.rec1.item() == pytest.approx(0.2)
    assert terms.rec2.item() == pytest.approx(0.4)


@pytest.mark.parametrize("gan_type", ["lsgan", "vanilla"])
def test_gradients_reach_every_input(gan_type: str) -> None:
    loss = build_loss({"type": "CooperativeLoss", "gan_type": gan_type, "loss_weight": 0.5})
    inputs = [torch.rand(1, 3, 2, 2, dtype=torch.float64, requires_grad=True) for _ in NAMES]
    logits = [torch.randn(1, 1, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    def terms(*tensors: Tensor) -> tuple[Tensor, ...]:
        return loss(**dict(zip(NAMES, tensors)), inspections=tensors[len(NAMES) :])

    assert torch.autograd.gradcheck(terms, (*inputs, *logits))
    grads = torch.autograd.grad(sum(terms(*inputs, *logits)), (*inputs, *logits))
    assert all(grad.abs().sum() > 0 for grad in grads)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_images_that_do_not_fit(name: str) -> None:
    loss = build_loss({"type": "CooperativeLoss"})
    with pytest.raises(ValueError, match=r"expected the shape of (low|high) .*(1, 1, 2, 2)"):
        loss(**{**example(), name: torch.zeros(1, 1, 2, 2)}, inspections=[])
    with pytest.raises(TypeError, match=f"{name}: expected a floating-point tensor, got torch.int64"):
        loss(**{**example(), name: torch.zeros(1, 3, 2, 2, dtype=torch.int64)}, inspections=[])


@pytest.mark.parametrize("gan_type", ["hinge", "LSGAN"])
def test_refuses_an_unknown_gan_type(gan_type: str) -> None:
    with pytest.raises(ValueError, match=f"gan_type: expected 'vanilla' or 'lsgan', got '{gan_type}'"):
        build_loss({"type": "CooperativeLoss", "gan_type": gan_type})

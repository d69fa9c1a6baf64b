"""The cycle (Eq. 10), NR (Eq. 2) and identity losses: values by hand, gradients, wrong inputs."""

import numpy as np
import pytest
import torch
from basicsr.losses import build_loss
from torch import Tensor, nn

from nerco_plugin.losses.cycle_loss import cycle_consistency
from nerco_plugin.losses.normalization_loss import NRLoss


def images(*values: float, size: tuple[int, int] = (2, 2)) -> list[Tensor]:
    """One image (1, 3, H, W) of each value."""
    return [torch.full((1, 3, *size), value) for value in values]


def test_cycle_consistency_is_the_mean_absolute_difference() -> None:
    cycled = torch.tensor([[[[0.0, 1.0], [-0.5, 0.25]]]])
    original = torch.tensor([[[[0.5, 0.0], [-0.5, 0.75]]]])
    assert cycle_consistency(cycled, original).item() == pytest.approx((0.5 + 1.0 + 0.0 + 0.5) / 4)


def test_cycle_loss_weights_each_side_and_lets_them_differ_in_size() -> None:
    cycled_low, low = images(0.1, 0.4)
    cycled_high, high = images(0.9, 0.4, size=(3, 5))
    terms = build_loss({"type": "CycleConsistencyLoss", "loss_weight": 10.0})(cycled_low, low, cycled_high, high)
    assert terms.low.item() == pytest.approx(3.0)
    assert terms.high.item() == pytest.approx(5.0)


def test_nr_loss() -> None:
    normalized, low = images(0.25, -0.5)
    assert build_loss({"type": "NRLoss", "loss_weight": 40.0})(normalized, low).item() == pytest.approx(30.0)


def test_identity_loss() -> None:
    identity_high, high = images(0.5, 0.75)
    identity_low, low = images(-0.25, 0.25, size=(4, 3))
    terms = build_loss({"type": "IdentityLoss", "loss_weight": 5.0})(identity_high, high, identity_low, low)
    assert terms.low.item() == pytest.approx(2.5)
    assert terms.high.item() == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("name", "number"), [("CycleConsistencyLoss", 4), ("NRLoss", 2), ("IdentityLoss", 4)], ids=lambda value: str(value)
)
def test_gradients_reach_every_input(name: str, number: int) -> None:
    loss = build_loss({"type": name, "loss_weight": 2.0})
    inputs = [torch.rand(2, 3, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(number)]
    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("weight", [2, np.int64(2), np.float32(2), np.float64(2)])
def test_a_weight_may_be_any_real_number(weight: float) -> None:
    normalized = torch.ones(1, 3, 4, 4, requires_grad=True)
    loss = NRLoss(weight)
    value = loss(normalized, torch.zeros(1, 3, 4, 4))
    assert type(loss.loss_weight) is float
    assert value.item() == 2.0
    assert value.requires_grad


@pytest.mark.parametrize("name", ["CycleConsistencyLoss", "NRLoss", "IdentityLoss", "CooperativeLoss", "SSIMLoss"])
@pytest.mark.parametrize("loss_weight", [-1.0, float("nan"), float("inf"), "1e-5", True])
def test_refuses_a_weight_that_is_no_weight(name: str, loss_weight: object) -> None:
    with pytest.raises(ValueError, match=f"loss_weight: .*{loss_weight!r}"):
        build_loss({"type": name, "loss_weight": loss_weight})


def test_an_unknown_option_raises() -> None:
    with pytest.raises(TypeError, match="weight"):
        build_loss({"type": "NRLoss", "weight": 1.0})


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (build_loss({"type": "CycleConsistencyLoss"}), ("cycled_low", "low", "cycled_high", "high")),
        (build_loss({"type": "NRLoss"}), ("normalized", "low")),
        (build_loss({"type": "IdentityLoss"}), ("identity_high", "high", "identity_low", "low")),
    ],
    ids=["cycle", "nr", "identity"],
)
def test_refuses_images_that_do_not_fit(loss: nn.Module, names: tuple[str, ...]) -> None:
    fitting = {name: torch.rand(1, 3, 4, 4) for name in names}
    for name in names:
        with pytest.raises(ValueError, match=r"expected the shape of \w+ .*\(1, 3, 4, "):
            loss(**{**fitting, name: torch.rand(1, 3, 4, 5)})
        with pytest.raises(ValueError, match="shape"):  # would broadcast in silence
            loss(**{**fitting, name: torch.rand(1, 1, 4, 4)})
        with pytest.raises(TypeError, match=r"floating-point tensor, got torch\.uint8"):
            loss(**{**fitting, name: torch.zeros(1, 3, 4, 4, dtype=torch.uint8)})

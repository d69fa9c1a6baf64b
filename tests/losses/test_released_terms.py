"""The released recipe's terms, from the released networks' weights and the project's own losses."""

import numpy as np
import pytest
import torch
from basicsr.archs import build_network
from basicsr.losses import build_loss
from torch import Tensor, nn

from nerco_plugin.archs import released_weights
from nerco_plugin.losses.cooperative_loss import pseudo_high, pseudo_low
from tests.released import Released


def network(option: dict[str, object], state: dict[str, Tensor]) -> nn.Module:
    built = build_network(option)
    built.load_state_dict(state)
    return built


def photograph(seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((1, 3, 48, 64), dtype="float32") * 2 - 1)


@torch.no_grad()
def test_terms_of_the_released_recipe(released: Released) -> None:
    """Its second G_H takes an image twice: ``cat(high, high)``, ``cat(pseudo_low, pseudo_low)``."""
    generator = {"type": "ResnetGenerator", "num_out_ch": 3}
    g_high = network({**generator, "num_in_ch": 6}, released_weights.convert_generator(released.state("G_A")))
    g_low = network({**generator, "num_in_ch": 3}, released_weights.convert_generator(released.state("G_B")))
    nrn = network({"type": "NRN", "use_position": False}, released_weights.convert_nrn(released.state("Pre")))
    extractor = network({"type": "MaskExtractor"}, released_weights.convert_mask_extractor(released.state("H")))
    d_high, d_low = (
        network({"type": "ColorDiscriminator"}, released_weights.convert_discriminator(released.state(name)))
        for name in ("D_A", "D_B")
    )
    low, high = photograph(7), photograph(8)
    attention, mask = extractor(low)
    enhanced = g_high(attention * torch.cat([low, nrn(low)], 1))
    degraded = g_low(attention * high)
    darkened, lit = pseudo_low(high, mask), pseudo_high(low, mask)

    cycle = build_loss({"type": "CycleConsistencyLoss", "loss_weight": 10.0})(
        g_low(enhanced), low, g_high(torch.cat([degraded, nrn(degraded)], 1)), high
    )
    identity = build_loss({"type": "IdentityLoss", "loss_weight": 5.0})(
        g_high(torch.cat([high, high], 1)), high, g_low(low), low
    )
    cooperative = build_loss({"type": "CooperativeLoss"})(
        low=low,
        high=high,
        enhanced=enhanced,
        degraded=degraded,
        lightness_mask=mask,
        degraded_mask=extractor(degraded).lightness_mask,
        restored=g_high(torch.cat([darkened, darkened], 1)),
        inspections=[d_high(lit), d_low(darkened)],
    )
    expected = released.losses["float64"]
    assert cycle.low.item() == pytest.approx(expected["loss_cycle_A"], rel=1e-5)
    assert cycle.high.item() == pytest.approx(expected["loss_cycle_B"], rel=1e-5)
    assert identity.high.item() == pytest.approx(expected["loss_idt_A"], rel=1e-5)
    assert identity.low.item() == pytest.approx(expected["loss_idt_B"], rel=1e-5)
    assert sum(cooperative).item() == pytest.approx(expected["loss_H"], rel=1e-5)

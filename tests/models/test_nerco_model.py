"""NeRCoModel: the released recipe's figures, what options switch off, accumulation, warm start, EMA, state."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nerco_plugin.archs.blocks import products
from nerco_plugin.archs.released_weights import (
    convert_discriminator,
    convert_generator,
    convert_mask_extractor,
    convert_nerco,
    convert_nrn,
)
from nerco_plugin.models.nerco_model import NeRCoModel
from tests.models.small_model import small_model, small_options
from tests.released import Released


def batch(size: int = 2, side: int = 32) -> dict[str, Tensor]:
    return {"low": torch.rand(size, 3, side, side) * 0.3, "high": torch.rand(size, 3, side, side)}


def weights(model: NeRCoModel) -> list[Tensor]:
    networks = [model.dual_loop, *(discriminator.bare for discriminator in model.discriminators)]
    return [weight.detach().clone() for network in networks for weight in network.parameters()]


def released_model(released: Released) -> NeRCoModel:
    """The released recipe at the contract's weights."""
    options = small_options(
        gan_normalized_opt={"type": "GANLoss", "gan_type": "lsgan", "loss_weight": 2.0},
        cooperative_opt={"type": "CooperativeLoss", "loss_weight": 0.5, "inspect_edges": False},
        pseudo_as_fake=False,
    )
    options["network_g"] = {"type": "NeRCo", "use_position": False}
    options["network_degrade"] = {"type": "ResnetGenerator"}
    for domain in ("high", "low"):
        options[f"network_d_{domain}"] = {"type": "ColorDiscriminator"}
        options[f"network_d_edge_{domain}"] = {"type": "EdgeDiscriminator"}
    model = small_model(options)
    parts = convert_generator(released.state("G_A")), convert_nrn(released.state("Pre"))
    model.net_g.load_state_dict(convert_nerco(*parts, convert_mask_extractor(released.state("H"))))
    model.net_degrade.load_state_dict(convert_generator(released.state("G_B")))
    for discriminator, net in zip(model.discriminators, ("D_A", "D_B", "D_A_edge", "D_B_edge"), strict=True):
        discriminator.bare.load_state_dict(convert_discriminator(released.state(net)))
    return model


def test_one_step_of_the_released_recipe_gives_its_terms(released: Released) -> None:
    model, expected = released_model(released), released.losses["float64"]
    low, high = (torch.from_numpy(np.random.default_rng(seed).random((1, 3, 48, 64), "float32")) for seed in (7, 8))
    for optimizer in model.optimizers:
        optimizer.step = lambda *_, **__: None  # type: ignore[method-assign]
    model.feed_data({"low": low, "high": high})
    model.optimize_parameters(1)
    term = {name: float(value) for name, value in model.get_current_log().items()}
    once = term["l_g_normalized"] / 2  # the released code adds it to two of its sums
    got = {
        "loss_G_A": term["l_g_high"],
        "loss_G_B": term["l_g_low"] + once,
        "loss_cycle_A": term["l_cycle_low"],
        "loss_cycle_B": term["l_cycle_high"],
        "loss_idt_A": term["l_identity_high"],
        "loss_idt_B": term["l_identity_low"],
        "loss_PreConsis": term["l_nr"] + once,
        "loss_H": 2 * (term["l_rec1"] + term["l_rec2"] + term["l_insp"]),
        "loss_D_A": term["l_d_high"],
        "loss_D_B": term["l_d_low"],
    }
    for discriminator, net in zip(model.discriminators, ("D_A", "D_B"), strict=False):
        gradients = torch.cat([weight.grad.flatten() for weight in discriminator.bare.parameters()])
        got[f"grad_l2_{net}"] = gradients.double().norm().item()
    for name, value in got.items():
        assert value == pytest.approx(expected[name], rel=2e-5), name


SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "no cycle": ({"cycle_opt": None}, {}, {"l_cycle_low", "l_cycle_high"}),
    "no identity": ({"identity_opt": None}, {}, {"l_identity_low", "l_identity_high"}),
    "no NRN": ({"nr_opt": None}, {"network_g": {"use_nrn": False}}, {"l_nr"}),
    "no NR loss": ({"nr_opt": None}, {}, {"l_nr"}),
    "no mask extractor": (
        {"cooperative_opt": None},
        {"network_g": {"use_mask_extractor": False}},
        {"l_rec1", "l_rec2", "l_insp"},
    ),
    "no edge path": (
        {"gan_edge_opt": None},
        {"network_d_edge_high": None, "network_d_edge_low": None},
        {"l_g_edge_high", "l_g_edge_low", "l_d_edge_high", "l_d_edge_low"},
    ),
    "literal Eq. 8": ({}, {"network_g": {"enhance_input": "normalized"}}, set()),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_left_out_is_gone_and_the_rest_trains(switch: str) -> None:
    train, options, gone = SWITCHES[switch]
    whole = small_options(**train)
    for name, value in options.items():
        whole[name] = {**whole[name], **value} if isinstance(value, dict) else None
    model = small_model(whole)
    before = weights(model)
    model.feed_data(batch())
    model.optimize_parameters(1)
    full = small_model()
    full.feed_data(batch())
    full.optimize_parameters(1)
    assert set(full.get_current_log()) - set(model.get_current_log()) == gone
    moved = [not torch.equal(old, new) for old, new in zip(before, weights(model), strict=True)]
    assert sum(moved) > 0.5 * len(moved)
    assert all(weight.grad is not None for weight in model.dual_loop.parameters())


def test_the_mask_extractor_and_its_loss_go_together() -> None:
    with pytest.raises(ValueError, match="cooperative_opt"):
        small_model(cooperative_opt=None)


def test_a_discriminator_without_its_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="network_d_edge_high needs train.gan_edge_opt"):
        small_model(gan_edge_opt=None)


def test_pretrained_weights_under_another_key_begin_the_moving_average_too(tmp_path: Path) -> None:
    options = small_options(ema_decay=0.9)
    state = small_model(options).net_g.state_dict()
    mine = {name: value + 1 for name, value in state.items() if "generator" in name}
    torch.save({"mine": mine}, tmp_path / "w.pth")
    options["path"] = {"pretrain_network_g": str(tmp_path / "w.pth"), "param_key_g": "mine", "strict_load_g": False}
    model = small_model(options)
    for network in (model.net_g, model.net_g_ema):
        assert all(torch.equal(network.state_dict()[name], value) for name, value in mine.items())


@pytest.mark.parametrize("warm", [False, True])
def test_accumulation_gives_the_gradients_of_the_whole_batch(warm: bool) -> None:
    data, gradients = batch(5), []
    for accumulate in (1, 5, 4):  # 4: parts of 2, 2 and 1
        torch.manual_seed(0)
        model = small_model(accumulate=accumulate, image_pool_size=0, warm_start={"num_iter": int(warm)})
        for optimizer in model.optimizers:
            optimizer.step = lambda *_, **__: None  # type: ignore[method-assign]
        model.feed_data(data)
        torch.manual_seed(1)
        model.optimize_parameters(1)
        networks = (
            [model.dual_loop]
            if warm
            else [model.dual_loop, *(discriminator.bare for discriminator in model.discriminators)]
        )
        gradients.append([torch.cat([weight.grad.flatten() for weight in net.parameters()]) for net in networks])
    for whole, *others in zip(*gradients, strict=True):  # of a network: float32 is amplified by norms and edges
        assert all((whole - parts).norm() < 5e-3 * whole.norm() for parts in others)


def test_the_warm_start_learns_from_simulated_pairs_and_then_ends() -> None:
    model = small_model(warm_start={"num_iter": 30, "exposure": [0.05, 0.1]})
    data, errors = batch(1), []
    judging = [weight for discriminator in model.discriminators for weight in discriminator.bare.parameters()]
    before = [weight.clone() for weight in judging]
    for iteration in range(1, 31):
        model.feed_data({"low": torch.full((1, 3, 32, 32), float("nan")), "high": data["high"]})  # never looked at
        model.optimize_parameters(iteration)
        errors.append(float(model.get_current_log()["l_warm_high"]))
    assert errors[-1] < 0.8 * errors[0]
    assert set(model.get_current_log()) == {"l_nr", "l_warm_low", "l_warm_high", "l_warm_mask"}
    assert all(map(torch.equal, before, judging))
    model.feed_data(data)
    model.optimize_parameters(31)
    assert "l_cycle_low" in model.get_current_log()


def test_the_moving_average_follows_and_is_what_is_tested() -> None:
    model = small_model(ema_decay=0.5)
    start = [weight.clone() for weight in model.net_g_ema.parameters()]
    model.feed_data(batch())
    model.optimize_parameters(1)
    for old, mean, new in zip(start, model.net_g_ema.parameters(), model.net_g.parameters(), strict=True):
        torch.testing.assert_close(mean, (old + new) / 2)
    low = torch.rand(1, 3, 20, 27)
    model.feed_data({"lq": low})
    model.test()
    visuals = model.get_current_visuals()
    torch.testing.assert_close(visuals["result"], model.net_g_ema(low).detach())
    assert set(visuals) == {"lq", "result"}
    assert model.net_g.training


def test_bfloat16_trains_and_keeps_losses_in_float32() -> None:
    model = small_model(amp="bf16")
    model.feed_data(batch())
    model.optimize_parameters(1)
    assert all(value.dtype == torch.float32 and value.isfinite() for value in model.get_current_log().values())
    assert {weight.grad.dtype for weight in model.dual_loop.parameters()} == {torch.float32}
    with pytest.raises(ValueError, match="train.amp"):
        small_model(amp="half")


def test_under_autocast_only_images_and_losses_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature map in float32 would be twice the memory and be cast again for every convolution."""
    monkeypatch.setattr(products, "multiplies_bf16", lambda: True)
    options = small_options(amp="bf16")
    options["network_g"]["hidden_dim"] = 12
    model = small_model(options)
    seen: list[tuple[tuple[int, ...], torch.dtype]] = []
    real = torch.nn.functional.conv2d

    def watched(inputs: Tensor, *others: Any, **named: Any) -> Tensor:
        seen.append((tuple(inputs.shape), inputs.dtype))
        return real(inputs, *others, **named)

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    low, high = batch().values()
    model.run_loops(low, high)
    assert len(seen) > 20
    assert {shape[1] for shape, dtype in seen if dtype == torch.float32} <= {3, 6, 12}  # 12: of the NRN's colours
    assert any(shape[1] == 12 and dtype == torch.bfloat16 for shape, dtype in seen)


def test_extra_state_carries_the_pools() -> None:
    model, other = small_model(), small_model()
    model.feed_data(batch())
    model.optimize_parameters(1)
    other.set_extra_state(model.get_extra_state())
    for one, two in zip(model.discriminators, other.discriminators, strict=True):
        for kind, pool in one.pools.items():
            assert len(pool.images) == 2
            assert all(map(torch.equal, pool.images, two.pools[kind].images))


def test_fine_tuning_goes_on_from_weights_and_their_average_each_for_itself(tmp_path: Path) -> None:
    weights = small_model().net_g.state_dict()
    average = {name: value + 1 for name, value in weights.items()}
    torch.save({"params": weights, "params_ema": average}, tmp_path / "net_g.pth")
    options = small_options(ema_decay=0.9)
    options["path"] = {"pretrain_network_g": str(tmp_path / "net_g.pth")}
    model = small_model(options)
    for network, expected in ((model.net_g, weights), (model.net_g_ema, average)):
        assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())

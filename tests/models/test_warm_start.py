"""The warm start's pairs and the dual loop on exposed images with a residual G_H."""

import torch
from small_model import small_model, small_options

from nerco_plugin.archs.blocks.ranges import from_signed, to_signed
from nerco_plugin.light import expose


def exposed_options(**train: object) -> dict[str, object]:
    options = small_options(**train)
    options["network_g"].update(norm="none", residual=True, exposure=0.5)
    return options


def test_pairs_of_the_warm_start_are_equally_bright_and_the_low_side_is_noisier() -> None:
    torch.manual_seed(0)
    model = small_model(exposed_options(warm_start={"num_iter": 5, "exposure": [0.02, 0.02]}))
    smooth = torch.nn.functional.interpolate(torch.rand(2, 3, 3, 3), size=(48, 48), mode="bilinear") * 0.8
    model.feed_data({"low": smooth, "high": smooth})
    low, high = map(from_signed, model._simulated_pairs())
    torch.testing.assert_close(low.mean((2, 3)), high.mean((2, 3)), rtol=0, atol=0.05)
    roughness = [image.diff(dim=-1).abs().mean().item() for image in (low, high)]
    assert roughness[0] > 2 * roughness[1]


def test_the_exact_black_of_simulated_pairs_is_not_levelled() -> None:
    pairs = []
    for black_level in (None, 3.0):
        options = exposed_options(warm_start={"num_iter": 5, "exposure": [0.02, 0.02]})
        options["network_g"]["black_level"] = black_level
        model = small_model(options)
        high = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
        model.feed_data({"low": high * 0.02, "high": high})
        torch.manual_seed(2)
        pairs.append([model._unpaired()[0], *model._simulated_pairs()])
    (real, *simulated), (levelled, *alike) = pairs
    assert (real - levelled).abs().max() > 0.01
    torch.testing.assert_close(simulated, alike)


def test_structure_counts_where_it_is_asked_for() -> None:
    ssim = {"type": "SSIMLoss", "loss_weight": 2.0}
    model = small_model(exposed_options(warm_start={"num_iter": 1}, ssim_opt=ssim))
    model.feed_data({"low": torch.rand(2, 3, 32, 32), "high": torch.rand(2, 3, 32, 32)})
    model.optimize_parameters(1)
    assert 0 < model.get_current_log()["l_warm_ssim"] < 4
    model.optimize_parameters(2)
    assert "l_warm_ssim" not in model.get_current_log()


def test_shuffled_colours_are_the_same_channels_in_another_order() -> None:
    torch.manual_seed(0)
    still = {"shot_noise": [1e-9, 1e-9], "read_noise": [1e-9, 1e-9], "white_balance": [1.0, 1.0]}
    model = small_model(small_options(warm_start={"num_iter": 5, "shuffle_colours": True, **still}))
    high = torch.rand(1, 3, 8, 8)
    model.feed_data({"low": high, "high": high})
    orders = set()
    for _ in range(20):
        shuffled = from_signed(model._simulated_pairs()[1])[0]
        orders.add(
            tuple(min(range(3), key=lambda c: (high[0, c] - channel).abs().max().item()) for channel in shuffled)
        )
    assert len(orders) > 2
    assert all(sorted(order) == [0, 1, 2] for order in orders)


def test_low_light_photographs_enter_the_dual_loop_exposed() -> None:
    model = small_model(exposed_options())
    low, high = torch.rand(1, 3, 32, 32) * 0.1, torch.rand(1, 3, 32, 32)
    model.feed_data({"low": low, "high": high})
    torch.testing.assert_close(model._unpaired(), (to_signed(expose(low, 0.5)), to_signed(high)))


def test_the_loops_add_each_normalization_to_what_is_drawn() -> None:
    torch.manual_seed(0)
    model = small_model(exposed_options())
    low, high = to_signed(torch.rand(1, 3, 32, 32)), to_signed(torch.rand(1, 3, 32, 32))
    images = model.run_loops(low, high)
    net = model.net_g
    torch.testing.assert_close(images.enhanced, net.enhance(low).enhanced)
    for result, image, base in (
        (images.cycled_high, images.degraded, net.nrn(images.degraded)),
        (images.identity_high, high, high),
        (images.restored, images.pseudo_low, images.pseudo_low),
    ):
        torch.testing.assert_close(result, net.generator(net.generator_input(image, base)) + base)


def test_a_step_of_each_kind_runs_and_changes_the_network() -> None:
    torch.manual_seed(0)
    model = small_model(exposed_options(warm_start={"num_iter": 1, "shuffle_colours": True}))
    model.feed_data({"low": torch.rand(1, 3, 32, 32) * 0.1, "high": torch.rand(1, 3, 32, 32)})
    for iteration in (1, 2):
        before = [parameter.clone() for parameter in model.net_g.parameters()]
        model.optimize_parameters(iteration)
        assert any(not torch.equal(old, new) for old, new in zip(before, model.net_g.parameters(), strict=True))
        assert all(term == term for term in model.get_current_log().values())

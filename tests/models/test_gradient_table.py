"""Which term sends a gradient to which network, the table that the released code fails: its CLIP term reaches none."""

import pytest
import torch
from torch import Tensor

from nerco_plugin.archs.blocks import high_pass
from nerco_plugin.models.nerco_model import NeRCoModel
from tests.losses.tiny_clip import save_tiny_clip
from tests.models.small_model import small_model

NRN, ME, G_H, G_L = "nrn", "mask_extractor", "generator", "degrade"
TABLE = {
    "l_nr": {NRN},
    "l_cycle_low": {NRN, ME, G_H, G_L},
    "l_cycle_high": {NRN, ME, G_H, G_L},
    "l_identity_low": {G_L},
    "l_identity_high": {G_H},
    "l_g_high": {NRN, ME, G_H},
    "l_g_edge_high": {NRN, ME, G_H},
    "l_g_low": {ME, G_L},
    "l_g_edge_low": {ME, G_L},
    "l_g_normalized": {NRN},
    "l_rec1": {NRN, ME, G_H},
    "l_rec2": {ME, G_H, G_L},
    "l_insp": {ME},
    "l_clip_low": {NRN, ME, G_H, G_L},
    "l_clip_high": {NRN, ME, G_H, G_L},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> NeRCoModel:
    torch.manual_seed(0)
    clip = {"type": "CLIPCosineLoss", "pretrained": str(save_tiny_clip(tmp_path_factory.mktemp("clip")))}
    normalized = {"type": "GANLoss", "gan_type": "lsgan", "loss_weight": 2.0}
    return small_model(clip_opt=clip, gan_normalized_opt=normalized)


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, 32, 32) * 0.6 - 1, torch.rand(2, 3, 32, 32) * 2 - 1


def reached(model: NeRCoModel, term: Tensor) -> set[str]:
    """The networks that ``term`` sends a gradient other than zero to."""
    networks = {
        NRN: model.net_g.nrn,
        ME: model.net_g.mask_extractor,
        G_H: model.net_g.generator,
        G_L: model.net_degrade,
    }
    found = set()
    for name, network in networks.items():
        gradients = torch.autograd.grad(term, list(network.parameters()), retain_graph=True, allow_unused=True)
        if any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients):
            found.add(name)
    return found


def test_every_generator_term_reaches_its_networks_and_no_other(
    model: NeRCoModel, batch: tuple[Tensor, Tensor]
) -> None:
    terms = model.generator_terms(model.run_loops(*batch), *batch)
    assert {name: reached(model, term) for name, term in terms.items()} == TABLE


def test_the_lightness_mask_is_trained_by_the_cooperative_terms_alone(
    model: NeRCoModel, batch: tuple[Tensor, Tensor]
) -> None:
    terms = model.generator_terms(model.run_loops(*batch), *batch)
    weight = model.net_g.mask_extractor.lightness[1].weight
    training = {
        name
        for name, term in terms.items()
        if (gradient := torch.autograd.grad(term, weight, retain_graph=True, allow_unused=True)[0]) is not None
        and gradient.abs().max() > 0
    }
    assert training == {"l_rec1", "l_rec2", "l_insp"}


def test_a_discriminator_term_reaches_its_discriminator_alone(model: NeRCoModel, batch: tuple[Tensor, Tensor]) -> None:
    images = model.run_loops(*batch).each(Tensor.detach)
    for discriminator in model.discriminators:
        for other in model.discriminators:
            other.bare.requires_grad_(True).zero_grad()
        model.net_g.zero_grad()
        (term,) = model.discriminator_terms(discriminator, images, *batch).values()
        term.backward()
        for other in model.discriminators:
            assert all((weight.grad is not None) == (other is discriminator) for weight in other.bare.parameters())
        assert all(weight.grad is None for weight in model.dual_loop.parameters())


def test_the_edge_discriminators_see_edges_in_both_steps(model: NeRCoModel, batch: tuple[Tensor, Tensor]) -> None:
    discriminator = next(discriminator for discriminator in model.discriminators if discriminator.name == "edge_high")
    seen: list[Tensor] = []
    hook = discriminator.bare.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    images = model.run_loops(*batch)
    discriminator.judge(images)
    for pool in discriminator.pools.values():
        pool.images.clear()  # so that the newest images come back
    discriminator.compare(images, batch[1])
    hook.remove()
    generated = [images.enhanced, images.pseudo_high]
    torch.testing.assert_close(seen[0], high_pass(torch.cat(generated)))
    torch.testing.assert_close(seen[1], high_pass(torch.cat([batch[1], *generated])))


def test_every_parameter_gets_a_gradient(model: NeRCoModel, batch: tuple[Tensor, Tensor]) -> None:
    """Or distributed training would wait for it (find_unused_parameters is off)."""
    for paired in (False, True):
        model.dual_loop.zero_grad()
        terms = model.pair_terms(*batch) if paired else model.generator_terms(model.run_loops(*batch), *batch)
        torch.stack(list(terms.values())).sum().backward()
        assert [name for name, weight in model.dual_loop.named_parameters() if weight.grad is None] == []

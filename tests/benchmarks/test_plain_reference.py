"""The plain reference computes what our networks do, and a step of it has our terms and gradients."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.counting import multiply_adds
from benchmarks.plain_reference import PlainMLP, PlainNeRCo, make_plain, plain_generator, released_test_path
from nerco_plugin.archs.blocks.implicit import ImplicitMLP
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nerco_arch import NeRCo
from tests.losses.tiny_clip import save_tiny_clip
from tests.models.small_model import small_model

SMALL = {"num_feat": 8, "num_block": 1, "num_mask_block": 1, "hidden_dim": 16}


@pytest.mark.parametrize("options", [{}, {"use_position": False}, {"upsample": "resize"}], ids=str)
@torch.inference_mode()
def test_enhancing_gives_the_same_image(options: dict[str, object]) -> None:
    network = NeRCo(**SMALL, **options).eval()
    low = torch.rand(2, 3, 40, 64)
    torch.testing.assert_close(network(low), PlainNeRCo(network)(low), rtol=0, atol=1e-4)


@torch.inference_mode()
def test_the_released_test_gives_the_same_image_after_seven_runs() -> None:
    network, degrade = NeRCo(**SMALL).eval(), ResnetGenerator(num_feat=8, num_block=1)
    low, high = torch.rand(2, 1, 3, 40, 64)
    plain = PlainNeRCo(network)
    runs: list[str] = []
    wholes = {"nrn": plain.nrn, "me": plain.mask_extractor, "g_h": plain.generator, "g_l": plain_generator(degrade)}
    for name, whole in wholes.items():
        whole.register_forward_hook(lambda *_, name=name: runs.append(name))
    enhanced = released_test_path(plain, wholes["g_l"], low, high)
    torch.testing.assert_close(enhanced, network(low), rtol=0, atol=1e-4)
    assert runs == ["nrn", "me", "g_h", "g_l", "g_l", "nrn", "g_h"]


@torch.inference_mode()
def test_the_plain_mlp_does_the_work_of_the_released_one() -> None:
    """75.6 against 18.3 GMAC at 256 x 256, so their ratio is 4.13 at any size."""
    mlp = ImplicitMLP()
    feature = torch.rand(1, 64, 16, 16)
    plain, ours = (multiply_adds(lambda run=run: run(feature)) for run in (PlainMLP(mlp), mlp))
    assert plain / ours == pytest.approx(75.6 / 18.3, rel=0.01)


def test_a_step_has_the_same_terms_and_gradients(tmp_path: Path) -> None:
    clip = {"type": "CLIPCosineLoss", "pretrained": str(save_tiny_clip(tmp_path / "clip"))}
    batch = {name: torch.rand(2, 3, 32, 32) for name in ("low", "high")}
    logs, gradients = [], []
    for plain in (False, True):
        torch.manual_seed(0)
        model = small_model(clip_opt=clip)
        weights: list[list[Tensor]] = [list(model.dual_loop.parameters())]
        weights += [list(discriminator.bare.parameters()) for discriminator in model.discriminators]
        if plain:
            make_plain(model)
        for optimizer in model.optimizers:
            optimizer.step = lambda *_, **__: None  # type: ignore[method-assign]
        model.feed_data(batch)
        model.optimize_parameters(1)
        logs.append(model.get_current_log())
        gradients.append([torch.cat([weight.grad.flatten() for weight in network]) for network in weights])
    assert logs[0].keys() == logs[1].keys()
    for name, term in logs[0].items():
        torch.testing.assert_close(term, logs[1][name], rtol=1e-4, atol=1e-4, msg=name)
    for ours, theirs in zip(*gradients, strict=True):
        assert (ours - theirs).norm() < 1e-3 * theirs.norm()


def test_what_the_plain_reference_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="enhance_input: concat"):
        PlainNeRCo(NeRCo(**SMALL, enhance_input="normalized"))

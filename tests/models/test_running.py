"""How a step runs its networks: how often, without waiting for the device, compiled or repeated with one result."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nerco_plugin.archs.blocks import implicit
from nerco_plugin.models import mended
from nerco_plugin.models.nerco_model import NeRCoModel
from tests.losses.tiny_clip import save_tiny_clip
from tests.models.small_model import ADAM, small_model, small_options

FUSED = {**ADAM, "fused": True}  # what CUDA gets by itself; the plain Adam reads its step counter on the host
WAITING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::masked_select"}
WAITING |= {"aten::lift_fresh"}  # a tensor of Python's numbers, which is copied to the device
WARM = {"num_iter": 9, "shuffle_colours": True, "noise_blur": [0.1, 0.6], "jpeg_share": 0.5}


def batch(size: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(size, 3, 32, 32, generator=generator) for name in ("low", "high")}


def gradients(iteration: int = 1, **train: Any) -> list[Tensor]:
    """Of the first step of a new model, before its optimizers move anything."""
    torch.manual_seed(0)
    model = small_model(**train)
    for optimizer in model.optimizers:
        optimizer.step = lambda *_, **__: None  # type: ignore[method-assign]
    model.feed_data(batch(2))
    model.optimize_parameters(iteration)
    networks = [model.dual_loop, *(discriminator.bare for discriminator in model.discriminators)]
    return [
        torch.cat([weight.grad.flatten() for weight in net.parameters() if weight.grad is not None])
        for net in networks[: 1 if train.get("warm_start") else None]
    ]


@pytest.mark.parametrize(
    "train", [{}, {"amp": "bf16"}, {"warm_start": {"num_iter": 1}}], ids=["float32", "bf16", "warm"]
)
def test_recomputing_gives_the_same_gradients(train: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implicit, "STRIP_PIXELS", 200)  # that the NRN works in strips, which it recomputes by itself
    kept, recomputed = gradients(**train), gradients(**train, checkpoint=True)
    tolerance = 0.05 if "amp" in train else 1e-3  # runs of one image and of several round differently
    for one, two in zip(kept, recomputed, strict=True):
        assert (one - two).norm() < tolerance * one.norm()


def test_channels_last_gives_the_same_gradients() -> None:
    for one, two in zip(gradients(), gradients(channels_last=True), strict=True):
        assert (one - two).norm() < 1e-3 * one.norm()


def test_compiling_hands_every_network_to_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that computes as torch does: what inductor makes of it is torch's affair, and takes minutes."""
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *a, **options: real(*a, **{**options, "backend": backend}))
    expected, compiled = gradients(), gradients(compile=True)
    assert len(graphs) >= 4 + 4  # NRN, mask extractor, G_H, G_L, and the discriminators
    for one, two in zip(expected, compiled, strict=True):
        assert (one - two).norm() < 1e-3 * one.norm()


def test_a_compiled_models_weights_have_their_usual_names() -> None:
    plain, compiled = small_model(), small_model(compile=True, checkpoint=True)
    assert list(compiled.dual_loop.state_dict()) == list(plain.dual_loop.state_dict())
    assert list(compiled.discriminators[0].bare.state_dict()) == list(plain.discriminators[0].bare.state_dict())


class NoWaiting(TorchDispatchMode):
    """Fails where a value is read or made on the host, which on a GPU would wait for all that is under way."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert function.name().split(".")[0] not in WAITING, f"{function.name()} waits for the device"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "ahead",
    [{}, {"amp": "bf16"}, {"warm_start": WARM, "ssim_opt": {"type": "SSIMLoss"}}],
    ids=["float32", "bf16", "warm"],
)
def test_a_step_waits_for_nothing(ahead: dict[str, Any], tmp_path: Path) -> None:
    clip = {"type": "CLIPCosineLoss", "pretrained": str(save_tiny_clip(tmp_path / "clip"))}
    options = small_options(clip_opt=clip, optim_g=FUSED, optim_d=FUSED, image_pool_size=50, ema_decay=0.9, **ahead)
    options["network_g"].update(exposure=0.48, highlights=0.72, shadows=0.15)
    model = small_model(options)
    model.feed_data(batch())
    model.optimize_parameters(1)  # the first one looks at the range of CLIP's images
    with NoWaiting():
        model.feed_data(batch())
        model.optimize_parameters(2)
    with NoWaiting(), pytest.raises(AssertionError, match="waits for the device"):
        float(model.get_current_log()["l_nr"])


@contextmanager
def counted_runs(model: NeRCoModel) -> Iterator[Counter[str]]:
    """How many images went through every network, and in how many runs, as ``NAME runs`` and ``NAME images``."""
    counts: Counter[str] = Counter()
    networks: dict[str, nn.Module] = {
        "nrn": model.net_g.nrn,
        "mask_extractor": model.net_g.mask_extractor,
        "generator": model.net_g.generator,
        "degrade": model.net_degrade,
        **{discriminator.name: discriminator.bare for discriminator in model.discriminators},
    }
    if model.objective.clip is not None:
        networks["clip"] = model.objective.clip.prepare().encoder

    def count(name: str, images: Tensor) -> None:
        counts[f"{name} runs"] += 1
        counts[f"{name} images"] += len(images)

    hooks = [
        network.register_forward_pre_hook(lambda _, inputs, name=name: count(name, inputs[0]))
        for name, network in networks.items()
    ]
    yield counts
    for hook in hooks:
        hook.remove()


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    clip = {"type": "CLIPCosineLoss", "pretrained": str(save_tiny_clip(tmp_path / "clip"))}
    model = small_model(clip_opt=clip)
    model.feed_data(batch())
    with counted_runs(model) as counts:
        model.optimize_parameters(1)
    discriminators = [discriminator.name for discriminator in model.discriminators]
    assert counts == {
        "mask_extractor runs": 2,  # the low-light image, and the degraded one once there is one
        "mask_extractor images": 2,
        "nrn runs": 1,  # both of them
        "nrn images": 2,
        "generator runs": 1,
        "generator images": 4,  # enhanced, cycled, restored, identity
        "degrade runs": 2,
        "degrade images": 3,  # degraded and identity; cycled
        **{f"{name} runs": 2 for name in discriminators},  # the generators' step and its own
        **{f"{name} images": 2 + 3 for name in discriminators},  # generated and pseudo; with a real one
        "clip runs": 1,
        "clip images": 4,
    }


def test_frozen_networks_get_no_gradients(tmp_path: Path) -> None:
    clip = {"type": "CLIPCosineLoss", "pretrained": str(save_tiny_clip(tmp_path / "clip"))}
    model = small_model(clip_opt=clip)
    model.feed_data(batch())
    seen: list[bool] = []
    for optimizer in model.optimizers:
        optimizer.register_step_pre_hook(
            lambda *_: seen.extend(
                weight.grad is None
                for discriminator in model.discriminators
                for weight in discriminator.bare.parameters()
            )
        )
    model.optimize_parameters(1)
    weights = len(seen) // 2
    assert all(seen[:weights])  # in the generators' step
    assert not any(seen[weights:])
    assert all(weight.grad is None for weight in model.objective.clip.prepare().encoder.parameters())


def test_optimizers_are_fused_on_cuda_unless_the_options_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [nn.Parameter(torch.zeros(2))]
    get = small_model().get_optimizer
    assert get("Adam", weights, lr=1.0).defaults["fused"] is None
    monkeypatch.setattr(mended, "_on_cuda", lambda _: True)
    assert get("Adam", weights, lr=1.0).defaults["fused"] is True
    assert get("Adam", weights, lr=1.0, fused=False).defaults["fused"] is False
    assert get("Adam", weights, lr=1.0, foreach=True).defaults["fused"] is None
    assert "fused" not in get("RMSprop", weights, lr=1.0).defaults


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_are_copied_beside_the_computation() -> None:
    from nerco_plugin.engine.loader import GPUCopies

    images = torch.rand(2, 3, 64, 64).pin_memory()
    moved = GPUCopies(torch.device("cuda", 0))({"low": images, "low_path": ["a"]})
    assert moved["low"].is_cuda
    assert moved["low_path"] == ["a"]
    assert torch.equal(moved["low"].cpu(), images)

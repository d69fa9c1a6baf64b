"""MendedMixin: what it repairs of BasicSR's BaseModel."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from basicsr.models.sr_model import SRModel
from safetensors.torch import save_file
from torch import nn

from nerco_plugin.models.mended import MendedMixin, NonFiniteError, find_schedule, mended
from nerco_plugin.models.rng_state import get_rng_state, kept_rng_state, set_rng_state
from nerco_plugin.models.state_file import CheckpointError, load_torch, save_torch, write_atomically

Build = Callable[..., Any]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def build(**train: Any) -> Any:
        settings = {
            "optim_g": {"type": "Adam", "lr": 0.1},
            "scheduler": {"type": "MultiStepLR", "milestones": [6], "gamma": 0.5},
            "pixel_opt": {"type": "L1Loss"},
        }
        opt = {
            "num_gpu": 0,
            "is_train": True,
            "dist": False,
            "rank": 0,
            "world_size": 1,
            "path": {"models": str(tmp_path), "training_states": str(tmp_path)},
            "network_g": {"type": "MSRResNet", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 2, "num_block": 1},
            "train": settings | train,
        }
        model = mended(SRModel)(deepcopy(opt))
        model.feed_data({"lq": torch.rand(1, 3, 4, 4), "gt": torch.rand(1, 3, 16, 16)})
        return model

    return build


def rates(model: Any, iterations: int, warmup: int = -1) -> list[float]:
    found = []
    for iteration in range(1, iterations + 1):
        model.update_learning_rate(iteration, warmup_iter=warmup)
        model.optimize_parameters(iteration)
        found.append(model.get_current_learning_rate()[0])
    return found


def test_mixes_in_once() -> None:
    cls = mended(SRModel)
    assert cls.__name__ == "MendedSRModel"
    assert issubclass(cls, SRModel)
    assert mended(cls) is cls
    assert cls.save_network is MendedMixin.save_network


@pytest.mark.parametrize("optimizer", [{"type": "AdamW", "weight_decay": 0.1}, {"type": "SGD", "momentum": 0.9}])
def test_any_optimizer(build: Build, optimizer: dict[str, Any]) -> None:
    model = build(optim_g=optimizer | {"lr": 0.1})
    assert type(model.optimizer_g).__name__ == optimizer["type"]
    model.optimize_parameters(1)


def test_unknown_names_are_said(build: Build) -> None:
    with pytest.raises(ValueError, match="no optimizer 'Adamm'"):
        build(optim_g={"type": "Adamm", "lr": 0.1})
    with pytest.raises(ValueError, match="no optimizer 'Optimizer'"):
        build(optim_g={"type": "Optimizer", "lr": 0.1})
    with pytest.raises(ValueError, match="no schedule 'LinearLR'"):
        find_schedule("LinearLR")


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ({"type": "LinearDecayLR", "total_iter": 4, "decay_start": 1}, [0.1, 0.1, 0.2 / 3, 0.1 / 3]),
        ({"type": "CosineAnnealingRestartLR", "periods": [4], "eta_min": 0}, [0.1, 0.085355339, 0.05, 0.014644661]),
    ],
)
def test_schedules_leave_the_options_alone(build: Build, scheduler: dict[str, Any], expected: list[float]) -> None:
    model = build(scheduler=scheduler)
    assert model.opt["train"]["scheduler"] == scheduler
    assert rates(model, 4) == pytest.approx(expected)


def test_warm_up_reaches_the_full_rate_and_keeps_milestones(build: Build) -> None:
    assert rates(build(), 8, warmup=4) == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.05, 0.05])


def test_losses_stay_tensors(build: Build) -> None:
    log = build().reduce_loss_dict({"l_a": torch.tensor([1.0, 3.0]), "l_b": 0.5})
    assert {name: (type(value), value.item()) for name, value in log.items()} == {
        "l_a": (torch.Tensor, 2.0),
        "l_b": (torch.Tensor, 0.5),
    }


def test_the_average_has_the_networks_buffers(build: Build) -> None:
    model = build(ema_decay=0.5)
    model.net_g, model.net_g_ema = nn.BatchNorm2d(3), nn.BatchNorm2d(3).requires_grad_(False)
    model.net_g(torch.rand(4, 3, 8, 8) + 5)
    model.net_g.weight.data.fill_(3.0)
    model.model_ema(decay=0.5)
    assert torch.equal(model.net_g_ema.weight, torch.full((3,), 2.0))
    assert (model.net_g_ema.running_mean > 0.5).all()
    assert dict(model.net_g_ema.named_buffers()).keys() == dict(model.net_g.named_buffers()).keys()
    for mean, now in zip(model.net_g_ema.buffers(), model.net_g.buffers(), strict=True):
        assert torch.equal(mean, now)


def test_what_basicsrs_models_leave_is_saved_and_taken_back(
    build: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, other = build(), build()
    best = {"pairs": {"psnr": {"better": "higher", "val": np.float64(20.5), "iter": 4}}}
    model.best_metric_results = best  # as calculate_psnr returns it to RealESRNetModel
    model.mean_path_length = torch.tensor(1.5)  # StyleGAN2Model
    model.save_training_state(0, 4)
    other.queue_size = 180  # RealESRGANModel
    other.resume_training(load_torch(tmp_path / "4.state"))
    assert other.best_metric_results == best
    assert other.mean_path_length.item() == 1.5
    assert "MendedSRModel's pool of training pairs begins anew: not exact" in caplog.text


def test_saved_network_is_read_back_whatever_its_form(build: Build, tmp_path: Path) -> None:
    model, other = build(ema_decay=0.9), build()
    model.save_network([model.net_g, model.net_g_ema], "net_g", 7, ["params", "params_ema"])
    weights = load_torch(tmp_path / "net_g_7.pth")
    assert set(weights) == {"params", "params_ema", "metadata"}
    assert json.loads(weights["metadata"]["network_g"]) == model.opt["network_g"]
    forms = {
        "as_saved": weights,
        "bare": weights["params"],
        "ema_only": {"params_ema": weights["params"]},
        "parallel": {"params": {f"module.{name}": value for name, value in weights["params"].items()}},
    }
    for name, form in forms.items():
        save_torch(form, tmp_path / f"{name}.pth")
        other.net_g.conv_first.weight.data.zero_()
        other.load_network(other.net_g, str(tmp_path / f"{name}.pth"))
        assert torch.equal(other.net_g.conv_first.weight, model.net_g.conv_first.weight), name


def test_a_moving_average_that_is_not_taken_is_told(
    build: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = build(ema_decay=0.9)
    model.save_network([model.net_g, model.net_g_ema], "net_g", 7, ["params", "params_ema"])
    for is_train, key, told in ((True, "params", False), (False, "params_ema", False), (False, "params", True)):
        model.is_train = is_train
        model.load_network(model.net_g, str(tmp_path / "net_g_7.pth"), param_key=key)
        assert ("path:param_key_g: params_ema takes it" in caplog.text) is told


def test_weights_saved_with_another_network_g_are_told(
    build: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = build()
    model.save_network(model.net_g, "net_g", 7)
    content = load_torch(tmp_path / "net_g_7.pth")
    for saved, words in (({}, ""), ({"upscale": 2}, "net_g_7.pth was saved with another network_g, upscale: 2 (here ")):
        content["metadata"]["network_g"] = json.dumps(model.opt["network_g"] | saved)
        save_torch(content, tmp_path / "net_g_7.pth")
        caplog.clear()
        model.load_network(model.net_g, str(tmp_path / "net_g_7.pth"))
        assert ("another network_g" in caplog.text) is bool(words)
        assert words in caplog.text


@pytest.mark.parametrize("metadata", [None, "text", {"network_g": "no JSON"}, {"network_g": "[1]"}, {"network_g": {}}])
def test_metadata_of_another_kind_is_no_hindrance(build: Build, tmp_path: Path, metadata: Any) -> None:
    model, other = build(), build()
    save_torch({"params": model.net_g.state_dict(), "metadata": metadata}, tmp_path / "foreign.pth")
    other.load_network(other.net_g, str(tmp_path / "foreign.pth"))
    assert torch.equal(other.net_g.conv_first.weight, model.net_g.conv_first.weight)


def test_safetensors_are_read_too(build: Build, tmp_path: Path) -> None:
    model, other = build(), build()
    save_file(model.net_g.state_dict(), tmp_path / "net_g.safetensors")
    other.load_network(other.net_g, str(tmp_path / "net_g.safetensors"), param_key="params_ema")
    for name, value in model.net_g.state_dict().items():
        assert torch.equal(other.net_g.state_dict()[name], value), name


def test_wrong_weights_are_refused_by_name(build: Build, tmp_path: Path) -> None:
    model = build()
    save_torch({"params": {"body": torch.zeros(1)}}, tmp_path / "other.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "other.pth").read_bytes()[:200])
    torch.save({"params": pytest.approx(1)}, tmp_path / "code.pth")
    said = r"other.pth does not fit MSRResNet: conv_first.weight is missing, .* and \d+ tensors more$"
    with pytest.raises(CheckpointError, match=said):
        model.load_network(model.net_g, str(tmp_path / "other.pth"))
    for name in ("cut.pth", "code.pth"):
        with pytest.raises(CheckpointError, match=f"cannot read .*{name}"):
            model.load_network(model.net_g, str(tmp_path / name))
    save_torch(torch.zeros(1), tmp_path / "tensor.pth")
    with pytest.raises(CheckpointError, match="tensor.pth holds Tensor"):
        model.load_network(model.net_g, str(tmp_path / "tensor.pth"))
    with pytest.raises(CheckpointError, match=r"no such file: .*absent.pth"):
        model.load_network(model.net_g, str(tmp_path / "absent.pth"))


def test_bad_weights_never_replace_good_ones(build: Build, tmp_path: Path) -> None:
    model = build()
    model.save_network(model.net_g, "net_g", -1)
    before = (tmp_path / "net_g_latest.pth").read_bytes()
    model.net_g.conv_last.bias.data[1] = float("inf")
    with pytest.raises(NonFiniteError, match="parameter conv_last.bias is not finite"):
        model.save_network(model.net_g, "net_g", -1)
    assert (tmp_path / "net_g_latest.pth").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(CheckpointError, match="No space left on device"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_another_number_of_optimizers_is_refused(build: Build) -> None:
    with pytest.raises(CheckpointError, match="the state has 2 optimizers, these options build 1"):
        build().resume_training({"optimizers": [{}, {}], "schedulers": []})


def test_random_state_survives_a_file(tmp_path: Path) -> None:
    def draw() -> list[float]:
        return [random.gauss(0, 1), np.random.normal(), torch.rand(()).item()]

    draw()
    save_torch(get_rng_state(), tmp_path / "rng.pth")
    first = draw()
    with kept_rng_state():
        draw()
    second = draw()
    set_rng_state(load_torch(tmp_path / "rng.pth"))
    assert [draw(), draw()] == [first, second]


def test_how_an_optimizer_computes_is_not_taken_back(build: Build) -> None:
    model = build()
    model.optimize_parameters(1)
    model.save_training_state(0, 1)
    state = load_torch(Path(model.opt["path"]["training_states"]) / "1.state")
    (group,) = state["optimizers"][0]["param_groups"]
    group["fused"], group["foreach"], group["lr"] = True, False, 0.3
    model.resume_training(state)
    (group,) = model.optimizer_g.param_groups
    assert (group["fused"], group["foreach"], group["lr"]) == (None, None, 0.3)


def test_moments_lie_in_memory_as_their_weights_do(build: Build) -> None:
    """Of a run with another ``channels_last``; fused Adam would mix them up."""
    model, other = build(), build()
    model.optimize_parameters(1)
    model.save_training_state(0, 1)
    state = load_torch(Path(model.opt["path"]["training_states"]) / "1.state")
    expected = [moments["exp_avg"] for moments in model.optimizer_g.state.values()]
    other.net_g.to(memory_format=torch.channels_last)
    other.resume_training(state)
    found = [(weight, moments["exp_avg"]) for weight, moments in other.optimizer_g.state.items()]
    assert any(weight.stride() != old.stride() for (weight, _), old in zip(found, expected, strict=True))
    for (weight, new), old in zip(found, expected, strict=True):
        assert new.stride() == weight.stride()
        assert torch.equal(new, old)


def test_a_run_on_the_cpu_leaves_the_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # and yet not initialized
    state = get_rng_state()
    assert state["cuda"] is None
    monkeypatch.setattr(torch.cuda, "set_rng_state", asked := [].append)
    set_rng_state({**state, "cuda": torch.zeros(16, dtype=torch.uint8)})  # of a run on a GPU
    assert not asked.__self__

"""The option files of options/mix train on real pairs: every part of each is reached, changed, saved and validated."""

import math
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from nerco_plugin.engine.distributed import Place, process_group
from nerco_plugin.engine.options import OptionError, build_options, parse_arguments
from nerco_plugin.engine.signals import StopRequest
from nerco_plugin.engine.train import prepare
from tests.losses.tiny_clip import save_tiny_clip

MIX = Path(__file__).resolve().parents[2] / "options" / "mix"
ITERATIONS = 3
NERCO = ("num_feat=4", "num_block=1", "hidden_dim=8")
RRDBNET = ("num_feat=4", "num_block=1", "num_grow_ch=4")
PAIRED = ("train:scheduler:periods=[3]", "datasets:train:gt_size=32", "datasets:train:batch_size_per_gpu=2")


def within(block: str, *values: str) -> list[str]:
    return [f"network_g:{block}{value}" for value in values]


@pytest.fixture(scope="module")
def pairs(nerco_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The training pairs, and pieces of two of them, of odd sizes, to validate on."""
    folder = tmp_path_factory.mktemp("held_back")
    paths = {"train": nerco_data / "lol" / "train_paired", "val": folder}
    for side in ("low", "high"):
        (folder / side).mkdir()
        for path in sorted((paths["train"] / side).iterdir())[:2]:
            cv2.imwrite(str(folder / side / path.name), cv2.imread(str(path))[100:137, 200:263])
    return paths


def run(name: str, pairs: dict[str, Path], root: Path, *force: str) -> Any:
    """Train what options/mix/NAME.yml says for a few iterations; returns the Training at its end."""
    low, high = ("dataroot_low", "dataroot_high") if name == "rrdbnet_in_nerco" else ("dataroot_lq", "dataroot_gt")
    forced = [f"datasets:train:{low}={pairs['train'] / 'low'}", f"datasets:train:{high}={pairs['train'] / 'high'}"]
    forced += [f"datasets:val:dataroot_lq={pairs['val'] / 'low'}", f"datasets:val:dataroot_gt={pairs['val'] / 'high'}"]
    forced += ["num_gpu=0", f"train:total_iter={ITERATIONS}", "datasets:train:num_worker_per_gpu=0", *force]
    forced += ["logger:print_freq=1", f"name={name}"]
    args = parse_arguments(["-opt", str(MIX / f"{name}.yml"), "--force_yml", *forced], is_train=True)
    opt = build_options(args, root, is_train=True)
    with process_group(Place(), opt):
        training = prepare(opt, args, StopRequest())
        before = {key: value.clone() for key, value in training.model.net_g.state_dict().items()}
        training.run()
    training.moved = {
        key for key, value in training.model.net_g.state_dict().items() if not torch.equal(value, before[key])
    }
    return training


def check(training: Any, root: Path, *parts: str) -> None:
    """Finite terms, a checkpoint, pictures of the inputs' sizes, scores, and weights that moved in every part."""
    assert training.iteration == ITERATIONS
    assert all(math.isfinite(float(term)) for term in training.model.get_current_log().values())
    for part in parts:
        assert any(key.startswith(part) for key in training.moved), f"nothing in {part} was trained"
    folder = root / "experiments" / training.opt["name"]
    assert (folder / "models" / f"net_g_{ITERATIONS}.pth").is_file()
    pictures = list((folder / "visualization").rglob("*.png"))
    assert [cv2.imread(str(path)).shape for path in pictures] == [(37, 63, 3)] * 2
    best = next(iter(training.model.best_metric_results.values()))
    assert math.isfinite(best["psnr"]["val"])


def test_nerco_on_pairs(pairs: dict[str, Path], tmp_path: Path) -> None:
    training = run("nerco_on_pairs", pairs, tmp_path, *PAIRED, *within("", *NERCO))
    check(training, tmp_path, "nrn.encoder", "nrn.mlp", "mask_extractor.cam", "generator")
    assert not any("lightness" in key for key in training.moved)  # as the option file says


def test_the_nrn_before_rrdbnet(pairs: dict[str, Path], tmp_path: Path) -> None:
    training = run(
        "nrn_before_rrdbnet", pairs, tmp_path, *PAIRED, *within("front:", *NERCO), *within("body:", *RRDBNET)
    )
    check(training, tmp_path, "front.network.encoder", "front.network.mlp", "body.network.body")


def test_cam_in_rrdbnet(pairs: dict[str, Path], tmp_path: Path) -> None:
    force = within("network:", *RRDBNET) + within("", "num_feat=4")
    training = run("cam_in_rrdbnet", pairs, tmp_path, *PAIRED, *force)
    inside = "network.network.conv_body"
    check(training, tmp_path, f"{inside}.cam.channel", f"{inside}.cam.spatial", f"{inside}.module", "network.network.b")


def test_clip_and_edges_in_srgan(pairs: dict[str, Path], tmp_path: Path) -> None:
    clip = f"train:perceptual_opt:pretrained={save_tiny_clip(tmp_path / 'clip')}"
    force = [clip, "network_d:num_feat=4", *within("", "num_feat=4", "num_conv=2")]
    training = run("clip_and_edges_in_srgan", pairs, tmp_path, *PAIRED, *force)
    check(training, tmp_path, "body")
    terms = training.model.get_current_log()
    assert terms.keys() == {"l_g_pix", "l_g_percep", "l_g_gan", "l_d_real", "out_d_real", "l_d_fake", "out_d_fake"}
    assert abs(terms["l_g_percep"]) > 0
    assert (tmp_path / "experiments" / "clip_and_edges_in_srgan" / "models" / f"net_d_{ITERATIONS}.pth").is_file()


def test_rrdbnet_in_nerco(pairs: dict[str, Path], tmp_path: Path) -> None:
    force = ["train:scheduler:total_iter=3", "train:scheduler:decay_start=1", "train:warm_start:num_iter=1"]
    force += ["datasets:train:size=32", "network_degrade:num_feat=4", "network_degrade:num_block=1"]
    force += [f"network_d_{name}:num_feat=4" for name in ("high", "low", "edge_high", "edge_low")]
    force += within("", *NERCO) + within("generator:", *RRDBNET)
    training = run("rrdbnet_in_nerco", pairs, tmp_path, *force)
    check(training, tmp_path, "nrn.mlp", "mask_extractor.lightness", "generator.0.network.body")
    assert {"l_cycle_low", "l_rec2", "l_g_high", "l_d_edge_low"} <= training.model.get_current_log().keys()


def test_clip_without_weights_is_found_at_the_check(pairs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"train:perceptual_opt: CLIPPerceptualLoss: .*empty"):
        run(
            "clip_and_edges_in_srgan", pairs, tmp_path, *PAIRED, f"train:perceptual_opt:pretrained={tmp_path}/empty.bin"
        )

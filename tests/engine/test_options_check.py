"""Options are held against what they name before anything is built: known keys, types, classes, relations."""

from pathlib import Path
from typing import Any

import pytest
import torch
from basicsr.models.base_model import BaseModel
from basicsr.models.sr_model import SRModel
from basicsr.utils.registry import ARCH_REGISTRY, DATASET_REGISTRY, LOSS_REGISTRY, MODEL_REGISTRY, Registry
from option_samples import build, faults, make_project
from torch.nn import functional as F

from nerco_plugin.data.unpaired_image_dataset import UnpairedImageDataset
from nerco_plugin.engine import options_relations
from nerco_plugin.models.nerco_model import NeRCoModel
from tests.losses.tiny_clip import save_tiny_clip

UNKNOWN = {
    "sr": [
        ("trian:lr=1", "the option file has no key 'trian'; did you mean 'train'?"),
        ("modle_type=SRModel", "modle_type: unknown option, SRModel does not read it"),
        ("train:ema_deacy=0.9", "train:ema_deacy: unknown option, SRModel does not read it; did you mean 'ema_decay'?"),
        ("train:gan_opt={type: GANLoss}", "train:gan_opt: unknown option, SRModel does not read it"),
        ("network_d={type: VGGStyleDiscriminator}", "network_d: unknown option, SRModel does not read it"),
        ("save_img=true", "save_img: unknown option, SRModel does not read it; it belongs under 'val'"),
        ("network_g:num_feats=4", "network_g:num_feats: MSRResNet takes no such argument"),
        ("network_g:type=MSRResnet", "network_g:type: no network 'MSRResnet' is registered; did you mean 'MSRResNet'?"),
        ("model_type=SRModle", "model_type: no model 'SRModle' is registered; did you mean 'SRModel'?"),
        ("train:pixel_opt:type=L1Los", "train:pixel_opt:type: no loss 'L1Los' is registered; did you mean 'L1Loss'?"),
        ("train:pixel_opt:wieght=1", "train:pixel_opt:wieght: L1Loss takes no such argument"),
        ("train:optim_g:type=Adm", "train:optim_g:type: torch.optim has no optimizer 'Adm'; did you mean 'Adam'?"),
        ("train:optim_g:betass=[0,1]", "train:optim_g:betass: Adam takes no such argument"),
        (
            "train:scheduler:type=MultistepLR",
            "train:scheduler:type: there is no schedule 'MultistepLR'; did you mean",
        ),
        ("train:scheduler:gamma=1", "train:scheduler:gamma: CosineAnnealingRestartLR takes no such argument"),
        ("datasets:train:type=PairedDataset", "datasets:train:type: no data set 'PairedDataset' is registered"),
        ("datasets:train:gt_sise=16", "datasets:train:gt_sise: unknown option, PairedImageDataset does not read it"),
        ("datasets:valid={type: SingleImageDataset}", "datasets:valid: expected train, val or val_* as the name"),
        ("val:val_frq=1", "val:val_frq: unknown option, SRModel does not read it"),
        ("val:metrics:psnr:type=psnr", "val:metrics:psnr:type: no metric 'psnr' is registered"),
        ("val:metrics:psnr:crop_bordr=1", "calculate_psnr takes no such argument"),
        ("val:metrics:psnr:better=more", "val:metrics:psnr:better: expected 'higher' or 'lower', got 'more'"),
        ("logger:print_frq=1", "logger:print_frq: unknown option, the engine does not read it"),
        ("logger:wandb:projct=x", "logger:wandb:projct: unknown option"),
        ("dist_params:prt=1", "dist_params:prt: unknown option, the engine does not read it"),
        ("path:strict_load=true", "path:strict_load: unknown option"),
        ("path:pretrain_network_d=x", "path:pretrain_network_d: unknown option"),
    ],
    "nerco": [
        ("network_d_hihg={type: ColorDiscriminator}", "network_d_hihg: unknown option, NeRCoModel does not read it"),
        ("train:pixel_opt={type: L1Loss}", "train:pixel_opt: unknown option, NeRCoModel does not read it"),
        ("train:warm_start:num_iters=3", "train:warm_start takes no such argument"),
        ("datasets:train:sise=3", "datasets:train:sise: unknown option, UnpairedImageDataset does not read it"),
    ],
}
WRONG = {
    "sr": [
        ("name=1", "name: expected text, got 1"),
        ("name=a/b", "name: expected a name that a folder can have, got 'a/b'"),
        ("datasets:val:name=/photographs", "datasets:val:name: expected a name that a folder can have, got '/photo"),
        (
            "val:paper_table=LOLv2",
            "val:paper_table: expected 'LOL' or 'LSRW' or 'LIME' or 'ablation' or dict, got 'LOLv2'",
        ),
        ("num_gpu=many", "num_gpu: expected int or 'auto', got 'many'"),
        ("num_gpu=-1", "num_gpu: expected int >= 0, got -1"),
        ("manual_seed=-3", "manual_seed: expected int >= 0, got -3"),
        ("scale=0", "scale: expected float > 0.0, got 0"),
        ("train:total_iter=-5", "train:total_iter: expected int >= 1, got -5"),
        ("train:total_iter=100.5", "train:total_iter: expected int, got 100.5"),
        ("train:total_iter=true", "train:total_iter: expected int, got True"),
        (f"train:total_iter={10**30}", "train:total_iter: expected int <= 9007199254740992"),
        ("train:ema_decay=1", "train:ema_decay: expected float < 1.0, got 1"),
        ("train:optim_g:lr=.nan", "train:optim_g:lr: expected a finite number, got nan"),
        ("train:optim_g:lr=.inf", "train:optim_g:lr: expected a finite number, got inf"),
        ("train:optim_g:lr=-1", "train:optim_g: Adam: Invalid learning rate: -1"),
        ("train:optim_g:lr=fast", "train:optim_g:lr: expected float, got 'fast'"),
        ("train:optim_g:betas=[0.9, 1.5]", "train:optim_g: Adam: Invalid beta parameter at index 1: 1.5"),
        ("train:optim_g={type: Adam}", "train:optim_g: Adam needs 'lr'"),
        ("train:optim_g=Adam", "train:optim_g: expected a mapping with the type and arguments of a optimizer"),
        ("train:pixel_opt=L1Loss", "train:pixel_opt: expected a mapping with the type and arguments of a loss"),
        ("train:pixel_opt={reduction: mean}", "train:pixel_opt: needs 'type', the name of a loss"),
        ("train:pixel_opt:loss_weight=heavy", "train:pixel_opt:loss_weight: expected float, got 'heavy'"),
        ("train:scheduler:periods=[50]", "train:scheduler: CosineAnnealingRestartLR: periods and restart_weights"),
        ("train:scheduler:periods=50", "train:scheduler:periods: expected a list, got 50"),
        ("train:scheduler:periods=[50, x]", "train:scheduler:periods: expected int at [1], got [50, 'x']"),
        ("network_g:num_feat=four", "network_g:num_feat: expected int | float, got 'four'"),
        ("network_g:num_feat=[4]", "network_g:num_feat: expected int | float, got [4]"),
        ("network_g:type=[a]", "network_g:type: expected the name of a network, got ['a']"),
        ("datasets:train:batch_size_per_gpu=0", "batch_size_per_gpu: expected int >= 1, got 0"),
        ("datasets:train:pin_memory=maybe", "datasets:train:pin_memory: expected bool, got 'maybe'"),
        ("datasets:train:io_backend:type=dsk", "io_backend:type: expected one of disk, lmdb, memcached, got 'dsk'"),
        ("datasets=[1]", "datasets: expected a mapping, got [1]"),
        ("datasets:val=3", "datasets:val: expected a mapping, got 3"),
        ("path=3", "path: expected a mapping, got 3"),
        ("datasets:train:io_backend=disk", "datasets:train:io_backend: expected a mapping, got 'disk'"),
        ("datasets:train:meta_info_file=[a]", "datasets:train:meta_info_file: expected a path, got ['a']"),
        ("logger:wandb={project: x}", "logger:wandb: needs logger:use_tb_logger: true, from which it copies"),
        ("logger:wandb=.nan", "logger:wandb: expected a mapping, got nan"),
        ("network_g:upscale=7", "network_g: MSRResNet: "),
        ("val:metrics=[psnr]", "val:metrics: expected a mapping, got ['psnr']"),
        ("val:metrics:psnr=3", "val:metrics:psnr: expected a mapping with the type and arguments of a metric, got 3"),
        ("val:save_img=1", "val:save_img: expected bool, got 1"),
        ("logger:print_freq=0", "logger:print_freq: expected int >= 1, got 0"),
        ("dist_params:backend=ncl", "dist_params:backend: expected 'nccl' or 'gloo', got 'ncl'"),
    ],
    "nerco": [
        ("network_g:num_frequencies=-1", "network_g: NeRCo: num_frequencies must be an integer of at least 0, got -1"),
        ("network_g:num_feat=4.5", "network_g:num_feat: expected int, got 4.5"),
        (
            "network_g:enhance_input=both",
            "network_g: NeRCo: enhance_input must be one of concat, normalized, got 'both'",
        ),
        ("train:amp=bf61", "train:amp: expected 'bf16' or 'fp16', got 'bf61'"),
        ("train:accumulate=0", "train:accumulate: expected int >= 1, got 0"),
        ("train:warm_start:exposure=[1]", "train:warm_start:exposure: expected a list of length 2, got [1]"),
        ("train:gan_opt:gan_type=gan", "train:gan_opt: GANLoss: GAN type gan is not implemented"),
        ("train:warm_start:exposure=[0.5, 1.5]", "train:warm_start: exposure must not exceed 1"),
        ("train:warm_start:exposure=[0.5, 0.1]", "train:warm_start: exposure must be two rising positive numbers"),
        ("datasets:train:load_size=8", "datasets:train: load_size must be at least size = 24, got 8"),
        ("datasets:train:resize_mode=crpo", "resize_mode: expected 'resize' or 'crop' or 'resize_crop', got 'crpo'"),
    ],
}
MISSING = {
    "sr": [
        ("model_type", "an option file needs 'model_type'"),
        ("name", "an option file needs 'name'"),
        ("datasets", "an option file needs 'datasets'"),
        ("train", "SRModel needs 'train'"),
        ("network_g", "SRModel needs 'network_g'"),
        ("datasets:train", "datasets: needs 'train', the data to train on"),
        ("datasets:train:type", "datasets:train: needs 'type', the name of a data set"),
        ("datasets:train:gt_size", "datasets:train: PairedImageDataset needs 'gt_size'"),
        ("datasets:train:dataroot_lq", "datasets:train: PairedImageDataset needs 'dataroot_lq'"),
        ("datasets:train:batch_size_per_gpu", "datasets:train: needs 'batch_size_per_gpu'"),
        ("network_g:type", "network_g: needs 'type', the name of a network"),
        ("train:total_iter", "train: SRModel needs 'total_iter'"),
        ("train:scheduler", "train: SRModel needs 'scheduler'"),
        ("train:optim_g", "train: SRModel needs 'optim_g'"),
        ("train:optim_g:type", "train:optim_g: needs 'type', the name of a optimizer"),
        ("val:metrics:psnr:crop_border", "val:metrics:psnr: calculate_psnr needs 'crop_border'"),
    ],
    "nerco": [("network_degrade", "NeRCoModel needs 'network_degrade'"), ("train:optim_d", "needs train:optim_d")],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


def flat(cases: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(file, *case) for file, group in cases.items() for case in group]


@pytest.mark.parametrize("file", ["sr", "gan", "nerco", "test"])
def test_sound_options_pass(project: Path, file: str) -> None:
    assert build(project, file)["remarks"] == []


@pytest.mark.parametrize(("file", "override", "words"), flat(UNKNOWN) + flat(WRONG))
def test_one_fault_is_found_and_is_the_only_one(project: Path, file: str, override: str, words: str) -> None:
    message = faults(project, file, override)
    assert words in message
    assert f"--force_yml {override}: " in message


@pytest.mark.parametrize(("file", "path", "words"), flat(MISSING))
def test_what_is_missing_is_named(project: Path, file: str, path: str, words: str) -> None:
    lines = (project / "options" / f"{file}.yml").read_text().splitlines()
    *around, key = path.split(":")
    start = 0
    for name in around:
        start = next(n for n in range(start, len(lines)) if lines[n].strip().startswith(f"{name}:")) + 1
    indent = "  " * len(around)
    first = next(n for n in range(start, len(lines)) if lines[n].startswith(f"{indent}{key}:"))
    last = next((n for n in range(first + 1, len(lines)) if not lines[n].startswith(indent + " ")), len(lines))
    (project / "options" / f"{file}.yml").write_text("\n".join(lines[:first] + lines[last:]))
    assert words in faults(project, file)


def test_all_faults_come_in_one_message_in_the_order_of_lines(project: Path) -> None:
    file = project / "options" / "sr.yml"
    text = file.read_text().replace("ema_decay", "ema_deacy").replace("crop_border", "crop_bordr")
    file.write_text(
        text.replace("num_block: 1", "num_blok: 1").replace("dataroot_gt: datasets/gt", "dataroot_gt: none")
    )
    message = faults(project, "sr", "train:total_iter=0")
    assert message.startswith("7 faults in the options:\n  --force_yml train:total_iter=0: ")
    lines = [int(line.split("sr.yml:")[1].split(":")[0]) for line in message.splitlines()[2:]]
    assert lines == sorted(lines)
    assert f"{file}:{lines[-1]}: val:metrics:psnr:crop_bordr: " in message


def test_what_was_meant_is_one_that_is_not_there_yet(project: Path) -> None:
    file = project / "options" / "sr.yml"
    file.write_text(file.read_text().replace("ema_decay", "ema_deacy").replace("num_feat", "num_feats"))
    message = faults(project, "sr")
    assert "train:ema_deacy: unknown option, SRModel does not read it; did you mean 'ema_decay'?" in message
    assert "network_g:num_feats: MSRResNet takes no such argument; did you mean 'num_feat'?" in message


def test_what_was_meant_may_stand_in_the_base(project: Path) -> None:
    (project / "options" / "mine.yml").write_text("base: sr.yml\ntrain: {ema_deacy: 0.9}\n")
    message = faults(project, "mine")
    assert "train:ema_deacy: unknown option, SRModel does not read it; did you mean 'ema_decay'?" in message


def test_a_fault_of_a_base_points_into_the_base(project: Path) -> None:
    base = project / "options" / "sr.yml"
    base.write_text(base.read_text().replace("num_block: 1", "num_blok: 1"))
    assert f"{base}:35: network_g:num_blok: " in faults(project, "gan")


def test_whole_floats_become_whole_numbers(project: Path) -> None:
    opt = build(project, "sr", "train:scheduler:periods=[5e1, 5e1]", "network_g:num_feat=4.0")
    for value in (opt["val"]["val_freq"], opt["logger"]["save_checkpoint_freq"], opt["network_g"]["num_feat"]):
        assert type(value) is int


def test_null_is_off_for_a_part_and_the_default_for_an_argument(project: Path) -> None:
    opt = build(project, "nerco", "network_g:num_block=~", "val:metrics:niqe=~", "train:warm_start=~", "datasets:val=~")
    assert "num_block" not in opt["network_g"]
    assert opt["val"]["metrics"] == {}
    assert list(opt["datasets"]) == ["train"]


# ---------------------------------------------------------------- relations


@pytest.mark.parametrize(
    ("file", "overrides", "words"),
    [
        ("sr", ["train:total_iter=101"], "[50, 50] end at iteration 100, before train:total_iter 101"),
        (
            "nerco",
            ["train:total_iter=200"],
            "the learning rate is 0 after iteration 100, before train:total_iter 200",
        ),
        ("sr", ["num_gpu=99"], "num_gpu: 99 wanted"),
        ("nerco", ["train:gan_opt=~"], "network_d_high needs train:gan_opt"),
        ("nerco", ["network_d_high=~", "network_d_low=~"], "train:gan_opt needs network_d_high or network_d_low"),
        (
            "nerco",
            ["network_g:use_nrn=false", "train:nr_opt={type: NRLoss}"],
            "train:nr_opt judges the NRN's images, and network_g:use_nrn is false",
        ),
        ("nerco", ["train:cycle_opt=~"], "train:warm_start trains the generators by train:cycle_opt, which is missing"),
        (
            "nerco",
            ["train:warm_start=~", "train:ssim_opt={type: SSIMLoss}"],
            "train:ssim_opt judges the pairs of train:warm_start, which has no iterations",
        ),
        (
            "nerco",
            ["datasets:train:size=10", "train:ssim_opt={type: SSIMLoss}"],
            "datasets:train:size: 10 is less than the 11 pixels of train:ssim_opt's window",
        ),
        ("nerco", ["train:gan_opt:gan_type=vanilla"], "gan_type must be one: cooperative_opt lsgan, gan_opt vanilla"),
        ("nerco", ["train:cooperative_opt=~"], "train:cooperative_opt and network_g:use_mask_extractor go together"),
        (
            "nerco",
            ["val:metrics:psnr={type: calculate_psnr, crop_border: 0}"],
            "calculate_psnr compares with references, which val (SingleImageDataset) does not have",
        ),
        (
            "test",
            ["datasets:test_1:name=pears", "val:paper_table={pears: LOL, pairs: LIME}"],
            "val:paper_table:pairs: no data set has this name; did you mean 'pears'?",
        ),
        (  # of two sets one has them, but this model validates by itself and asks for them in both
            "test",
            ["model_type=RealESRNetModel", "val:metrics={psnr: {type: calculate_psnr, crop_border: 0}}"],
            "calculate_psnr compares with references, which test_2 (SingleImageDataset) does not have",
        ),
    ],
)
def test_options_that_contradict_each_other(project: Path, file: str, overrides: list[str], words: str) -> None:
    assert words in faults(project, file, *overrides)


def test_scored_data_sets_have_names_of_their_own(project: Path) -> None:
    build(project, "sr", "datasets:train:name=held_back")
    words = "datasets:test_2:name: 'same' is another data set's name too"
    assert words in faults(project, "test", "datasets:test_1:name=same", "datasets:test_2:name=same")


def test_the_better_score_is_the_one_that_the_metric_says(project: Path) -> None:
    names = ("calculate_loe", "calculate_niqe", "calculate_niqe_paper", "calculate_psnr")
    metrics = ", ".join(f"{name}: {{type: {name}, crop_border: 0, better: ~}}" for name in names)
    opt = build(project, "sr", f"val:metrics={{{metrics}, other: {{type: calculate_loe, better: higher}}}}")
    found = {name: block.get("better", "higher") for name, block in opt["val"]["metrics"].items()}
    assert list(found.values()) == ["lower", "lower", "lower", "higher", "higher"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train:identity_opt={type: NRLoss}"], "train:identity_opt: NRLoss cannot be this term: "),
        (["train:cycle_opt={type: L1Loss}"], "train:cycle_opt: L1Loss cannot be this term: "),
        (
            ["train:gan_opt={type: L1Loss}", "train:cooperative_opt=~", "network_g:use_mask_extractor=false"],
            "train:gan_opt: L1Loss cannot be this term: ",
        ),
        (
            ["train:cooperative_opt={type: GANLoss, gan_type: lsgan}"],
            "train:cooperative_opt: GANLoss cannot be this term: ",
        ),
        (
            ["train:nr_opt={type: PerceptualLoss, layer_weights: {conv1_2: 1}}"],
            "train:nr_opt: PerceptualLoss cannot be",
        ),
        (["train:nr_opt={type: CycleConsistencyLoss}"], "train:nr_opt: CycleConsistencyLoss cannot be this term: "),
        (["network_g={type: RRDBNet, num_in_ch: 3, num_out_ch: 3}"], "network_g: RRDBNet is no NeRCo, whose parts"),
        (
            ["network_degrade={type: RRDBNet, num_in_ch: 3, num_out_ch: 3, scale: 4, num_feat: 4, num_block: 1}"],
            "network_degrade: RRDBNet makes (3, 96, 96) of (3, 24, 24), and the loops need the same",
        ),
        (
            ["network_g:generator={type: RRDBNet, num_in_ch: 6, num_out_ch: 3, num_feat: 4, num_block: 1}"],
            "network_g: NeRCo ",
        ),
        (
            ["network_d_high={type: VGGStyleDiscriminator, num_in_ch: 3, num_feat: 4, input_size: 128}"],
            "network_d_high: VGGStyleDiscriminator does not take the training images of 24 x 24: Input size must",
        ),
        (
            ["datasets:train:size=16"],
            "network_d_low: ColorDiscriminator does not take the training images of 16 x 16: image must be at least 24",
        ),
        (["train:optim_g={type: LBFGS, lr: 1}"], "train:optim_g: LBFGS: "),
        (["train:optim_g={type: SparseAdam, lr: 1}"], "train:optim_g: SparseAdam: SparseAdam does not support dense"),
    ],
)
def test_parts_that_do_not_fit_their_place(project: Path, overrides: list[str], words: str) -> None:
    message = faults(project, "nerco", *overrides)
    assert words in message
    assert all(line.count(": ") > 1 for line in message.splitlines()[1:])  # one line each


def test_parts_that_fit_in_other_ways_pass(project: Path) -> None:
    pixels = "train:nr_opt={type: CharbonnierLoss}"
    generator = "network_g:generator={type: RRDBNet, num_in_ch: 6, num_out_ch: 3, scale: 1, num_feat: 4, num_block: 1}"
    discriminator = "network_d_high={type: VGGStyleDiscriminator, num_in_ch: 3, num_feat: 4, input_size: 128}"
    build(project, "nerco", pixels, generator, discriminator, "datasets:train:size=128", "datasets:train:load_size=130")
    build(project, "nerco", "train:optim_g:capturable=true")  # refused by torch on the CPU alone


def test_a_loss_is_tried_at_the_training_size(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pyramid(torch.nn.Module):
        def forward(self, image: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
            return F.avg_pool2d(image - truth, 24).mean()  # refuses less than 24 pixels

    monkeypatch.setitem(LOSS_REGISTRY._obj_map, "Pyramid", Pyramid)
    build(project, "nerco", "train:nr_opt={type: Pyramid}")
    message = faults(project, "nerco", "train:nr_opt={type: Pyramid}", "datasets:train:size=23")
    assert "train:nr_opt: Pyramid cannot be this term: " in message


def test_clip_on_its_place(project: Path, tmp_path: Path) -> None:
    clip = f"pretrained: {save_tiny_clip(tmp_path / 'clip')}"
    build(project, "nerco", f"train:clip_opt={{type: CLIPCosineLoss, {clip}}}")
    words = "train:clip_opt: CLIPPerceptualLoss cannot be this term: "
    assert words in faults(project, "nerco", f"train:clip_opt={{type: CLIPPerceptualLoss, {clip}}}")
    assert "nr_opt: CLIPCosineLoss cannot be this term: it looks" in faults(
        project, "nerco", f"train:nr_opt={{type: CLIPCosineLoss, {clip}}}"
    )


def test_a_batch_is_that_of_all_processes(project: Path) -> None:
    both = {"flags": ("--launcher", "pytorch"), "world_size": 2}
    words = "an iteration takes 4 images and the data have 3: it sees some twice"
    assert build(project, "sr", **both)["remarks"] == [words]
    assert build(project, "sr", "datasets:train:dataset_enlarge_ratio=2", **both)["remarks"] == [words]
    assert build(project, "sr")["remarks"] == []


@pytest.mark.parametrize(
    ("file", "overrides", "words"),
    [
        ("nerco", ["train:accumulate=3"], "train:accumulate is 3: a batch of 1 has no more parts than images"),
        ("sr", ["logger:keep_best=1", "val:metrics=~"], "logger:keep_best keeps none: it needs a val data set and val"),
        (
            "nerco",
            [f"network_d_{name}=~" for name in ("high", "low", "edge_high", "edge_low")]
            + ["train:gan_opt=~", "train:gan_edge_opt=~", "train:optim_d=~"],
            "train:cooperative_opt: l_insp (Eq. 13) is 0",
        ),
        ("sr", ["name=undebugged"], "name: undebugged has 'debug' in it, so BasicSR logs every iteration"),
    ],
)
def test_what_runs_otherwise_than_meant_is_remarked_upon(
    project: Path, file: str, overrides: list[str], words: str
) -> None:
    (remark,) = build(project, file, *overrides)["remarks"]
    assert remark.startswith(words)


def test_a_folder_without_images_is_found(project: Path) -> None:
    (project / "datasets" / "empty").mkdir()
    assert "datasets:val:dataroot_lq: no images in folder" in faults(
        project, "sr", "datasets:val:dataroot_lq=datasets/empty"
    )


def test_a_shorter_run_than_planned_is_remarked_upon(project: Path) -> None:
    assert build(project, "nerco", "train:total_iter=5")["remarks"] == [
        "train:scheduler goes on until iteration 100, the run ends at 5",
        "train:warm_start:num_iter is 10: the run of 5 iterations ends before it does",
    ]
    assert build(project, "gan", "train:total_iter=60")["remarks"] == [
        "train:scheduler:milestones [80] come after the end of the run at 60"
    ]
    assert build(project, "sr", "datasets:val=~")["remarks"] == [
        "val:metrics are not computed: there is no val data set"
    ]


@pytest.mark.parametrize("is_quick", [False, True])
def test_amp_that_costs_time_is_remarked_upon(project: Path, is_quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options_relations, "multiplies_bf16", lambda: is_quick)
    remarks = build(project, "nerco", "train:amp=bf16", "num_gpu=0")["remarks"]
    assert any("train:amp saves memory and costs time here" in remark for remark in remarks) != is_quick
    assert build(project, "nerco", "num_gpu=0")["remarks"] == []


def test_clip_weights_are_missed_before_the_run(project: Path) -> None:
    clip = "train:clip_opt={type: CLIPCosineLoss, pretrained: weights/none.pt}"
    assert "train:clip_opt:pretrained: no such file or folder: 'weights/none.pt'" in faults(project, "nerco", clip)
    assert "is no file or folder, nor a tag of ViT-B-32" in faults(
        project, "nerco", clip.replace("weights/none.pt", "x")
    )


# ---------------------------------------------------------------- foreign classes


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for registry in (MODEL_REGISTRY, ARCH_REGISTRY, DATASET_REGISTRY):
        monkeypatch.setattr(registry, "_obj_map", dict(registry._obj_map))


class ReadsByName(SRModel):
    """Reads an unusual key, and one that it puts together."""

    def init_training_settings(self) -> None:
        self.strange = self.opt["train"]["strangeness"]
        self.extra = {name: self.opt["train"].get(f"{name}_power") for name in ("blue", "red")}
        super().init_training_settings()


class ReadsByVariable(BaseModel):
    """Reads keys that its source does not tell."""

    def __init__(self, opt: dict[str, Any]) -> None:
        super().__init__(opt)
        self.settings = {key: self.opt["train"][key] for key in sorted(opt["wanted"])}


def register(registry: Registry, cls: type) -> None:
    registry.register(cls)


@pytest.mark.usefixtures("registries")
def test_a_foreign_model_keeps_its_unusual_keys_and_its_typos_are_found(project: Path) -> None:
    register(MODEL_REGISTRY, ReadsByName)
    file = project / "options" / "sr.yml"
    sound = file.read_text().replace("SRModel", "ReadsByName")
    assert "train: ReadsByName needs 'strangeness'" in faults(project, "sr", "model_type=ReadsByName")
    file.write_text(sound.replace("train:\n  ema", "train:\n  strangeness: 3\n  red_power: 1\n  ema"))
    build(project, "sr")
    file.write_text(sound.replace("train:\n  ema_decay", "train:\n  strangeness: 3\n  ema_deacy"))
    assert "train:ema_deacy: unknown option, ReadsByName does not read it" in faults(project, "sr")


@pytest.mark.usefixtures("registries")
def test_a_model_that_reads_by_variable_may_have_any_key_but_a_near_one(project: Path) -> None:
    register(MODEL_REGISTRY, ReadsByVariable)
    file = project / "options" / "sr.yml"
    text = file.read_text().replace("SRModel", "ReadsByVariable").replace("\nscale: 2", "\nscale: 2\nwanted: [zeal]")
    file.write_text(text.replace("train:\n  ema", "train:\n  zeal: 3\n  ema"))
    build(project, "sr")
    file.write_text(text.replace("warmup_iter", "warmup_itre"))
    assert "did you mean 'warmup_iter'?" in faults(project, "sr")
    file.write_text(text)
    assert "train:zeal: unknown option" in faults(project, "sr", "train:zeal=3")  # typed: must be known for sure


class Toned(UnpairedImageDataset):
    """Has an option of its own beside those that its parent publishes."""

    def __init__(self, opt: dict[str, Any]) -> None:
        super().__init__(opt)
        self.tone = opt.get("tone", 1.0)


class Smoothed(NeRCoModel):
    """Likewise."""

    def init_training_settings(self) -> None:
        self.smoothness = self.opt["train"].get("smoothness", 0)
        super().init_training_settings()


@pytest.mark.usefixtures("registries")
def test_a_child_of_a_class_that_publishes_its_options_may_have_more(project: Path) -> None:
    register(DATASET_REGISTRY, Toned)
    register(MODEL_REGISTRY, Smoothed)
    own = ("model_type=Smoothed", "datasets:train:type=Toned")
    build(project, "nerco", *own, "datasets:train:tone=2.0", "train:smoothness=0.1")
    for typo in ("datasets:train:toen=2.0", "train:smothness=0.1", "train:acumulate=1"):
        assert f"{typo.partition('=')[0]}: unknown option" in faults(project, "nerco", *own, typo)
    assert "datasets:train:size: expected" in faults(project, "nerco", *own, "datasets:train:size=0")
    assert "datasets:train:tone: unknown option" in faults(project, "nerco", "datasets:train:tone=2.0")


class Tail(torch.nn.Module):
    """Takes a network's options, and hands further ones on."""

    def __init__(self, inner: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner


@pytest.mark.usefixtures("registries")
def test_networks_within_networks_are_checked(project: Path) -> None:
    register(ARCH_REGISTRY, Tail)
    build(project, "sr", "network_g={type: Tail, inner: {type: MSRResNet, num_feat: 4}}")
    message = faults(project, "sr", "network_g={type: Tail, inner: {type: MSRResNet, num_feats: 4}}")
    assert "network_g:inner:num_feats: MSRResNet takes no such argument" in message

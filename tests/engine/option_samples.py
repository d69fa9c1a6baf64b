"""A project folder with a few tiny photographs, and option files for it in the shape that BasicSR users write."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nerco_plugin.engine.options import OptionError, build_options, parse_arguments

SR = """\
name: sr
model_type: SRModel
scale: 2
num_gpu: 0
manual_seed: 0
datasets:
  train:
    name: pairs
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/lq
    meta_info_file: ~
    filename_tmpl: '{}'
    io_backend:
      type: disk
    gt_size: 16
    use_hflip: true
    use_rot: true
    num_worker_per_gpu: 0
    batch_size_per_gpu: 2
    dataset_enlarge_ratio: 1
    prefetch_mode: ~
  val:
    name: held_back
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/lq
    io_backend:
      type: disk
network_g:
  type: MSRResNet
  num_in_ch: 3
  num_out_ch: 3
  num_feat: 4
  num_block: 1
  upscale: 2
path:
  pretrain_network_g: ~
  param_key_g: params
  strict_load_g: true
  resume_state: ~
train:
  ema_decay: 0.999
  optim_g:
    type: Adam
    lr: !!float 2e-4
    weight_decay: 0
    betas: [0.9, 0.99]
  scheduler:
    type: CosineAnnealingRestartLR
    periods: [50, 50]
    restart_weights: [1, 1]
    eta_min: !!float 1e-7
  total_iter: 100
  warmup_iter: -1
  pixel_opt:
    type: L1Loss
    loss_weight: 1.0
    reduction: mean
val:
  val_freq: !!float 5e3
  save_img: false
  metrics:
    psnr:
      type: calculate_psnr
      crop_border: 4
      test_y_channel: false
      better: higher
logger:
  print_freq: 100
  save_checkpoint_freq: !!float 5e3
  use_tb_logger: false
  wandb:
    project: ~
    resume_id: ~
dist_params:
  backend: nccl
  port: 29500
"""

GAN = """\
base: sr.yml
name: gan
model_type: ESRGANModel
network_d:
  type: VGGStyleDiscriminator
  num_in_ch: 3
  num_feat: 4
train:
  optim_d:
    type: Adam
    lr: 1e-4
    betas: [0.9, 0.99]
  scheduler:
    type: MultiStepLR
    milestones: [50, 80]
    gamma: 0.5
  perceptual_opt:
    type: PerceptualLoss
    layer_weights:
      'conv5_4': 1
    vgg_type: vgg19
    perceptual_weight: 1.0
    style_weight: 0
    criterion: l1
  gan_opt:
    type: GANLoss
    gan_type: vanilla
    real_label_val: 1.0
    fake_label_val: 0.0
    loss_weight: !!float 5e-3
  net_d_iters: 1
  net_d_init_iters: 0
"""

NERCO = """\
name: nerco
model_type: NeRCoModel
num_gpu: auto
datasets:
  train:
    type: UnpairedImageDataset
    dataroot_low: datasets/lq
    dataroot_high: datasets/gt
    size: 24
    resize_mode: resize_crop
    load_size: 28
    num_worker_per_gpu: 0
    batch_size_per_gpu: 1
  val:
    type: SingleImageDataset
    dataroot_lq: datasets/lq
network_g:
  type: NeRCo
  num_feat: 4
  num_block: 1
network_degrade:
  type: ResnetGenerator
  num_feat: 4
  num_block: 1
network_d_high: &discriminator
  type: ColorDiscriminator
  num_feat: 4
network_d_low: *discriminator
train:
  total_iter: 100
  optim_g: &adam
    type: Adam
    lr: 2e-4
  optim_d: *adam
  scheduler:
    type: LinearDecayLR
    total_iter: 100
  cycle_opt:
    type: CycleConsistencyLoss
  gan_opt:
    type: GANLoss
    gan_type: lsgan
  cooperative_opt:
    type: CooperativeLoss
  warm_start:
    num_iter: 10
    exposure: [0.01, 0.1]
val:
  val_freq: 50
  metrics:
    niqe:
      type: calculate_niqe_guarded
"""

TEST = """\
name: test
model_type: SRModel
scale: 2
num_gpu: 0
datasets:
  test_1:
    name: one
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/lq
    io_backend:
      type: disk
  test_2:
    type: SingleImageDataset
    dataroot_lq: datasets/lq
network_g:
  type: MSRResNet
  upscale: 2
path:
  pretrain_network_g: weights/net.pth
val:
  save_img: true
  suffix: ~
"""


def make_project(tmp_path: Path) -> Path:
    """A project's folder: options/{sr,gan,nerco,test}.yml, datasets/{gt,lq}/*.png (3 pairs), weights/net.pth."""
    for folder in ("options", "weights", "datasets/gt", "datasets/lq"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in {"sr": SR, "gan": GAN, "nerco": NERCO, "test": TEST}.items():
        (tmp_path / "options" / f"{name}.yml").write_text(text)
    (tmp_path / "weights" / "net.pth").write_bytes(b"")
    for number in range(3):
        for side, size in (("gt", 32), ("lq", 16)):
            image = np.full((size, size, 3), 40 * number, np.uint8)
            cv2.imwrite(str(tmp_path / "datasets" / side / f"{number}.png"), image)
    return tmp_path


def build(
    project: Path, name: str, *overrides: str, flags: tuple[str, ...] = (), world_size: int = 1
) -> dict[str, Any]:
    """The options of options/NAME.yml as a tool builds them; test.yml is for testing."""
    is_train = name != "test"
    forced = ("--force_yml", *overrides) if overrides else ()
    args = parse_arguments(["-opt", str(project / "options" / f"{name}.yml"), *forced, *flags], is_train)
    return build_options(args, project, is_train, world_size=world_size)


def faults(project: Path, name: str, *overrides: str, **how: Any) -> str:
    """The message that refuses the same options."""
    with pytest.raises(OptionError) as caught:
        build(project, name, *overrides, **how)
    return str(caught.value)

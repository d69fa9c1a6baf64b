"""A project folder of its own with tiny photographs and option files, and runs in it, in this process or in others."""

import json
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from nerco_plugin.engine.distributed import Place, process_group
from nerco_plugin.engine.errors import answer
from nerco_plugin.engine.options import build_options, parse_arguments
from nerco_plugin.engine.run_folder import locked
from nerco_plugin.engine.signals import StopRequest
from nerco_plugin.engine.train import prepare, train

REPOSITORY = Path(__file__).resolve().parents[2]

PAIRED = """
name: tiny
model_type: SRModel
scale: 2
num_gpu: 0
manual_seed: 3
datasets:
  train:
    name: pairs
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/lq
    io_backend: {type: disk}
    gt_size: 16
    use_hflip: true
    use_rot: true
    num_worker_per_gpu: 0
    batch_size_per_gpu: 2
  val:
    name: held_back
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/lq
    io_backend: {type: disk}
network_g: {type: MSRResNet, num_in_ch: 3, num_out_ch: 3, num_feat: 4, num_block: 1, upscale: 2}
path: {resume_state: ~}
train:
  ema_decay: 0.9
  optim_g: {type: AdamW, lr: 0.01, weight_decay: 0.01, betas: [0.9, 0.99]}
  scheduler: {type: MultiStepLR, milestones: [4, 8], gamma: 0.5}
  total_iter: 12
  warmup_iter: 3
  pixel_opt: {type: L1Loss, loss_weight: 1.0, reduction: mean}
val:
  val_freq: 4
  save_img: false
  metrics:
    psnr: {type: calculate_psnr, crop_border: 0, test_y_channel: false}
logger: {print_freq: 1, save_checkpoint_freq: 3, keep_last: 3, keep_best: 0}
dist_params: {timeout: 60, check_replicas_freq: 2}
"""

UNPAIRED = """
name: nerco
model_type: NeRCoModel
num_gpu: 0
manual_seed: 3
datasets:
  train:
    name: unpaired
    type: UnpairedImageDataset
    dataroot_low: datasets/lq
    dataroot_high: datasets/gt
    size: 32
    num_worker_per_gpu: 0
    batch_size_per_gpu: 1
  val:
    name: held_back
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/gt
network_g: {type: NeRCo, num_feat: 4, num_block: 1, num_mask_block: 1, hidden_dim: 8}
network_degrade: {type: ResnetGenerator, num_feat: 4, num_block: 1}
network_d_high: {type: ColorDiscriminator, num_feat: 2}
network_d_low: {type: ColorDiscriminator, num_feat: 2}
network_d_edge_high: {type: EdgeDiscriminator, num_feat: 2}
network_d_edge_low: {type: EdgeDiscriminator, num_feat: 2}
train:
  total_iter: 8
  ema_decay: 0.9
  optim_g: &adam {type: Adam, lr: 1e-3, betas: [0.5, 0.999]}
  optim_d: *adam
  scheduler: {type: LinearDecayLR, total_iter: 8, decay_start: 4}
  image_pool_size: 2
  warm_start: {num_iter: 2}
  nr_opt: {type: NRLoss, loss_weight: 40.0}
  cycle_opt: {type: CycleConsistencyLoss, loss_weight: 10.0}
  gan_opt: {type: GANLoss, gan_type: lsgan, loss_weight: 1.0}
  gan_edge_opt: {type: GANLoss, gan_type: lsgan, loss_weight: 0.5}
  cooperative_opt: {type: CooperativeLoss, loss_weight: 0.5}
val:
  val_freq: 4
  save_img: false
  metrics:
    psnr: {type: calculate_psnr, crop_border: 0}
logger: {print_freq: 1, save_checkpoint_freq: 3}
dist_params: {timeout: 60, check_replicas_freq: 1}
"""


class StopAfter(StopRequest):
    """Stops a run at the given number of questions, as a signal at that moment would."""

    def __init__(self, questions: int | None) -> None:
        super().__init__()
        self.questions = questions

    def poll(self) -> int:
        """15 (SIGTERM) from the given question on."""
        if self.questions is None:
            return 0
        self.questions -= 1
        return 15 if self.questions < 0 else 0


class Project:
    """A folder with ``tools``, ``datasets`` and option files, in which runs leave experiments/ and results/."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(REPOSITORY / "tools", root / "tools")
        random = np.random.default_rng(0)
        for side, size in (("lq", 12), ("gt", 24)):
            (root / "datasets" / side).mkdir(parents=True)
            for number in range(5):
                picture = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
                cv2.imwrite(str(root / "datasets" / side / f"p{number}.png"), picture)
        self.paired = self.write("paired.yml", PAIRED)
        self.unpaired = self.write("unpaired.yml", UNPAIRED)

    def write(self, name: str, text: str) -> Path:
        """An option file."""
        (self.root / name).write_text(text, encoding="utf-8")
        return self.root / name

    def arguments(self, options: Path, name: str, *force: str, flags: tuple[str, ...] = ()) -> list[str]:
        """A command line for a run of that name."""
        return ["-opt", str(options), *flags, "--force_yml", f"name={name}", *force]

    def train(self, options: Path, name: str, *force: str, resume: bool = False, stop: int | None = None) -> Any:
        """Train in this process; returns the Training when it has come to its end or was stopped."""
        flags = ("--auto_resume",) if resume else ()
        args = parse_arguments(self.arguments(options, name, *force, flags=flags), is_train=True)
        opt = build_options(args, self.root, is_train=True)
        with process_group(Place(), opt), locked(opt):
            training = prepare(opt, args, StopAfter(stop))
            training.run()
        return training

    def command(self, tool: str, arguments: list[str], processes: int = 1) -> list[str]:
        """The command that runs a tool, under torchrun for several processes."""
        script = [str(self.root / "tools" / f"{tool}.py"), *arguments]
        if processes == 1:
            return [sys.executable, *script]
        torchrun = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
        return [sys.executable, *torchrun, *script, "--launcher", "pytorch"]

    def start(self, command: list[str]) -> "subprocess.Popen[str]":
        """Start a command from a folder that has nothing to do with the project."""
        return subprocess.Popen(
            command,
            cwd="/",
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, command: list[str]) -> tuple[int, str]:
        """Exit code and output of a command."""
        process = self.start(command)
        output, _ = process.communicate(timeout=800)
        return process.returncode, output

    def start_pair(self, options: Path, name: str, *force: str, launcher: str = "pytorch") -> list[ForkServerProcess]:
        """Start two training processes that work together, as the launcher would, but with the imports done."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["nerco_plugin.engine.train", "nerco_plugin.engine.errors"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = self.arguments(options, name, *force, flags=("--auto_resume", "--launcher", launcher))
        pair = [context.Process(target=train_as, args=(rank, port, self.root, arguments)) for rank in range(2)]
        for process in pair:
            process.start()
        return pair

    def train_pair(self, options: Path, name: str, *force: str, launcher: str = "pytorch") -> list[int | None]:
        """Exit codes of two processes that trained together."""
        pair = self.start_pair(options, name, *force, launcher=launcher)
        for process in pair:
            process.join(timeout=240)
        return [process.exitcode for process in pair]

    def folder(self, name: str) -> Path:
        """Of a training run."""
        return self.root / "experiments" / name

    def log(self, name: str) -> str:
        """All logs of a run, in order."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.folder(name).glob("train_*.log")))

    def manifest(self, name: str) -> list[dict[str, Any]]:
        """The checkpoints that the run's manifest lists."""
        text = (self.folder(name) / "training_states" / "manifest.json").read_text(encoding="utf-8")
        return json.loads(text)["checkpoints"]

    def weights(self, name: str, iteration: int | str, label: str = "net_g") -> dict[str, Any]:
        """The weights of a network's file, without what else it tells."""
        content = torch.load(self.folder(name) / "models" / f"{label}_{iteration}.pth", weights_only=True)
        return {key: value for key, value in content.items() if key.startswith("params")}

    def state(self, name: str, iteration: int) -> dict[str, Any]:
        """A training state."""
        return torch.load(self.folder(name) / "training_states" / f"{iteration}.state", weights_only=True)


def train_as(rank: int, port: int, root: Path, arguments: list[str]) -> None:
    """Train as one of two processes, and exit as tools/train.py does."""
    place: dict[str, Any] = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if "slurm" in arguments:
        place |= {"SLURM_PROCID": rank, "SLURM_LOCALID": rank, "SLURM_NTASKS": 2, "SLURM_NODELIST": "node[1-2]"}
    else:
        place |= {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2}
    os.environ.update({name: str(value) for name, value in place.items()})
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # of data workers, as usual
    with (root / f"output{rank}.txt").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        sys.exit(answer(lambda: train(root, arguments)))


def wait_for(what: Path) -> None:
    """Return once the file is there; fails if it does not come."""
    for _ in range(2400):
        if what.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{what} did not come")


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two states are not equal, bit by bit."""
    if isinstance(one, torch.Tensor):
        return [] if one.dtype == other.dtype and torch.equal(one, other) else [where]
    if isinstance(one, dict) and list(one) == list(other):
        return [found for key in one for found in differences(one[key], other[key], f"{where}/{key}")]
    if isinstance(one, list | tuple) and len(one) == len(other):
        return [found for i, pair in enumerate(zip(one, other)) for found in differences(*pair, f"{where}/{i}")]
    return [] if one == other else [f"{where}: {one!r}, {other!r}"]


def losses(log: str) -> dict[int, tuple[str, str]]:
    """Learning rates and losses of each iteration's log line; the last one said counts."""
    lines = re.findall(r"iter: *([\d,]+), lr:(\(.*?\))\] \[eta.*?\] (.*)", log)
    return {int(number.replace(",", "")): (rates, terms) for number, rates, terms in lines}

"""What is measured: enhancing, its parts, and training steps, ours and the plain reference's, with random weights."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import yaml
from torch import Tensor

from benchmarks.plain_reference import PlainMLP, PlainNeRCo, make_plain, plain_generator, released_test_path
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.models.nerco_model import NeRCoModel

OPTIONS = Path(__file__).resolve().parents[1] / "options" / "train_nerco_lsrw.yml"
PARTS = ("encoder", "mlp", "mask_extractor", "generator")
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
Run = Callable[[], Any]


class Subject(NamedTuple):
    """One thing to measure.

    Attributes:
        task: ``enhance``, ``step``, or the name of a part: ``encoder``, ``mlp``, ``mask_extractor``, ``generator``.
        variant: ``ours``, ``compiled`` or ``checkpoint`` (ours too), ``plain``, ``released`` (all seven network runs).
        precision: ``float32``, ``bf16`` or ``fp16``, the last two under autocast.
    """

    task: str
    variant: Literal["ours", "compiled", "checkpoint", "plain", "released"]
    precision: str
    height: int
    width: int
    batch: int
    num_feat: int
    num_block: int
    device: str

    @property
    def label(self) -> str:
        """Which of the variants of one task and size it is."""
        return f"{self.variant} {self.precision}"


def autocast(subject: Subject) -> AbstractContextManager[Any]:
    """The precision of ``subject``, for inference."""
    if subject.precision == "float32":
        return nullcontext()
    return torch.autocast(subject.device, PRECISIONS[subject.precision])


def network_options(subject: Subject) -> dict[str, Any]:
    """A NeRCo of the width asked for, otherwise that of the paper's option file."""
    return {"num_feat": subject.num_feat, "num_block": subject.num_block, "hidden_dim": 4 * subject.num_feat}


def build(subject: Subject) -> Run:
    """``subject`` ready to run, with seeded weights and images: one call is one measurement."""
    torch.manual_seed(0)
    if subject.task == "step":
        return step(subject)
    network = NeRCo(**network_options(subject)).eval().to(subject.device)
    low, high = (torch.rand(subject.batch, 3, subject.height, subject.width, device=subject.device) for _ in range(2))
    run = enhancing(subject, network, low * 0.3, high) if subject.task == "enhance" else part(subject, network, low)

    def inferred() -> Tensor:
        with torch.inference_mode(), autocast(subject):
            return run()

    return inferred


def enhancing(subject: Subject, network: NeRCo, low: Tensor, high: Tensor) -> Run:
    """The whole network, or what the released test runs."""
    if subject.variant == "ours":
        return lambda: network(low)
    if subject.variant == "compiled":
        compiled = torch.compile(network)
        return lambda: compiled(low)
    plain = PlainNeRCo(network)
    if subject.variant == "plain":
        return lambda: plain(low)
    degrade = plain_generator(ResnetGenerator(num_feat=subject.num_feat, num_block=subject.num_block).to(low.device))
    return lambda: released_test_path(plain, degrade, low, high)


def part(subject: Subject, network: NeRCo, image: Tensor) -> Run:
    """One part of the network, on inputs as it gets them."""
    assert network.nrn is not None and network.mask_extractor is not None  # noqa: PT018
    nrn, masks = network.nrn, network.mask_extractor
    feature = image.new_empty(len(image), subject.num_feat, *image.shape[2:]).uniform_()
    feature = feature.contiguous(memory_format=torch.channels_last)  # as the encoder gives them
    pair = torch.cat([image, image], dim=1)
    mlp = PlainMLP(nrn.mlp) if subject.variant == "plain" else nrn.mlp
    runs: dict[str, Run] = {
        "encoder": lambda: nrn.encoder(image),
        "mlp": lambda: mlp(feature if subject.precision == "float32" else feature.to(PRECISIONS[subject.precision])),
        "mask_extractor": lambda: masks(image),
        "generator": lambda: network.generator(pair),
    }
    return runs[subject.task]


def step_options(subject: Subject) -> dict[str, Any]:
    """The paper's option file without CLIP, which is the same on both sides."""
    options = yaml.safe_load(OPTIONS.read_text(encoding="utf-8"))
    train = options["train"]
    del train["clip_opt"]
    train["amp"] = None if subject.precision == "float32" else subject.precision
    train["compile"] = subject.variant == "compiled"
    train["checkpoint"] = subject.variant == "checkpoint"
    options["network_g"] |= network_options(subject)
    options["network_degrade"] |= {"num_feat": subject.num_feat, "num_block": subject.num_block}
    for name in ("high", "low", "edge_high", "edge_low"):
        options[f"network_d_{name}"] = {**options[f"network_d_{name}"], "num_feat": subject.num_feat}
    place = {"num_gpu": int(subject.device == "cuda"), "dist": False, "rank": 0, "world_size": 1, "is_train": True}
    return {**options, **place, "path": {}}


def step(subject: Subject) -> Run:
    """One training step, generators and discriminators; returns the log of its terms."""
    model = NeRCoModel(step_options(subject))
    if subject.variant == "plain":
        make_plain(model)
    batch = {name: torch.rand(subject.batch, 3, subject.height, subject.width) for name in ("low", "high")}

    def run() -> dict[str, Tensor]:
        model.feed_data(batch)
        model.optimize_parameters(1)
        return model.get_current_log()

    return run

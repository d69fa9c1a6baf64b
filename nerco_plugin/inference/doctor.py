"""What of this machine will work with this package and what will not, and why: ``nerco doctor``."""

import importlib.util
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import torch

from nerco_plugin import __version__
from nerco_plugin.engine.options_source import OptionError
from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.formats import VIDEO_CODECS
from nerco_plugin.inference.packaged import DEFAULT, WeightsMissingError
from nerco_plugin.losses.clip_weights import ClipWeightsMissingError, find_clip
from nerco_plugin.models.state_file import CheckpointError

CLIP = ("ViT-B-32", "openai")  # what the option files name
EXTRAS = {
    "av": "videos (nerco enhance): pip install 'nerco_plugin[video]'",
    "gradio": "the web page (nerco demo): pip install 'nerco_plugin[demo]'",
    "lpips": "the LPIPS score: pip install 'nerco_plugin[lpips]'",
}


class Findings:
    """Lines of the report, and what will not work: with ``fatal``, anything at all."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.missing: list[str] = []
        self.fatal = False

    def say(self, name: str, text: str) -> None:
        """A line of what there is."""
        self.lines.append(f"{name:<16} {text}")

    def lack(self, text: str, fatal: bool = False) -> None:
        """Something that will not work, with the reason and the remedy."""
        self.missing.append(text)
        self.fatal |= fatal


def examine(weights: str | None = None, option_file: Path | None = None) -> tuple[str, bool]:
    """The report as text, and whether enhancing can work here.

    Args:
        weights: also try to load these beside the packaged ones; see ``Enhancer.from_pretrained``.
        option_file: theirs.
    """
    findings = Findings()
    findings.say("nerco_plugin", f"{__version__}, in {Path(__file__).resolve().parents[1]}")
    findings.say("python", f"{platform.python_version()}, {sys.executable}")
    findings.say("system", f"{platform.platform()}, {os.cpu_count()} cores")
    _packages(findings)
    _devices(findings)
    _video(findings)
    _clip(findings)
    _weights(findings, weights, option_file)
    title = "Will not work here:" if findings.missing else "Everything will work here."
    missing = [f"  - {text}" for text in findings.missing]
    return "\n".join([*findings.lines, "", title, *missing]), not findings.fatal


def _packages(findings: Findings) -> None:
    from packaging.requirements import Requirement  # huggingface_hub brings it

    try:
        lines = requires("nerco_plugin") or []
    except PackageNotFoundError:
        lines = []
        findings.lack("the command nerco: this is a checkout that is not installed: pip install --editable .")
    found = []
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            findings.lack(f"{requirement.name} is not installed: pip install '{requirement}'", fatal=True)
            continue
        found.append(f"{requirement.name} {installed}")
        if not requirement.specifier.contains(installed, prereleases=True):
            findings.lack(f"{requirement.name} {installed} is not what this version was made for: {requirement}")
    findings.say("packages", ", ".join(found))
    for module, what in EXTRAS.items():
        if importlib.util.find_spec(module):
            findings.say(f"extra {module}", version(module))
        else:
            findings.lack(what)


def _devices(findings: Findings) -> None:
    findings.say("cpu", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        bf16 = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bf16"
        findings.say(f"cuda:{index}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {bf16}")
    if torch.backends.mps.is_available():
        findings.say("mps", "available")
    elif not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        findings.lack(f"a GPU: torch {torch.__version__} is built {built} and sees none; the CPU works, slowly")
    if not shutil.which("c++") and not shutil.which("g++"):
        findings.lack("--compile: torch.compile needs a C++ compiler (g++) for the CPU")


def _video(findings: Findings) -> None:
    if not importlib.util.find_spec("av"):
        return
    import av

    absent = sorted(set(VIDEO_CODECS.values()) - av.codecs_available)
    endings = " ".join(ending for ending, codec in VIDEO_CODECS.items() if codec not in absent)
    findings.say("videos", f"can write {endings or 'none'}")
    if absent:
        findings.lack(f"videos for which PyAV has no encoder: {', '.join(absent)}")


def _clip(findings: Findings) -> None:
    try:
        findings.say("CLIP", f"{' '.join(CLIP)}: {find_clip(*CLIP, quick_gelu=None).file}")
    except ClipWeightsMissingError as error:
        advice = str(error).partition("\n")[2].replace("\n", "\n    ")
        findings.lack(f"training with clip_opt: CLIP {' '.join(CLIP)} is not on this machine\n    {advice}")


def _weights(findings: Findings, weights: str | None, option_file: Path | None) -> None:
    for name, options in ((DEFAULT, None), (weights, option_file)):
        if name:
            _load(findings, name, options)
    found = sorted(Path().glob("experiments/*/models/net_g_*.pth"), key=lambda path: path.stat().st_mtime)
    if found:
        findings.say("own runs", f"{len(found)} checkpoints under experiments/, the newest {found[-1]}")


def _load(findings: Findings, weights: str, option_file: Path | None) -> None:
    try:
        network = Enhancer.from_pretrained(weights, option_file, device="cpu").network
    except (CheckpointError, OptionError, WeightsMissingError) as error:
        findings.lack(f"weights {weights}: {error}", fatal=True)
        return
    count = sum(parameter.numel() for parameter in network.parameters())
    findings.say("weights", f"{weights}: {count:,} parameters, fit")

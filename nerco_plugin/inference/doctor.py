"""What of this machine will work with this package and what will not, and why: ``nerco doctor``.

Whatever may be broken is imported where it is looked at, so that there is a report without it.
"""

import importlib.util
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from nerco_plugin import __version__
from nerco_plugin.engine.options_source import OptionError
from nerco_plugin.inference.compiler import why_not_compile
from nerco_plugin.inference.formats import VIDEO_CODECS
from nerco_plugin.inference.packaged import DEFAULT, WeightsMissingError
from nerco_plugin.inference.packages import FAULTS, MODULES, import_all, remedy
from nerco_plugin.losses.clip_weights import ClipWeightsMissingError, find_clip
from nerco_plugin.models.checkpoint_error import CheckpointError

CLIP = ("ViT-B-32", "openai")  # what the option files name
EXTRAS = {  # what needs packages that are not installed by themselves
    "videos (nerco enhance)": ("av",),
    "the web page (nerco demo)": ("gradio",),
    "ONNX files (tools/export.py)": ("onnx", "onnxruntime", "onnxscript"),
    "the LPIPS score": ("lpips",),
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
    broken = _packages(findings)
    _extras(findings)
    if "torch" not in broken:
        _devices(findings)
    if not broken & {"open_clip_torch", "huggingface_hub"}:
        _clip(findings)
    _weights(findings, weights, option_file)
    _own_runs(findings)
    title = "Will not work here:" if findings.missing else "Everything will work here."
    missing = [f"  - {text}" for text in findings.missing]
    return "\n".join([*findings.lines, "", title, *missing]), not findings.fatal


def _packages(findings: Findings) -> set[str]:
    """The packages that this one needs; returns those that cannot be imported."""
    made_for = _made_for(findings)
    faults = import_all(dict.fromkeys([*MODULES, *made_for]))
    for fault in faults:
        findings.lack(f"{', '.join(fault.names)} cannot be imported: {fault.reason}: {fault.remedy}", fatal=True)
    found = {name: _version(name) for name in MODULES}
    findings.say("packages", ", ".join(f"{name} {installed}" for name, installed in found.items() if installed))
    for name, wanted in made_for.items():
        if (installed := _version(name)) and not wanted.specifier.contains(installed, prereleases=True):
            findings.lack(f"{name} {installed} is not what this version was made for: pip install '{wanted}'")
    return {name for fault in faults for name in fault.names}


def _made_for(findings: Findings) -> dict[str, Any]:
    """What the installed package asks for, each with its versions, by name."""
    try:
        lines = requires("nerco_plugin") or []
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name
    except PackageNotFoundError:
        findings.lack("the command nerco: this is a checkout that is not installed: pip install --editable .")
        return {}
    except ImportError:  # is a finding of its own
        return {}
    asked = [Requirement(line) for line in lines]
    ours = {canonicalize_name(name): name for name in MODULES}  # an older setuptools writes open-clip-torch
    names = [ours.get(canonicalize_name(one.name), one.name) for one in asked]
    marked = zip(names, asked)
    return {name: one for name, one in marked if not one.marker or one.marker.evaluate({"extra": ""})}


def _version(name: str) -> str:
    """Empty for what is not installed under this name: OpenCV has several."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _extras(findings: Findings) -> None:
    for what, modules in EXTRAS.items():
        missing = [module for module in modules if not importlib.util.find_spec(module)]
        if missing:
            findings.lack(f"{what}: pip install {' '.join(missing)}")
        for module in modules:
            if module not in missing:
                findings.say(f"extra {module}", _version(module))
    if importlib.util.find_spec("av"):
        _video(findings)


def _devices(findings: Findings) -> None:
    import torch

    findings.say("cpu", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    visible = torch.cuda.device_count()  # by the driver, which torch may not be able to use
    usable = visible if torch.cuda.is_available() else 0
    for index in range(usable):
        about = torch.cuda.get_device_properties(index)
        bf16 = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bf16"
        findings.say(f"cuda:{index}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {bf16}")
    if torch.backends.mps.is_available():
        findings.say("mps", "available")
    elif not torch.cuda.is_available():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        seen = f"cannot use the {visible} that it sees (is the driver too old?)" if visible else "sees none"
        findings.lack(f"a GPU: torch {torch.__version__} is built {built} and {seen}; the CPU works, slowly")
    for device in ("cpu", "cuda") if usable else ("cpu",):
        if reason := why_not_compile(device):
            findings.lack(f"--compile: {reason}")


def _video(findings: Findings) -> None:
    try:
        import av
    except FAULTS as error:
        findings.lack(f"videos (nerco enhance): {type(error).__name__}: {error}: {remedy('av', error)}")
        return
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
    try:
        from nerco_plugin.inference.enhancer import Enhancer
    except FAULTS as error:
        findings.lack(f"enhancing, and weights were not tried: {type(error).__name__}: {error}", fatal=True)
        return
    for name, options in ((DEFAULT, None), (weights, option_file)):
        if not name:
            continue
        try:
            network = Enhancer.from_pretrained(name, options, device="cpu").network
        except (CheckpointError, OptionError, WeightsMissingError) as error:
            findings.lack(f"weights {name}: {error}", fatal=True)
            continue
        count = sum(parameter.numel() for parameter in network.parameters())
        findings.say("weights", f"{name}: {count:,} parameters, fit")


def _own_runs(findings: Findings) -> None:
    files = (path for path in Path().glob("experiments/*/models/net_g_*.pth") if path.is_file())  # and no broken link
    if found := sorted(files, key=lambda path: path.stat().st_mtime):
        findings.say("own runs", f"{len(found)} checkpoints under experiments/, the newest {found[-1]}")

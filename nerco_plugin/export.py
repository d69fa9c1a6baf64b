"""A trained network as a file that needs less than this package: safetensors, a torch.export program, or ONNX.

Programs and ONNX files take batches of 1 to 1024 and sides of 8 to 16384 pixels, as the network does: (N, 3, H, W) RGB
float32 in [0, 1] under the name ``image`` to ``enhanced`` of the same shape and range. Each is run once it is written,
and held against the network at three sizes; only then it gets its name, and an older file of that name goes. A program
refuses smaller sides; an ONNX file cannot, and would draw them a little differently: its metadata name the least one.

Note: where the network works in strips to save memory, an exported graph does not.
"""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from packaging.version import Version
from torch import Tensor, nn

from nerco_plugin.inference.weights import Weights, build_network, read_weights, write_weights
from nerco_plugin.models.state_file import CheckpointError, write_bytes

SIZES = ((64, 96), (53, 90), (121, 75))
OLDEST_TORCH = "2.6"  # older ones cannot tell that a graph holds for every size
SIDES = (8, 16384)
TOLERANCE = 1e-3  # a quarter of a step of 8 bits; float32 alone gives about 1e-6


class ExportError(CheckpointError):
    """A network that cannot be exported, or whose file computes something else."""


class Difference(NamedTuple):
    """Between what a file and the network make of some images of one size, on a [0, 1] range."""

    height: int
    width: int
    largest: float
    mean: float


def export(weights_file: Path, out: Path, option_file: Path | None = None) -> list[Difference]:
    """Export the network of a weights file in the format that the ending of ``out`` names.

    Args:
        weights_file: a checkpoint or packaged weights, see :func:`~nerco_plugin.inference.weights.read_weights`.
        out: ``.safetensors`` (exact, rebuilt by this package), ``.pt2`` (torch.export) or ``.onnx``.
        option_file: says which network it is where ``weights_file`` does not.

    Returns:
        The differences at each of three sizes; none for safetensors, which holds the weights themselves.

    Raises:
        CheckpointError, OptionError: the weights cannot be used.
        ExportError: another ending, a package that is missing, a network that cannot be exported, or a file whose
            results differ by more than 0.001; a file that was there stays as it was.
    """
    weights = read_weights(weights_file, option_file)
    if out.suffix == ".safetensors":
        write_weights(weights, out)
        return []
    if out.suffix not in (".pt2", ".onnx"):
        raise ExportError(f"{out}: expected the ending .safetensors, .pt2 or .onnx")
    network = build_network(weights, name=str(weights_file))
    write = write_onnx if out.suffix == ".onnx" else write_program
    unchecked = out.with_name(f".{out.stem}.unchecked{out.suffix}")
    try:
        differences = compare(network, write(trace(network), unchecked, about(weights)), str(out))
        unchecked.replace(out)
    except OSError as error:
        raise CheckpointError(f"cannot write {out}: {error}") from error
    finally:
        with contextlib.suppress(OSError):  # where there is none, nor its folder
            unchecked.unlink()
    return differences


def about(weights: Weights) -> dict[str, str]:
    """What a file says of itself: what packaged weights do, and which sides it takes, in pixels."""
    named = {"network_g": json.dumps(weights.network_g), "options": weights.options, "nerco_plugin": weights.version}
    return named | {"smallest_side": str(SIDES[0]), "largest_side": str(SIDES[1])}


def trace(network: nn.Module) -> torch.export.ExportedProgram:
    """The computation of a network in evaluation mode, for every batch and size.

    Raises:
        ExportError: it has none: some step depends on the size in a way that a graph cannot hold; or torch is older
            than the extra ``export`` asks for.
    """
    if Version(torch.__version__) < Version(OLDEST_TORCH):
        raise ExportError(f"a graph for every size needs torch {OLDEST_TORCH} or newer; this is {torch.__version__}")
    low, high = SIDES
    sides = {
        0: torch.export.Dim("batch", min=1, max=1024),
        2: torch.export.Dim("height", min=low, max=high),
        3: torch.export.Dim("width", min=low, max=high),
    }
    try:
        return torch.export.export(network, (torch.rand(2, 3, 52, 60),), dynamic_shapes=(sides,), strict=False)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ExportError(f"{type(network).__name__} cannot be exported for every size: {error}") from error


def write_program(program: torch.export.ExportedProgram, out: Path, texts: dict[str, str]) -> Callable[[Tensor], Any]:
    """Write a torch.export program, with ``texts`` as extra files; returns what the written file computes."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=texts)
    write_bytes(out, buffer.getvalue())
    return torch.export.load(out).module()


def write_onnx(program: torch.export.ExportedProgram, out: Path, texts: dict[str, str]) -> Callable[[Tensor], Any]:
    """Write an ONNX model, with ``texts`` as metadata; returns what onnxruntime computes from the file.

    Raises:
        ExportError: a package of the extra ``export`` is missing.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError as error:
        raise ExportError(f"ONNX needs {error.name}: pip install onnx onnxruntime onnxscript") from error
    exported = torch.onnx.export(
        program, dynamo=True, input_names=["image"], output_names=["enhanced"], external_data=False, verbose=False
    )
    if exported is None:
        raise ExportError(f"{out}: torch wrote no ONNX model")
    model = exported.model_proto
    _name_axes(model.graph)
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    write_bytes(out, model.SerializeToString())
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run(["enhanced"], {"image": image.numpy()})[0])


def _name_axes(graph: Any) -> None:
    """Batch, height and width by these names instead of the exporter's numbers."""
    axes = graph.input[0].type.tensor_type.shape.dim
    names = {axes[index].dim_param: name for index, name in ((0, "batch"), (2, "height"), (3, "width"))}
    for value in (*graph.input, *graph.output, *graph.value_info):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in names:
                axis.dim_param = names[axis.dim_param]


@torch.no_grad()
def compare(network: nn.Module, computed: Callable[[Tensor], Any], name: str) -> list[Difference]:
    """Hold ``computed`` against ``network`` on three images of each of SIZES, see :func:`_images`.

    Raises:
        ExportError: a difference above the tolerance, or NaN.
    """
    differences = []
    for height, width in SIZES:
        images = _images(height, width)
        apart = (computed(images) - network(images)).abs()
        differences.append(Difference(height, width, apart.max().item(), apart.mean().item()))
        if not differences[-1].largest <= TOLERANCE:
            raise ExportError(f"{name}: differs from torch by {differences[-1].largest:.3g} at {width} x {height}")
    return differences


def _images(height: int, width: int) -> Tensor:
    """Bright noise; dark noise with a cast and a black that is red; a smooth image, half dark. (3, 3, H, W).

    A bright image is exposed as it is, and noise has no detail: in it alone much of a network would not be seen.
    """
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    dark = noise * torch.tensor([0.06, 0.05, 0.03]).view(3, 1, 1) + torch.tensor([0.01, 0.0, 0.0]).view(3, 1, 1)
    smooth = torch.linspace(0.5, 1, height)[:, None] * torch.linspace(0.5, 1, width).expand(1, 3, 1, -1)
    smooth = torch.cat([0.05 * smooth[..., : width // 2], smooth[..., width // 2 :]], dim=3)
    return torch.cat([noise, dark, smooth])

"""The released NeRCo checkpoints, file by file, as weights for this package (names: archs/released_weights.py)."""

from collections.abc import Callable, Iterator
from pathlib import Path

from torch import nn

from nerco_plugin.archs.discriminator_arch import ColorDiscriminator, EdgeDiscriminator
from nerco_plugin.archs.generator_arch import ResnetGenerator
from nerco_plugin.archs.released_weights import (
    ReleasedWeightsError,
    State,
    convert_discriminator,
    convert_generator,
    convert_mask_extractor,
    convert_nerco,
    convert_nrn,
)
from nerco_plugin.inference.weights import Weights, write_weights
from nerco_plugin.models.state_file import load_torch, save_torch

NERCO = {"type": "NeRCo", "use_position": False, "enhance_input": "concat"}
COMPANIONS = {
    "G_B": ("degrade", convert_generator, ResnetGenerator),
    "D_A": ("d_high", convert_discriminator, ColorDiscriminator),
    "D_B": ("d_low", convert_discriminator, ColorDiscriminator),
    "D_A_edge": ("d_edge_high", convert_discriminator, EdgeDiscriminator),
    "D_B_edge": ("d_edge_low", convert_discriminator, EdgeDiscriminator),
}


def convert_file(path: Path, converter: Callable[[State], State]) -> State:
    """Read one released checkpoint, saved under DataParallel or not, and rename its weights."""
    content = load_torch(path)
    try:
        return converter({key.removeprefix("module."): value for key, value in content.items()})
    except ReleasedWeightsError as error:
        raise ReleasedWeightsError(f"{path}: {error}") from error


def write(params: State, network: nn.Module, path: Path) -> str:
    """Save converted weights once they fit the network that they are for, key by key; says so."""
    network.load_state_dict(params, strict=True)
    save_torch({"params": params}, path)
    return f"wrote {path}: {sum(value.numel() for value in params.values()):,} numbers for {type(network).__name__}"


def convert(folder: Path, out: Path) -> Iterator[str]:
    """Convert all that ``folder`` holds, a line of report for each file written.

    Raises:
        CheckpointError: a file cannot be read or written.
        ReleasedWeightsError: a file holds another network.
    """
    converters = {"G_A": convert_generator, "Pre": convert_nrn, "H": convert_mask_extractor}
    parts = [convert_file(folder / f"latest_net_{net}.pth", converter) for net, converter in converters.items()]
    write_weights(Weights(convert_nerco(*parts), NERCO), out)
    yield f"wrote {out}: NeRCo, ready for nerco enhance --weights {out}"
    for net, (label, converter, arch) in COMPANIONS.items():
        if (released := folder / f"latest_net_{net}.pth").exists():
            yield write(convert_file(released, converter), arch(), out.with_name(f"{out.stem}_{label}{out.suffix}"))

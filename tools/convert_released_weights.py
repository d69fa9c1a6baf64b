"""Turn the released NeRCo checkpoints into weights for this package.

python tools/convert_released_weights.py DIR OUT.pth

DIR holds latest_net_G_A.pth, latest_net_Pre.pth and latest_net_H.pth; G_B and the discriminators are taken where they
are there. OUT.pth holds {"params": ...} for the arch NeRCo with use_position: false, enhance_input: concat; the others
go beside it as OUT_degrade.pth, OUT_d_high.pth, OUT_d_low.pth, OUT_d_edge_high.pth, OUT_d_edge_low.pth.
"""

import argparse
import sys
from collections.abc import Callable
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
from nerco_plugin.models.state_file import CheckpointError, load_torch, save_torch

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


def write(params: State, network: nn.Module, path: Path) -> None:
    """Save converted weights once they fit the network that they are for, key by key."""
    network.load_state_dict(params, strict=True)
    save_torch({"params": params}, path)
    print(f"wrote {path}: {sum(value.numel() for value in params.values()):,} numbers for {type(network).__name__}")


def convert(folder: Path, out: Path) -> None:
    """Convert all that ``folder`` holds."""
    converters = {"G_A": convert_generator, "Pre": convert_nrn, "H": convert_mask_extractor}
    parts = []
    for net, converter in converters.items():
        parts.append(convert_file(folder / f"latest_net_{net}.pth", converter))
    write_weights(Weights(convert_nerco(*parts), NERCO), out)
    print(f"wrote {out}: NeRCo, ready for nerco enhance --weights {out}")
    for net, (label, converter, arch) in COMPANIONS.items():
        if (released := folder / f"latest_net_{net}.pth").exists():
            write(convert_file(released, converter), arch(), out.with_name(f"{out.stem}_{label}{out.suffix}"))


def main() -> int:
    """Parse, convert, exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("out", type=Path, metavar="OUT.pth")
    args = parser.parse_args()
    try:
        convert(args.folder, args.out)
    except (CheckpointError, ReleasedWeightsError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Widen a trained network: python tools/widen.py WEIGHTS OUT.pth --num-feat 64 --num-block 9 --hidden-dim 256

OUT.pth enhances as WEIGHTS does and has more features to learn with: name it as path:pretrain_network_g. Widths must be
whole multiples of those of WEIGHTS; blocks are added. Both are run on an image before OUT.pth is written.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

WIDTHS = ("num_feat", "num_block", "num_mask_block", "hidden_dim")


def main() -> int:
    """Parse, widen, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", metavar="WEIGHTS", help="as nerco's --weights: a checkpoint, or nerco_small")
    parser.add_argument("out", type=Path, metavar="OUT", help=".pth or .safetensors")
    parser.add_argument("--opt", type=Path, metavar="FILE", help="option file, where the weights name no network")
    for name in WIDTHS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"network_g:{name} (as it was)")
    args = parser.parse_args()
    from nerco_plugin.engine.errors import answer  # after parsing: --help need not wait

    asked = {name: getattr(args, name) for name in WIDTHS if getattr(args, name) is not None}
    return answer(lambda: write(args.weights, args.out, args.opt, asked))


def write(source: str, out: Path, option_file: Path | None, asked: dict[str, int]) -> int:
    """Widen, check, and print how many parameters it has now."""
    import torch

    from nerco_plugin.archs.widening import widen
    from nerco_plugin.inference.hub import find_weights
    from nerco_plugin.inference.weights import build_network, read_weights, write_weights
    from nerco_plugin.models.state_file import CheckpointError

    weights_file = find_weights(source)
    weights = read_weights(weights_file, option_file)
    narrow = build_network(weights, name=str(weights_file))
    block = {**weights.network_g, **asked}
    try:
        wide = type(narrow)(**{name: value for name, value in block.items() if name != "type"})
        widen(narrow, wide, torch.Generator().manual_seed(0))
        check_alike(narrow, wide.eval(), block.get("num_in_ch", 3))
    except (TypeError, ValueError, RuntimeError) as error:  # it does not take that width, or does not run with it
        changes = ", ".join(f"{name} {value}" for name, value in asked.items())
        raise CheckpointError(f"{weights_file}: {block['type']} cannot be widened to {changes}: {error}") from error
    write_weights(weights._replace(params=wide.state_dict(), network_g=block), out)
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in (narrow, wide)]
    print(f"wrote {out}: {counts[1]:,} parameters instead of {counts[0]:,}")
    return 0


def check_alike(narrow: "nn.Module", wide: "nn.Module", channels: int) -> None:
    """Raises ValueError where the two make something else of a random image."""
    import torch

    from nerco_plugin.export import TOLERANCE

    image = torch.rand(1, channels, 32, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        apart = (wide(image) - narrow(image)).abs().max().item()
    if not apart <= TOLERANCE:
        raise ValueError(f"the wide network's picture differs from the narrow one's by {apart:.3g}")


if __name__ == "__main__":
    sys.exit(main())

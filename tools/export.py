"""Export a trained network: python tools/export.py WEIGHTS OUT.onnx (or .pt2 for torch.export, or .safetensors)

ONNX and .pt2 take sides of 8 to 16384 pixels; both are run at three sizes and their differences from torch printed.
A .pt2 refuses other sides, an ONNX file only names them in its metadata: smallest_side, largest_side.
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Parse, export, say how far the file's results are from the network's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", metavar="WEIGHTS", help="as nerco's --weights: a checkpoint, or nerco_small")
    parser.add_argument("out", type=Path, metavar="OUT", help=".safetensors, .pt2 or .onnx")
    parser.add_argument("--opt", type=Path, metavar="FILE", help="option file, where the weights name no network")
    args = parser.parse_args()
    from nerco_plugin.engine.errors import answer  # after parsing: --help need not wait

    return answer(lambda: write(args.weights, args.out, args.opt))


def write(weights: str, out: Path, option_file: Path | None) -> int:
    """Export, and print the differences."""
    from nerco_plugin.export import export
    from nerco_plugin.inference.hub import find_weights

    differences = export(find_weights(weights), out, option_file)
    print(f"wrote {out}: {out.stat().st_size / 1e6:.1f} MB")
    for one in differences:
        print(f"{one.width} x {one.height}: differs from torch by at most {one.largest:.1e}, {one.mean:.1e} on average")
    return 0


if __name__ == "__main__":
    sys.exit(main())

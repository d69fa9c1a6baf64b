"""Turn the released NeRCo checkpoints into weights for this package.

python tools/convert_released_weights.py DIR OUT.pth

DIR holds latest_net_G_A.pth, latest_net_Pre.pth and latest_net_H.pth; G_B and the discriminators are taken where they
are there. OUT.pth holds {"params": ...} for the arch NeRCo with use_position: false, enhance_input: concat; the others
go beside it as OUT_degrade.pth, OUT_d_high.pth, OUT_d_low.pth, OUT_d_edge_high.pth, OUT_d_edge_low.pth.
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Parse, convert, exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("out", type=Path, metavar="OUT.pth")
    args = parser.parse_args()
    from nerco_plugin.archs.released_weights import ReleasedWeightsError  # after parsing: --help need not wait
    from nerco_plugin.inference.released import convert
    from nerco_plugin.models.state_file import CheckpointError

    try:
        for line in convert(args.folder, args.out):
            print(line)
    except (CheckpointError, ReleasedWeightsError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

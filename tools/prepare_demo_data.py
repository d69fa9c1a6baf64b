"""Writes the demo's small unpaired set, made of the photographs that scikit-image ships: datasets/demo.

    python tools/prepare_demo_data.py

Takes seconds, downloads nothing, and does nothing where the set is there already.
"""

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=PROJECT / "datasets" / "demo", help="folder to create")
    args = parser.parse_args()
    from nerco_plugin.data.demo_photographs import prepare_demo_data  # after parsing: --help need not wait

    try:
        is_new = prepare_demo_data(args.target)
    except OSError as error:
        print(f"prepare_demo_data: {error}", file=sys.stderr)
        return 1
    print(f"{args.target}: {'written' if is_new else 'there already'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

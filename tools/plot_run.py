"""Draw a training run, experiments/NAME, as a page: curves.html beside its log. Needs no TensorBoard."""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Draw; 0 where all went well, 2 where there is no run to draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path, help="folder of the run, experiments/NAME")
    arguments = parser.parse_args()
    from nerco_plugin.report import write_curves  # after parsing: --help needs no torch

    try:
        page = write_curves(arguments.experiment)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Page: {page.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

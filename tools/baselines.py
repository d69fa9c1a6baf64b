"""What needs no network, to compare with: python tools/baselines.py LOW OUT --method gamma|equalize

gamma: every value of [0, 1] to the power of --gamma. equalize: histogram equalisation of the luma (Y of YCbCr) alone.
LOW is a folder of 8-bit images, read with its subfolders; OUT gets PNGs under their names, for tools/score.py.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def main() -> int:
    """Write a baseline's results for a folder; 2 where the folder is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("low", type=Path, metavar="LOW", help="folder of low-light images")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the results")
    parser.add_argument("--method", required=True, choices=["gamma", "equalize"])
    parser.add_argument("--gamma", type=float, default=0.3, help="exponent (default: 0.3)")
    args = parser.parse_args()
    from nerco_plugin.data.image_io import ImageReadError  # after parsing: --help need not wait
    from nerco_plugin.data.image_list import list_folder

    try:
        names = list_folder(args.low)
        targets = {name: (args.out / name).with_suffix(".png") for name in names}
        if len(set(targets.values())) < len(names):
            twice = next(path for path in targets.values() if list(targets.values()).count(path) > 1)
            raise ValueError(f"several images would be saved as {twice}: rename all but one")
        for name, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            write(enhanced(args.low / name, args.gamma if args.method == "gamma" else None), target)
    except (ImageReadError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(names)} images in {args.out}")
    return 0


def enhanced(path: Path, gamma: float | None) -> "np.ndarray":
    """The image of ``path``, (H, W, 3) uint8 RGB, to the power of ``gamma``, or equalized where that is None."""
    import cv2
    import numpy as np

    from nerco_plugin.data.image_io import read_image

    image = read_image(path)
    if gamma is not None:
        return np.rint(255 * image**gamma).astype(np.uint8)
    luma, *chroma = cv2.split(cv2.cvtColor(np.rint(255 * image).astype(np.uint8), cv2.COLOR_RGB2YCrCb))
    return cv2.cvtColor(cv2.merge([cv2.equalizeHist(luma), *chroma]), cv2.COLOR_YCrCb2RGB)


def write(image: "np.ndarray", path: Path) -> None:
    """Save (H, W, 3) uint8 RGB as PNG."""
    from PIL import Image

    Image.fromarray(image).save(path)


if __name__ == "__main__":
    sys.exit(main())

"""Train any BasicSR model from an option file: python tools/train.py -opt options/FILE.yml"""

import sys
from pathlib import Path

from nerco_plugin.engine.errors import answer
from nerco_plugin.engine.train import train

if __name__ == "__main__":
    sys.exit(answer(lambda: train(Path(__file__).resolve().parents[1], sys.argv[1:])))

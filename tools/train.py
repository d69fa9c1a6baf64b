"""Train any BasicSR model from an option file: python tools/train.py -opt options/FILE.yml"""

import sys
from pathlib import Path

from nerco_plugin.engine.train import train
from nerco_plugin.engine.options import OptionError

if __name__ == "__main__":
    try:
        sys.exit(train(Path(__file__).resolve().parents[1]))
    except OptionError as error:
        sys.exit(str(error))

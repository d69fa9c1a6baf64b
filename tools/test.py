"""Test any BasicSR model from an option file: python tools/test.py -opt options/FILE.yml"""

import sys
from pathlib import Path

from nerco_plugin.engine.errors import answer
from nerco_plugin.engine.test import test

if __name__ == "__main__":
    sys.exit(answer(lambda: test(Path(__file__).resolve().parents[1], sys.argv[1:])))

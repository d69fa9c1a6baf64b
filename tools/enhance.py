"""Enhance images, folders of them, and videos: the command ``nerco enhance`` from a checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from nerco_command import run

if __name__ == "__main__":
    run(["enhance", *sys.argv[1:]])

"""Shows that a run loses nothing: kills it at random moments with SIGKILL, resumes it, and compares the final weights.

python tools/kill_resume.py -opt FILE --kills 20 [--force_yml ...]

The run of the option file is trained twice, as NAME_whole without interruption and as NAME_killed; both must end with
the same files. Choose a short run with frequent checkpoints (logger:save_checkpoint_freq). The exit code is 0 if all
networks are equal, bit by bit.
"""

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

import torch

from nerco_plugin.engine.options import load_options

TOOLS = Path(__file__).resolve().parent
EXPERIMENTS = TOOLS.parent / "experiments"


def main() -> int:
    """Train, kill and compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-opt", required=True, metavar="FILE", help="option file (YAML)")
    parser.add_argument("--kills", type=int, default=20, help="how often to kill (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--force_yml", nargs="+", default=[], metavar="KEY:KEY=VALUE")
    args = parser.parse_args()

    options = load_options(args.opt, args.force_yml)
    name, total = options["name"], int(options["train"]["total_iter"])
    command = [sys.executable, str(TOOLS / "train.py"), "-opt", args.opt, "--auto_resume", "--force_yml"]
    whole, killed = ([*command, *args.force_yml, f"name={name}_{kind}"] for kind in ("whole", "killed"))

    begun = time.monotonic()
    if code := subprocess.run(whole, stderr=subprocess.DEVNULL).returncode:
        print(f"The uninterrupted run failed with exit code {code}.")
        return 1
    seconds = time.monotonic() - begun
    print(f"The uninterrupted run took {seconds:.1f} s.")
    kill_at_random(killed, args.kills, seconds, random.Random(args.seed))
    if code := subprocess.run(killed, stderr=subprocess.DEVNULL).returncode:
        print(f"The last resume failed with exit code {code}.")
        return 1
    return compare(EXPERIMENTS / f"{name}_whole" / "models", EXPERIMENTS / f"{name}_killed" / "models", total)


def kill_at_random(command: list[str], kills: int, seconds: float, moments: random.Random) -> None:
    """Start the run ``kills`` times and kill it within the time that the whole run takes; an earlier end counts too."""
    for number in range(1, kills + 1):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        moment = moments.uniform(0, seconds)
        try:
            process.wait(timeout=moment)
            print(f"{number}: had come to its end before {moment:.1f} s")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"{number}: killed after {moment:.1f} s")


def compare(whole: Path, killed: Path, total: int) -> int:
    """Compare the final networks of two runs; returns the exit code."""
    names = [path.name for ending in (total, "latest") for path in sorted(whole.glob(f"net_*_{ending}.pth"))]
    bad = [name for name in names if not (killed / name).is_file() or not equal(whole / name, killed / name)]
    for name in names:
        print(f"{name}: {'DIFFERS' if name in bad else 'equal'}")
    return 1 if bad or not names else 0


def equal(one: Path, other: Path) -> bool:
    """Whether two network files hold the same tensors, bit by bit."""
    left, right = (torch.load(path, map_location="cpu", weights_only=True) for path in (one, other))
    same_names = left.keys() == right.keys() and all(left[key].keys() == right[key].keys() for key in left)
    return same_names and all(torch.equal(left[key][name], right[key][name]) for key in left for name in left[key])


if __name__ == "__main__":
    sys.exit(main())

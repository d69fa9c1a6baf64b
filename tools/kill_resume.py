"""Shows that a run loses nothing: kills it at random moments with SIGKILL, resumes it, and compares the final weights.

python tools/kill_resume.py -opt FILE --kills 20 [--force_yml ...]

The run of the option file is trained as NAME_whole without interruption, and as NAME_killed; where the latter comes to
its end before all kills were dealt, it is compared and begun anew. What earlier calls left under these two names is
removed. Choose a run of a minute or so with frequent checkpoints (logger:save_checkpoint_freq). The exit code is 0 if
all final networks are equal, bit by bit.
"""

import argparse
import random
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
EXPERIMENTS = TOOLS.parent / "experiments"


def main() -> int:
    """Train, kill and compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-opt", required=True, metavar="FILE", help="option file (YAML)")
    parser.add_argument("--kills", type=int, default=20, help="how often to kill (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--force_yml", nargs="+", action="extend", default=[], metavar="KEY:KEY=VALUE")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    from nerco_plugin.engine.options import OptionError, load_options  # after parsing: --help need not wait

    try:
        name = load_options(args.opt, args.force_yml, may_add=True).get("name")
        if not isinstance(name, str) or Path(name).name != name:
            raise OptionError(f"{args.opt}: name: expected a name that a folder can have, got {name!r}")
    except OptionError as error:
        print(f"kill_resume: {error}", file=sys.stderr)
        return 2
    folders = [EXPERIMENTS / f"{name}_{kind}" for kind in ("whole", "killed")]
    command = [sys.executable, str(TOOLS / "train.py"), "-opt", args.opt, "--auto_resume", "--force_yml"]
    whole, killed = ([*command, *args.force_yml, f"name={folder.name}"] for folder in folders)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)

    begun = datetime.now()
    if code := subprocess.run(whole, stderr=subprocess.DEVNULL).returncode:
        print(f"The uninterrupted run failed with exit code {code}.")
        return 1
    ready = (training_began(folders[0]) - begun).total_seconds()
    took = (datetime.now() - begun).total_seconds() - ready
    print(f"The uninterrupted run took {ready:.1f} s to start and {took:.1f} s to train.")

    moments = random.Random(args.seed)
    dealt = 0
    while True:
        moment = moments.uniform(0.7 * ready, ready + took / 3) if dealt < args.kills else None
        result = run_until(killed, moment)
        if result is None:
            dealt += 1
            print(f"{dealt}: killed after {moment:.1f} s")
            continue
        if result or not equal_networks(*folders):
            print(f"The killed and resumed run ended with exit code {result} or other weights.")
            return 1
        if dealt >= args.kills:
            print(f"Equal after {dealt} kills.")
            return 0
        shutil.rmtree(folders[1])


def training_began(folder: Path) -> datetime:
    """When a run's log says that training started."""
    lines = next(folder.glob("train_*.log")).read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if "Start training" in line)
    return datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")


def run_until(command: list[str], moment: float | None) -> int | None:
    """The exit code of ``command``, or None if it had to be killed after ``moment`` seconds."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def equal_networks(whole: Path, killed: Path) -> bool:
    """Whether two runs ended with the same tensors in every network, bit by bit; says so for each."""
    names = [path.name for path in sorted((whole / "models").glob("net_*_latest.pth"))]
    results = {name: equal(whole / "models" / name, killed / "models" / name) for name in names}
    for name, result in results.items():
        print(f"{name}: {'equal' if result else 'DIFFERS'}")
    return bool(results) and all(results.values())


def equal(one: Path, other: Path) -> bool:
    """Whether two network files hold the same tensors, bit by bit."""
    import torch

    left, right = (torch.load(path, map_location="cpu", weights_only=True) for path in (one, other))
    keys = [key for key in left if key.startswith("params")]
    same_names = all(left[key].keys() == right[key].keys() for key in keys)
    return same_names and all(torch.equal(left[key][name], right[key][name]) for key in keys for name in left[key])


if __name__ == "__main__":
    sys.exit(main())

"""The command line of training and testing. Imports nothing heavy, so that --help and faults are answered at once."""

import argparse
from collections.abc import Sequence

LAUNCHERS = ("none", "pytorch", "slurm")


def parse_arguments(argv: Sequence[str] | None = None, is_train: bool = True) -> argparse.Namespace:
    """BasicSR's flags (``sys.argv`` where ``argv`` is None), and ``--check`` for training."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-opt", required=True, metavar="FILE", help="option file (YAML)")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="none", help="how the processes are started")
    parser.add_argument("--auto_resume", action="store_true", help="continue the run of this name from its last state")
    parser.add_argument("--debug", action="store_true", help="name the run debug_*, log and validate often")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help="set by older launchers")
    parser.add_argument(
        "--force_yml",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY:KEY=VALUE",
        help="e.g. train:ema_decay=0.999",
    )
    if is_train:
        parser.add_argument("--check", action="store_true", help="check the options, print the run's plan, and stop")
    return parser.parse_args(argv)

"""The data doctor: reads every image that an option file names, and says what would spoil a run or its scores.

    python tools/check_data.py -opt options/train_nerco_lol.yml

Looks for unreadable, tiny and duplicate images, test images that are trained on (also re-encoded, resized or exposed
otherwise), unequal pairs, and a low side that is not dark. Writes a histogram of brightness and the full list under
results/check_data. Exit code 0: no faults; 1: faults.
"""

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-opt", required=True, type=Path, metavar="FILE", help="option file (YAML)")
    parser.add_argument("--force_yml", nargs="+", action="extend", default=[], metavar="KEY:KEY=VALUE")
    parser.add_argument("--out", type=Path, default=PROJECT / "results" / "check_data", help="folder for the report")
    args = parser.parse_args()
    return check(args.opt, args.force_yml, args.out)


def check(option_file: Path, force_yml: list[str], out: Path) -> int:
    """Read the images of an option file and report on them; returns the exit code."""
    from tqdm import tqdm  # here, not above: --help need not wait

    from nerco_plugin.data.diagnosis import Diagnosis
    from nerco_plugin.data.doctor import examine, open_sources
    from nerco_plugin.data.doctor_report import summary, write_report
    from nerco_plugin.engine.options import OptionError, load_options
    from nerco_plugin.engine.options_paths import found_inputs

    try:
        opt = load_options(option_file, force_yml, may_add=True)
    except OptionError as error:
        print(f"check_data: {error}", file=sys.stderr)
        return 1
    blocks = opt.get("datasets")
    if isinstance(blocks, dict):  # ``val: ~`` is off
        blocks = {name: block for name, block in blocks.items() if block is not None}
    if not isinstance(blocks, dict) or not all(isinstance(block, dict) for block in blocks.values()):
        print(f"check_data: expected datasets in {option_file}, each with its options, got {blocks!r}", file=sys.stderr)
        return 1
    data_sets = {
        name: {"scale": opt.get("scale", 1), **found_inputs(block, [PROJECT, option_file.parent])}
        for name, block in blocks.items()
    }
    sources, unopened = open_sources(data_sets)
    with tqdm(total=sum(map(len, sources.values())), unit="image") as bar:
        sides, findings = examine(data_sets, sources, on_image=lambda path: bar.update())
    diagnosis = Diagnosis(sides, unopened + findings)
    print(summary(diagnosis))
    print(*write_report(diagnosis, out, name=opt.get("name", option_file.stem)), sep="\n")
    return 0 if diagnosis.is_healthy else 1


if __name__ == "__main__":
    sys.exit(main())

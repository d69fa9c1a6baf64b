"""Score saved results of one or several methods against inputs and references: scores.json, .csv, .md and a page."""

import argparse
import signal
import sys
from pathlib import Path


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example: python tools/score.py --enhanced ours=results/a --enhanced other=results/b --low LOL/low "
        "--gt LOL/high --out scores --paper-table LOL",
    )
    parser.add_argument(
        "--enhanced", action="append", required=True, metavar="[NAME=]DIR", help="results of a method; may be repeated"
    )
    parser.add_argument("--low", type=Path, required=True, metavar="DIR", help="low-light inputs")
    parser.add_argument(
        "--gt", type=Path, metavar="DIR", help="paired references; without them PSNR and SSIM are left out"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where tables and page go")
    parser.add_argument("--title", help="heading of the page, such as 'LOL eval15' (default: the low folder)")
    parser.add_argument(
        "--suffix", default="", help="ending of the results' names that the inputs lack, such as _EXPERIMENT"
    )
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="KEY",
        help="further scores: ssim_basicsr psnr_gt_mean ssim_gt_mean lpips",
    )
    parser.add_argument("--lpips-weights", type=Path, metavar="FILE", help="AlexNet weights for lpips")
    parser.add_argument(
        "--paper-table", metavar="NAME", help="print the rows under the paper's: LOL, LSRW, LIME, ablation"
    )
    parser.add_argument("--saved-by", choices=["rounding", "truncation"], help="how results became 8-bit, where known")
    parser.add_argument("--processes", type=int, metavar="N", help="default: all cores")
    return parser.parse_args(arguments)


def named_folders(enhanced: list[str]) -> dict[str, Path]:
    """NAME=DIR, or DIR alone under its own name.

    Raises:
        ValueError: two methods of the same name, or one of none.
    """
    methods: dict[str, Path] = {}
    for text in enhanced:
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():
            name, folder = Path(text).resolve().name, text
        if not name:
            raise ValueError(f"--enhanced {text}: a method without a name; name it NAME=DIR")
        if name in methods:
            raise ValueError(f"--enhanced: two methods are called {name!r}; name them NAME=DIR")
        methods[name] = Path(folder)
    return methods


def main() -> int:
    """Score; 0 where all went well, 2 where the folders or arguments are at fault, 130 after Ctrl-C."""
    arguments = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from nerco_plugin.report import write_report  # after parsing: --help needs no torch

    try:
        write_report(
            named_folders(arguments.enhanced),
            arguments.low,
            arguments.gt,
            arguments.out,
            title=arguments.title or "/".join(arguments.low.resolve().parts[-2:]),
            suffix=arguments.suffix,
            extra=arguments.also,
            lpips_weights=arguments.lpips_weights,
            paper_table=arguments.paper_table,
            saved_by=arguments.saved_by,
            processes=arguments.processes,
        )
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted: nothing was written", file=sys.stderr)
        return 130
    print((arguments.out / "scores.md").read_text(encoding="utf-8"))
    print(f"Page: {(arguments.out / 'index.html').resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Time, memory and counted work of enhancing and training, ours against a plain reference, as JSON and Markdown.

All variants of one size are timed in turns in one process, memory is measured in a process for each. Every figure
that matters is a ratio within one run: machines differ, and so do their days.
"""

import argparse
import datetime
import itertools
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks/ lies beside tools/ and is not installed

from benchmarks.report import TITLES, markdown  # noqa: E402  needs no torch


def size(text: str) -> tuple[int, int]:
    """``HEIGHTxWIDTH``, both divisible by 4, as the plain reference needs them."""
    height, width = (int(side) for side in text.split("x"))
    if height % 4 or width % 4 or min(height, width) < 8:
        raise argparse.ArgumentTypeError(f"expected sides divisible by 4 and at least 8, got {text}")
    return height, width


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--sizes", type=size, nargs="+", default=[(256, 256)], metavar="HxW")
    add("--precisions", nargs="+", default=["float32"], choices=["float32", "bf16", "fp16"])
    add("--batches", type=int, nargs="+", default=[1], metavar="N")
    add("--enhance", action="store_true", help="enhancing (the default where --steps and --parts are left out)")
    add("--steps", action="store_true", help="one training step, the paper's terms without CLIP")
    add("--parts", action="store_true", help="each part of the network by itself")
    add("--compile", action="store_true", help="also what torch.compile makes of ours")
    add("--checkpoint", action="store_true", help="also steps that recompute (train: checkpoint: true)")
    add("--released", action="store_true", help="also the seven network runs of the released test")
    add("--no-plain", action="store_true", help="leave the plain reference out: no ratios")
    add("--no-memory", action="store_true", help="leave memory and counts out: no process for every variant")
    add("--runs", type=int, default=5, help="whose median is given (default: %(default)s)")
    add("--warmup", type=int, default=1, help="runs before them (default: %(default)s)")
    add("--keep-memory", action="store_true", help="as the project's commands do: the C library keeps freed memory")
    add("--num-feat", type=int, default=64, help="width of the networks (default: %(default)s)")
    add("--num-block", type=int, default=9, help="residual blocks (default: %(default)s)")
    add("--device", default="cpu", choices=["cpu", "cuda"])
    add("--out", type=Path, metavar="DIR", help="write benchmark.json and benchmark.md there")
    add("--worker", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def variants(task: str, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Variant and precision of everything that is timed in turns for one task."""
    chosen = [("ours", precision) for precision in arguments.precisions]
    if arguments.compile and task in ("enhance", "step"):
        chosen += [("compiled", precision) for precision in arguments.precisions]
    if arguments.checkpoint and task == "step":
        chosen += [("checkpoint", precision) for precision in arguments.precisions]
    if not arguments.no_plain and task in ("enhance", "step", "mlp"):
        chosen.append(("plain", "float32"))
    if arguments.released and task == "enhance":
        chosen.append(("released", "float32"))
    return chosen


def work(kind: str, subjects: list[dict[str, Any]], arguments: argparse.Namespace) -> dict[str, Any]:
    """What a process of its own measures; raises SystemExit with its words where it fails."""
    order = {"kind": kind, "subjects": subjects, "device": arguments.device}
    order |= {"runs": arguments.runs, "warmup": arguments.warmup, "keep_memory": arguments.keep_memory}
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {kind} of {subjects[:1]}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def rows(task: str, height: int, width: int, batch: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Everything about one task at one size and batch."""
    common = {"task": task, "height": height, "width": width, "batch": batch, "device": arguments.device}
    common |= {"num_feat": arguments.num_feat, "num_block": arguments.num_block}
    subjects = [common | {"variant": name, "precision": kind} for name, kind in variants(task, arguments)]
    timed = work("time", subjects, arguments)
    result = []
    for subject in subjects:
        alone = {"gmac": None, "tensors_mb": None, "peak_mb": None, "growth_mb": None}
        if not arguments.no_memory:
            alone |= work("memory", [subject], arguments)
        seconds = timed["median"][f"{subject['variant']} {subject['precision']}"]
        peak = timed["matrix_gmac_s"][subject["precision"]]
        share = alone["gmac"] / seconds / peak if alone["gmac"] else None
        runs = timed["seconds"][f"{subject['variant']} {subject['precision']}"]
        result.append({**subject, "seconds": seconds, "runs": runs, "of_peak": share, **alone})
    plain = next((row for row in result if row["variant"] == "plain"), None)
    for row in result:
        row["of_plain"] = row["seconds"] / plain["seconds"] if plain else None
        known = plain and plain["growth_mb"] and row["growth_mb"] is not None
        row["memory_of_plain"] = row["growth_mb"] / plain["growth_mb"] if plain and known else None
    return result


def main(argv: list[str] | None = None) -> int:
    """Measure and print the table; 0 where all went well."""
    arguments = parse(argv)
    if arguments.worker:
        from benchmarks.measuring import measure

        logging.disable(logging.INFO)  # models tell their structure
        print(json.dumps(measure(json.loads(arguments.worker))))
        return 0
    parts = [task for task in TITLES if task not in ("enhance", "step")]
    tasks = parts if arguments.parts else []
    if arguments.enhance or not (arguments.steps or arguments.parts):
        tasks = [*tasks, "enhance"]
    tasks = [*tasks, *(["step"] if arguments.steps else [])]
    found = [
        row
        for task, (height, width), batch in itertools.product(tasks, arguments.sizes, arguments.batches)
        for row in rows(task, height, width, batch, arguments)
    ]
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": work("machine", [], arguments),
        "runs": arguments.runs,
        "rows": found,
    }
    table = markdown(results)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "benchmark.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        (arguments.out / "benchmark.md").write_text(table, encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

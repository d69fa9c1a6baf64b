"""Enhances and scores every test set of an option file."""

from collections.abc import Sequence
from pathlib import Path

from basicsr.utils import set_random_seed

from nerco_plugin.engine import validation
from nerco_plugin.engine.distributed import find_place, process_group
from nerco_plugin.engine.loader import evaluation_loader
from nerco_plugin.engine.options import build_options, parse_arguments
from nerco_plugin.engine.run_folder import make_folders, open_log
from nerco_plugin.engine.train import build_model


def test(root: Path, argv: Sequence[str] | None = None) -> int:
    """Test as ``argv`` (``sys.argv``) says, under ``root``; returns the exit code."""
    args = parse_arguments(argv, is_train=False)
    place = find_place(args.launcher, args.local_rank)
    opt = build_options(args, root, is_train=False, rank=place.rank, world_size=place.world_size)
    with process_group(place, opt):
        make_folders(opt)
        open_log(opt)
        set_random_seed(opt["manual_seed"])
        model = build_model(opt)
        for options in opt["datasets"].values():
            loader = evaluation_loader(options, opt["rank"], opt["world_size"])
            folder = Path(opt["path"]["visualization"]) / options["name"]
            suffix = opt["val"]["suffix"] or opt["name"]
            images = validation.validate(model, loader, lambda name: folder / f"{name}_{suffix}.png")  # noqa: B023
            validation.log_scores(options["name"], validation.mean_scores(images))
    return 0

"""Tests any BasicSR model from an option file: enhances every test set, saves the pictures, scores and reports them."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from basicsr.utils import get_root_logger, set_random_seed

from nerco_plugin.engine.distributed import find_place, process_group, wait_for_all
from nerco_plugin.engine.loader import EvaluationData
from nerco_plugin.engine.options import OptionError, build_options, parse_arguments
from nerco_plugin.engine.run_folder import make_folders, open_log
from nerco_plugin.engine.scores import log_scores, mean_scores, validates_itself
from nerco_plugin.engine.train import build_model
from nerco_plugin.engine.validation import TestedImage, check_names, validate
from nerco_plugin.report.benchmark import write_report

MISSING_SET = (
    "Test sets are not part of the project: put the photographs into the folders that dataroot_lq (low light) and "
    "dataroot_gt (references) name, or name folders of your own. docs/data.md says where the sets come from, how they "
    "are laid out, and how many photographs they have."
)


def test(root: Path, argv: Sequence[str] | None) -> int:
    """Test as ``argv`` (``sys.argv`` if None) says; results/ lies under ``root``. Returns the exit code, 0."""
    args = parse_arguments(argv, is_train=False)
    place = find_place(args.launcher, args.local_rank)
    try:
        opt = build_options(args, root, is_train=False, rank=place.rank, world_size=place.world_size)
    except OptionError as error:
        hint = f"\n{MISSING_SET}" if "dataroot" in str(error) else ""
        raise OptionError(f"{error}{hint}") from error
    if not opt["path"].get("pretrain_network_g"):
        raise OptionError(f"{args.opt}: path:pretrain_network_g is missing: name the weights to test")
    with process_group(place, opt):
        if opt["rank"] == 0:
            make_folders(opt)
        wait_for_all()
        open_log(opt)
        set_random_seed(opt["manual_seed"])
        data_sets = [EvaluationData(options, place.rank, place.world_size) for options in opt["datasets"].values()]
        if opt["val"]["save_img"] is not False:
            check_names(data_sets)
        model = build_model(opt)
        summary = [test_one(model, data, opt) for data in data_sets]
        get_root_logger().info("\n".join(["Done.", *(f"- {line}" for line in summary)]))
    return 0


def test_one(model: Any, data: EvaluationData, opt: dict[str, Any]) -> str:
    """Enhance and score one test set; returns what came of it in plain words."""
    logger = get_root_logger()
    logger.info(f"Number of test images in {data.name}: {len(data)}")
    logger.info(f"Testing {data.name}...")
    pictures = Path(opt["path"]["visualization"]) / data.name
    save_img = opt["val"]["save_img"] is not False
    if validates_itself(type(model)):
        model.validation(data.whole(), current_iter=opt["name"], tb_logger=None, save_img=save_img)
        return f"{data.name}: {len(data)} samples, tested by {opt['model_type']} itself."
    ending = f"_{opt['val']['suffix'] or opt['name']}"
    picture = (lambda name: pictures / f"{name}{ending}.png") if save_img else None
    if picture and opt["rank"] == 0:
        for path in data.inputs():  # an earlier test's: none of them is to pass for this one's, if this is interrupted
            picture(Path(path).stem).unlink(missing_ok=True)
    wait_for_all()
    begun = time.time()
    images = validate(model, data, picture)
    spent = time.time() - begun
    log_scores(data.name, mean_scores([image.scores for image in images]))
    said = f"{data.name}: {len(images)} photographs in {spent:.1f} s"
    if not save_img:
        return f"{said}; no pictures were saved (val:save_img)."
    said += f", saved in {pictures}"
    if opt["rank"] == 0 and (report := write_page(data.name, images, pictures, ending, opt)):
        page, means = report
        scores = ", ".join(f"{name} {'n/a' if value is None else f'{value:.4g}'}" for name, value in means.items())
        said += f".\n  Mean scores: {scores}.\n  Compare the pictures: {page}"
    return said


def write_page(
    name: str, images: list[TestedImage], pictures: Path, ending: str, opt: dict[str, Any]
) -> tuple[Path, dict[str, float | None]] | None:
    """Scores and page of one test set, in results/NAME/DATASET; None, with the reason in the log, if impossible."""
    if opt.get("scale", 1) != 1:
        get_root_logger().info("No page: it compares pictures of equal size, and these were scaled.")
        return None
    if not all(Path(image.lq_path).is_file() for image in images):
        get_root_logger().info("No page: it reads the inputs from files, and these lie in an LMDB.")
        return None
    out = Path(opt["path"]["results_root"]) / name
    table = opt["val"].get("paper_table")
    with tempfile.TemporaryDirectory() as folder:  # this test's pictures and the data set's own, under the same names
        done, low, gt = (Path(folder, side) for side in ("done", "low", "gt"))
        files: dict[Path, list[Any]] = {
            done: [pictures / f"{image.name}{ending}.png" for image in images],
            low: [image.lq_path for image in images],
            gt: [image.gt_path for image in images if image.gt_path],
        }
        for side, paths in files.items():
            side.mkdir()
            for image, path in zip(images, paths):
                (side / f"{image.name}{Path(path).suffix}").symlink_to(Path(path).resolve())
        truth = gt if any(image.gt_path for image in images) else None
        methods = {opt["name"]: done}
        data: dict[str, Any] = write_report(
            methods,
            low,
            truth,
            out,
            title=name,
            saved_by="rounding",
            paper_table=table.get(name) if isinstance(table, dict) else table,
        )
    return out / "index.html", data["mean"]

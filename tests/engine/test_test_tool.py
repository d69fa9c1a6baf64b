"""tools/test.py: pictures, scores and page of every test set, and errors that say what is missing."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from tiny_run import Project

from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.test import test as run_test

OPTIONS = """
name: tested
model_type: NeRCoModel
num_gpu: 0
datasets:
  test_1:
    name: pairs
    type: PairedImageDataset
    dataroot_gt: datasets/gt
    dataroot_lq: datasets/gt
  test_2:
    name: alone
    type: SingleImageDataset
    dataroot_lq: datasets/lq
network_g: {type: NeRCo, num_feat: 4, num_block: 1, num_mask_block: 1, hidden_dim: 8}
path: {pretrain_network_g: experiments/nerco/models/net_g_latest.pth, param_key_g: params_ema}
val:
  suffix: ~
  paper_table: {alone: LIME}
  metrics:
    loe: {type: calculate_loe}
    psnr: {type: calculate_psnr, crop_border: 0}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.train(project.unpaired, "nerco", "train:total_iter=1")
    return project


def test_inputs_of_one_name_are_refused_before_the_first(project: Project) -> None:
    text = OPTIONS.replace("dataroot_lq: datasets/lq", "dataroot_lq: datasets/twice")
    (project.root / "datasets/twice").mkdir()
    image = Image.open(project.root / "datasets/lq/p0.png")
    for name in ("p0.png", "p0.bmp"):
        image.save(project.root / "datasets/twice" / name)
    with pytest.raises(OptionError, match="alone: .*would be saved under one name"):
        run_test(project.root, ["-opt", str(project.write("twice.yml", text))])


def test_pictures_scores_and_page(project: Project) -> None:
    options = project.write("test.yml", OPTIONS)
    folder = project.root / "results" / "tested" / "visualization" / "pairs"
    folder.mkdir(parents=True)
    others = {folder / name for name in ("another_tested.png", "p0_other.png", "p0_other_tested.png")}
    for path in (*others, folder / "p0_tested.png"):
        path.write_bytes(b"of an earlier test")
    assert run_test(project.root, ["-opt", str(options)]) == 0

    results = project.root / "results" / "tested"
    for name, columns in (("pairs", {"psnr", "ssim", "loe"}), ("alone", {"loe"})):
        pictures = {path.name for path in (results / "visualization" / name).iterdir()}
        assert pictures - {path.name for path in others} == {f"p{number}_tested.png" for number in range(5)}
        scores = json.loads((results / name / "scores.json").read_text(encoding="utf-8"))
        assert columns <= set(scores["mean"])
        assert ("psnr" in scores["mean"]) == (name == "pairs")
        assert set(scores["images"]) == {f"p{number}" for number in range(5)}
        assert (results / name / "index.html").is_file()
        table = (results / name / "scores.md").read_text(encoding="utf-8")
        assert ("## The paper's Table 1, LIME" in table) == (name == "alone")
    assert {path.read_bytes() for path in others} == {b"of an earlier test"}
    assert (folder / "p0_tested.png").read_bytes().startswith(b"\x89PNG")
    log = next(results.glob("test_tested_*.log")).read_text(encoding="utf-8")
    assert re.search(r"Validation pairs\n\t # loe: [\d.]+\n\t # psnr: [\d.]+\n\n", log)
    assert re.search(r"Validation alone\n\t # loe: [\d.]+\n\n", log)
    assert "Mean scores: psnr" in log.splitlines()[-5]
    assert str(results / "alone" / "index.html") in log.splitlines()[-1]


def test_another_suffix_and_no_pictures(project: Project) -> None:
    options = project.write("test.yml", OPTIONS.replace("val:\n", "val:\n  save_img: false\n"))
    earlier = project.root / "results/blind/visualization/pairs/p0_blind.png"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    assert run_test(project.root, ["-opt", str(options), "--force_yml", "name=blind"]) == 0
    assert list((project.root / "results" / "blind").rglob("*.png")) == [earlier]


@pytest.mark.parametrize(
    ("force", "said"),
    [
        ("path:pretrain_network_g=~", "pretrain_network_g is missing"),
        ("datasets:test_2:dataroot_lq=datasets/NOT_THERE", "(?s)no such file or folder.*put the photographs into"),
    ],
)
def test_says_what_is_missing(project: Project, force: str, said: str) -> None:
    options = project.write("test.yml", OPTIONS)
    with pytest.raises(OptionError, match=said):
        run_test(project.root, ["-opt", str(options), "--force_yml", force])


def test_runs_from_anywhere(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    options = project.write("test.yml", OPTIONS)
    assert run_test(project.root, ["-opt", str(options), "--force_yml", "name=elsewhere"]) == 0
    assert not list(tmp_path.iterdir())

"""Every option file of the repository is sound, and its networks and losses build."""

from pathlib import Path

import pytest
from basicsr.losses import build_loss
from tiny_run import Project

from nerco_plugin.engine.options import build_options, load_options, parse_arguments
from nerco_plugin.engine.options_parts import build
from nerco_plugin.engine.run_folder import option_texts
from nerco_plugin.engine.train import train

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "options").rglob("*.yml"))


def test_no_two_runs_share_a_folder() -> None:
    names = [load_options(file)["name"] for file in FILES]
    assert sorted(set(names)) == sorted(names)
    assert names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "options")))
def test_it_is_sound_and_builds(file: Path) -> None:
    is_train = not file.name.startswith("test")
    args = parse_arguments(["-opt", str(file)], is_train)
    opt = build_options(args, ROOT, is_train, look_outside=False)  # its data and CLIP's weights may not be here
    for name in [name for name in opt if name.startswith("network_")]:
        assert sum(parameter.numel() for parameter in build(opt[name], "meta").parameters()) > 0
    for name, block in opt.get("train", {}).items():
        if name.endswith("_opt") and block:
            assert build_loss(block).loss_weight >= 0


@pytest.mark.parametrize("file", [file for file in FILES if file.parent.name == "mix"], ids=lambda file: file.stem)
def test_a_mix_enters_the_dual_loop(file: Path) -> None:
    train = load_options(file)["train"]
    assert ((train.get("warm_start") or {}).get("num_iter") or 0) < train["total_iter"]


def test_the_options_kept_beside_a_run_give_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    monkeypatch.setenv("RATE", "2e-4")
    (tmp_path / "child").mkdir()
    text = "base: ../paired.yml\nnum_gpu: auto\ntrain: {optim_g: {lr: '${RATE}'}, scheduler: {type: MultiStepLR}}\n"
    child = project.write("child/child.yml", text + "val: {suffix: '1e5', metrics: ~}\n")
    force = ("num_gpu=auto", "datasets:val=~", "logger:print_freq=3", "train:total_iter=1", "manual_seed=5")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    project.train(child, "kept", *force)

    merged = project.folder("kept") / "options.yml"
    monkeypatch.delenv("RATE")
    args = parse_arguments(["-opt", str(merged)], is_train=True)
    again = build_options(args, tmp_path, is_train=True)
    first = parse_arguments(["-opt", str(child), "--force_yml", "name=kept", *force], is_train=True)
    monkeypatch.setenv("RATE", "2e-4")
    assert again == build_options(first, tmp_path, is_train=True)
    written = load_options(merged)
    assert (written["num_gpu"], written["val"]["suffix"], "val" in written["datasets"]) == ("auto", "1e5", False)

    train(tmp_path, ["-opt", str(merged)])  # sets aside the folder that the file lies in
    assert load_options(merged) == written


def test_kept_options_can_be_read_whatever_the_file_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    marked = project.root / "marked.yml"
    marked.write_bytes(b"\xef\xbb\xbf" + project.paired.read_bytes().lstrip())
    args = parse_arguments(["-opt", str(marked)], is_train=True)
    opt = build_options(args, tmp_path, is_train=True)
    monkeypatch.setattr("sys.argv", ["train.py", "--force_yml", "name=a\nmodel_type: lost"])
    for name, text in option_texts(args, opt).items():
        kept = project.write(f"kept_{name}", text)
        assert load_options(kept)["model_type"] == opt["model_type"]

"""Command line and layout: BasicSR's flags, its keys for a run, its folders, and paths that lead somewhere."""

import os
from pathlib import Path

import pytest
from option_samples import build, faults, make_project

from nerco_plugin.engine.options import OptionError, build_options, parse_arguments


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.mark.parametrize("flag", ["--local_rank", "--local-rank"])
def test_flags_of_basicsr_and_of_torchrun(flag: str) -> None:
    argv = ["-opt", "x.yml", "--launcher", "slurm", "--auto_resume", "--debug", f"{flag}=3"]
    args = parse_arguments([*argv, "--force_yml", "a=1", "b:c=2", "--force_yml", "d=3"], is_train=True)
    assert (args.opt, args.launcher, args.auto_resume, args.debug, args.local_rank) == ("x.yml", "slurm", True, True, 3)
    assert args.force_yml == ["a=1", "b:c=2", "d=3"]
    assert args.check is False


@pytest.mark.parametrize("argv", [[], ["-opt", "x.yml", "--launcher", "mpi"], ["-opt", "x.yml", "--chek"]])
def test_wrong_flags_end_the_program(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(argv, is_train=True)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_check_is_for_training(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_arguments(["-opt", "x.yml", "--check"], is_train=True).check
    with pytest.raises(SystemExit):
        parse_arguments(["-opt", "x.yml", "--check"], is_train=False)
    assert "--check" in capsys.readouterr().err


def test_layout_of_a_training_run(project: Path) -> None:
    opt = build(project, "sr", flags=("--auto_resume",))
    run = project / "experiments" / "sr"
    for key, folder in {
        "experiments_root": "",
        "log": "",
        "models": "models",
        "visualization": "visualization",
    }.items():
        assert Path(opt["path"][key]) == run / folder
    assert Path(opt["path"]["training_states"]) == run / "training_states"
    expected = {"dist": False, "rank": 0, "world_size": 1, "is_train": True, "auto_resume": True, "num_gpu": 0}
    assert {key: opt[key] for key in expected} == expected
    assert [(block["phase"], block["scale"]) for block in opt["datasets"].values()] == [("train", 2), ("val", 2)]


def test_layout_of_a_test(project: Path) -> None:
    opt = build(project, "test")
    assert Path(opt["path"]["results_root"]) == project / "results" / "test"
    assert Path(opt["path"]["visualization"]) == project / "results" / "test" / "visualization"
    assert [block["phase"] for block in opt["datasets"].values()] == ["test", "test"]
    assert opt["datasets"]["test_2"]["name"] == "test_2"
    assert opt["val"]["suffix"] is None


def test_what_basicsr_reads_without_a_default_is_there(project: Path) -> None:
    opt = build(project, "nerco", "val=~")
    assert opt["path"]["resume_state"] is None
    assert opt["val"]["suffix"] is None
    assert opt["logger"]["use_tb_logger"] is False
    assert opt["datasets"]["val"]["io_backend"] == {"type": "disk"}
    assert opt["datasets"]["val"]["scale"] == 1
    assert opt["manual_seed"] == 0


def test_nccl_is_for_cuda(project: Path) -> None:
    assert build(project, "sr")["dist_params"]["backend"] == "gloo"


def test_debug_mode(project: Path) -> None:
    opt = build(project, "sr", flags=("--debug",))
    assert opt["name"] == "debug_sr"
    assert (opt["val"]["val_freq"], opt["logger"]["print_freq"], opt["logger"]["save_checkpoint_freq"]) == (8, 1, 8)


def test_one_of_many_processes(project: Path) -> None:
    args = parse_arguments(["-opt", str(project / "options" / "nerco.yml"), "--launcher", "pytorch"])
    from nerco_plugin.engine.options import build_options

    opt = build_options(args, project, is_train=True, rank=1, world_size=2)
    assert (opt["dist"], opt["rank"], opt["world_size"]) == (True, 1, 2)


# ---------------------------------------------------------------- paths


def test_paths_are_found_from_any_folder(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    opt = build(project, "sr")
    assert opt["datasets"]["train"]["dataroot_gt"] == str(project / "datasets" / "gt")


def test_a_path_may_lie_beside_the_option_file(project: Path) -> None:
    os.rename(project / "datasets" / "lq", project / "options" / "low")  # noqa: PTH104
    for override in ("datasets:train:dataroot_lq=options/low", "datasets:val:dataroot_lq=options/low"):
        assert "dataroot_lq: no such file or folder: 'datasets/lq'" in faults(project, "sr", override)
    file = project / "options" / "sr.yml"
    file.write_text(file.read_text().replace("datasets/lq", "low"))
    assert build(project, "sr")["datasets"]["train"]["dataroot_lq"] == str(project / "options" / "low")


def test_a_path_of_a_base_may_lie_beside_the_base(project: Path) -> None:
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "child.yml").write_text("base: ../options/sr.yml\nname: child\n")
    os.rename(project / "datasets" / "lq", project / "options" / "low")  # noqa: PTH104
    file = project / "options" / "sr.yml"
    file.write_text(file.read_text().replace("datasets/lq", "low"))
    args = parse_arguments(["-opt", str(project / "elsewhere" / "child.yml")])
    opt = build_options(args, project, is_train=True)
    assert opt["datasets"]["val"]["dataroot_lq"] == str(project / "options" / "low")


def test_a_missing_path_says_where_it_was_looked_for(project: Path) -> None:
    message = faults(project, "gan", "path:pretrain_network_d=weights/none.pth")
    assert f"no such file or folder: 'weights/none.pth'; tried {project / 'weights/none.pth'}, " in message
    assert str(Path.cwd() / "weights/none.pth") in message
    (project / "options" / "child.yml").write_text("base: sr.yml\nname: child\npath: {pretrain_network_g: none.pth}\n")
    tried = f"tried {project / 'none.pth'}, {project / 'options' / 'none.pth'}"
    assert f"{project / 'options' / 'child.yml'}:3: path:pretrain_network_g: " in faults(project, "child")
    assert tried in faults(project, "child")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("path:pretrain_network_g=datasets", "expected a file, got a folder"),
        ("path:resume_state=none.state", "no such file or folder: 'none.state'"),
        ("datasets:train:dataroot_gt=datasets/gt/0.png", "expected a folder, got a file"),
        ("datasets:train:meta_info_file=none.txt", "datasets:train:meta_info_file: no such file or folder"),
        ("datasets:train:meta_info_file=datasets/gt", "expected a file, got a folder"),
        ("path:pretrain_network_g=3", "path:pretrain_network_g: expected text, got 3"),
    ],
)
def test_paths_of_a_wrong_kind(project: Path, override: str, words: str) -> None:
    assert words in faults(project, "sr", override)


def test_home_and_absolute_paths(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project / "datasets"))
    roots = ("datasets:train:dataroot_gt=~/gt", f"datasets:train:dataroot_lq={project / 'datasets' / 'lq'}")
    train = build(project, "sr", *roots)["datasets"]["train"]
    assert (train["dataroot_gt"], train["dataroot_lq"]) == tuple(
        str(project / "datasets" / side) for side in ("gt", "lq")
    )


def test_a_test_does_not_miss_what_only_training_reads(project: Path) -> None:
    file = project / "options" / "test.yml"
    train = "  train: {type: UnpairedImageDataset, dataroot_low: none, dataroot_high: none}\n  test_2:"
    file.write_text(file.read_text().replace("  test_2:", train))
    assert build(project, "test")["datasets"]["train"]["dataroot_low"] == "none"


def test_known_options_that_the_file_leaves_out_can_be_forced(project: Path) -> None:
    opt = build(
        project, "nerco", "train:accumulate=2", "logger:keep_last=3", "dist_params:timeout=60", "path:resume_state=~"
    )
    assert opt["train"]["accumulate"] == 2
    assert opt["logger"]["keep_last"] == 3
    assert opt["dist_params"] == {"timeout": 60}


def test_a_file_that_cannot_be_read_is_the_same_error(project: Path) -> None:
    with pytest.raises(OptionError, match="no.yml: cannot read the option file"):
        build_options(parse_arguments(["-opt", str(project / "no.yml")]), project, is_train=True)


def test_debug_is_a_flag_and_a_run_of_its_own(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for name, expected in (("debugging", "debug_debugging"), ("debug_x", "debug_x"), ("x", "debug_x")):
        opt = build(project, "sr", f"name={name}", flags=("--debug",))
        assert (opt["name"], opt["debug"], opt["remarks"]) == (expected, True, [])

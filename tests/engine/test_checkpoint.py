"""Checkpoints: complete or passed over, kept or removed, and never replaced by something worse."""

import json
import shutil
from pathlib import Path

import pytest
from tiny_run import Project, differences

from nerco_plugin.engine.checkpoint import Checkpoints, Judge
from nerco_plugin.engine.options import OptionError
from nerco_plugin.models.mended import NonFiniteError
from nerco_plugin.models.state_file import CheckpointError

LONGER = "train:total_iter=14"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With a finished run "done" of 12 iterations, of which 6, 9 and 12 are kept."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.train(project.paired, "done")
    return project


@pytest.fixture
def run(project: Project) -> str:
    """The name of a fresh copy of "done"."""
    shutil.rmtree(project.folder("copy"), ignore_errors=True)
    shutil.copytree(project.folder("done"), project.folder("copy"))
    return "copy"


def kept(project: Project, name: str) -> list[int]:
    return [entry["iter"] for entry in project.manifest(name)]


def test_run_ends_exactly_with_rightly_named_files(project: Project) -> None:
    assert "Total epochs: 4.8; iters: 12." in project.log("done")
    assert project.state("done", 12)["iter"] == 12
    assert not differences(project.weights("done", 12), project.weights("done", "latest"))
    assert {path.name for path in (project.folder("done") / "models").iterdir()} == {
        *(f"net_g_{iteration}.pth" for iteration in (6, 9, 12, "latest"))
    }
    assert kept(project, "done") == [6, 9, 12]


def test_finished_run_is_left_as_it_is(project: Project, run: str) -> None:
    training = project.train(project.paired, run, resume=True)
    assert training.iteration == 12
    assert project.manifest(run) == project.manifest("done")


@pytest.mark.parametrize("fault", ["truncated", "missing", "changed", "no manifest and truncated", "manifest damaged"])
def test_falls_back_to_the_last_whole_checkpoint(project: Project, run: str, fault: str) -> None:
    folder = project.folder(run)
    newest = folder / "models" / "net_g_12.pth"
    content = newest.read_bytes()
    if fault == "missing":
        newest.unlink()
    elif fault == "changed":
        newest.write_bytes(content[:-100] + b"x" * 100)
    else:
        newest.write_bytes(content[:500])
    if fault == "no manifest and truncated":
        (folder / "training_states" / "manifest.json").unlink()
    if fault == "manifest damaged":
        (folder / "training_states" / "manifest.json").write_text("{")
    training = project.train(project.paired, run, LONGER, resume=True)
    assert training.iteration == 14
    log = project.log(run)
    assert str(newest) in log
    assert "falling back to checkpoint 9" in log
    assert not differences(project.weights(run, 12), project.weights("done", 12))


def test_no_whole_checkpoint_is_an_error_that_names_all(project: Project, run: str) -> None:
    for iteration in (6, 9, 12):
        (project.folder(run) / "training_states" / f"{iteration}.state").unlink()
    with pytest.raises(CheckpointError, match=r"(?s)no complete checkpoint.*12.state is missing.*6.state is missing"):
        project.train(project.paired, run, resume=True)


def test_resume_state_of_another_run(project: Project) -> None:
    state = project.folder("done") / "training_states" / "6.state"
    training = project.train(project.paired, "heir", f"path:resume_state={state}")
    assert training.iteration == 12
    assert not differences(project.weights("heir", 12), project.weights("done", 12))


def test_resume_state_of_the_run_itself_through_a_link(project: Project, run: str) -> None:
    link = project.root / "link"
    link.symlink_to(project.folder(run))
    project.train(project.paired, run, f"path:resume_state={link}/training_states/9.state")
    assert not differences(project.weights(run, 12), project.weights("done", 12))
    assert kept(project, run) == [6, 9, 12]
    link.unlink()


def test_resume_state_that_is_none(project: Project) -> None:
    with pytest.raises(OptionError, match="resume_state"):
        project.train(project.paired, "heirless", f"path:resume_state={project.paired}")


def test_bad_loss_stops_the_run_and_leaves_the_last_checkpoint(project: Project, run: str) -> None:
    state = project.state(run, 12)
    bad = ("train:total_iter=20", "train:pixel_opt:loss_weight=1e39")
    with pytest.raises(NonFiniteError, match="iteration 13: l_pix"):
        project.train(project.paired, run, *bad, resume=True)
    assert kept(project, run) == [6, 9, 12]
    assert not differences(project.state(run, 12), state)


def test_bad_weights_are_not_saved(project: Project, run: str) -> None:
    training = project.train(project.paired, run, resume=True)
    next(iter(training.model.net_g.parameters())).data.fill_(float("nan"))
    training.iteration += 1
    with pytest.raises(NonFiniteError, match="net_g: parameter conv_first.weight"):
        training.save()
    assert kept(project, run) == [6, 9, 12]


def add(checkpoints: Checkpoints, iteration: int, score: float | None = None) -> None:
    """A checkpoint of two small files, with its score."""
    for name in (f"models/net_g_{iteration}.pth", f"training_states/{iteration}.state"):
        (checkpoints.folder / name).parent.mkdir(exist_ok=True)
        (checkpoints.folder / name).write_bytes(b"content")
    checkpoints.add(iteration)
    if score is not None:
        checkpoints.add_scores(iteration, {"set": {"psnr": score}}, best={})


def test_a_save_that_fails_leaves_a_whole_checkpoint_of_its_number(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for iteration in (6, 9, 12):  # then 6 is resumed from
        add(checkpoints, iteration)
    begun = [tmp_path / "models" / f"net_g_{iteration}.pth" for iteration in (8, 12)]
    for path in begun:
        path.write_bytes(b"new content")
    for iteration in (8, 9, 12):
        checkpoints.discard(iteration)
    assert (tmp_path / "models" / "net_g_9.pth").read_bytes() == b"content"
    assert not any(path.exists() for path in begun)


def listed(folder: Path) -> list[int]:
    """The checkpoints of the manifest, whose files are the only ones there."""
    iterations = [entry["iter"] for entry in Checkpoints(folder).entries]
    assert sorted(int(path.stem) for path in folder.glob("training_states/*.state")) == iterations
    assert len(list(folder.glob("models/*"))) == len(iterations)
    return iterations


@pytest.mark.parametrize(
    ("scores", "higher", "kept"),
    [
        ([30.0, float("inf"), 31.0, 29.0], True, [2, 4]),  # a perfect PSNR
        ([3.0, 2.0, 2.0, 3.0], False, [2, 4]),  # of equal ones the earliest
        ([float("inf"), 2.0, 3.0, 3.0], False, [2, 4]),
    ],
)
def test_the_best_of_equal_and_of_perfect_scores(
    tmp_path: Path, scores: list[float], higher: bool, kept: list[int]
) -> None:
    checkpoints = Checkpoints(tmp_path, keep_last=1, keep_best=1, judge=Judge("set", "psnr", higher=higher))
    for iteration, score in enumerate(scores, start=1):
        add(checkpoints, iteration, score)
    assert listed(tmp_path) == kept


def test_at_least_the_last_is_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep_last=0)
    for iteration in (3, 6):
        add(checkpoints, iteration)
    assert listed(tmp_path) == [6]


def test_a_course_that_was_given_up_leaves_no_files_behind(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep_last=5)
    for iteration in (3, 6, 5):
        add(checkpoints, iteration)
    assert listed(tmp_path) == [3, 5]

    everything = Checkpoints(tmp_path)  # keeps all files
    for iteration in (8, 7):
        add(everything, iteration)
    assert [entry["iter"] for entry in everything.entries] == [3, 5, 7]
    assert (tmp_path / "training_states" / "8.state").is_file()


def test_keeps_the_last_and_the_best(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "training_states").mkdir()
    checkpoints = Checkpoints(tmp_path, keep_last=2, keep_best=1, judge=Judge("set", "psnr", higher=True))
    for iteration, score in enumerate([1.0, 5.0, 3.0, float("nan"), 2.0], start=1):
        (tmp_path / "models" / f"net_g_{iteration}.pth").write_bytes(b"net")
        (tmp_path / "training_states" / f"{iteration}.state").write_bytes(b"state")
        checkpoints.add(iteration)
        checkpoints.add_scores(iteration, {"set": {"psnr": score}}, best={})
    left = sorted(int(path.stem) for path in (tmp_path / "training_states").glob("*.state"))
    assert left == [2, 4, 5]
    assert [entry["iter"] for entry in Checkpoints(tmp_path).entries] == left
    assert len(list((tmp_path / "models").iterdir())) == 3

    unscored = Checkpoints(tmp_path, keep_last=1, keep_best=3, judge=Judge("set", "psnr", higher=False))
    unscored.add_scores(5, {}, best={})
    assert [entry["iter"] for entry in unscored.entries] == [2, 5]


def test_best_checkpoints_are_made_where_validation_is(project: Project) -> None:
    project.train(project.paired, "best", "logger:keep_best=1", "logger:keep_last=1", "logger:save_checkpoint_freq=100")
    entries = {entry["iter"]: entry["validation"]["scores"]["held_back"]["psnr"] for entry in project.manifest("best")}
    best = project.manifest("best")[-1]["validation"]["best"]["held_back"]["psnr"]
    assert best["iter"] in entries
    assert 12 in entries
    assert json.loads(json.dumps(best))["val"] == max(entries.values())

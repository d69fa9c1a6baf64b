"""A run that is stopped anywhere and resumed gives the weights, states and losses of one that never stopped."""

from pathlib import Path

import pytest
from tiny_run import Project, differences, losses

from nerco_plugin.engine import resumed_options
from nerco_plugin.engine.options import OptionError
from tests.losses.tiny_clip import save_tiny_clip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def stop_and_go(project: Project, options: Path, name: str, stops: list[int], *force: str) -> int:
    """Run with a stop at each of ``stops`` questions after the last resume; returns how many runs it took."""
    for stop in [*stops, None]:
        project.train(options, name, *force, resume=True, stop=stop)
    return len(stops) + 1


@pytest.mark.parametrize("workers", [0, 2])
def test_paired_model_resumes_bitwise(project: Project, workers: int) -> None:
    force = (f"datasets:train:num_worker_per_gpu={workers}",)
    whole, parts = f"whole{workers}", f"parts{workers}"
    project.train(project.paired, whole, *force)
    # the second stop falls into the validation of iteration 4, which the next run makes up for
    stop_and_go(project, project.paired, parts, [1, 3, 0, 3] if workers == 0 else [4], *force)

    assert not differences(project.weights(whole, 12), project.weights(parts, 12))
    assert not differences(project.weights(whole, "latest"), project.weights(whole, 12))
    assert not differences(project.state(whole, 12), project.state(parts, 12))
    assert losses(project.log(whole)) == losses(project.log(parts))
    assert list(losses(project.log(whole))) == list(range(1, 13))
    assert project.manifest(whole)[-1]["validation"] == project.manifest(parts)[-1]["validation"]


def test_workers_do_not_change_the_run(project: Project) -> None:
    assert not differences(project.weights("whole0", 12), project.weights("whole2", 12))


def test_nerco_resumes_bitwise_with_pools_and_average(project: Project) -> None:
    project.train(project.unpaired, "nerco")
    stop_and_go(project, project.unpaired, "nerco_parts", [1, 3])

    for path in (project.folder("nerco") / "models").glob("net_*_8.pth"):
        label = path.stem.removesuffix("_8")
        assert not differences(project.weights("nerco", 8, label), project.weights("nerco_parts", 8, label)), label
    state = project.state("nerco", 8)
    assert not differences(state, project.state("nerco_parts", 8))
    assert any(state["ranks"][0]["extra"]["pools"].values())
    assert losses(project.log("nerco")) == losses(project.log("nerco_parts"))


def test_clip_is_loaded_before_a_resumed_run_has_its_random_numbers_again(project: Project) -> None:
    loss = f"{{type: CLIPPerceptualLoss, pretrained: {save_tiny_clip(project.root / 'clip')}}}"
    force = (f"train:perceptual_opt={loss}", "train:total_iter=4")
    project.train(project.paired, "clip", *force)
    stop_and_go(project, project.paired, "clip_parts", [2], *force)
    assert not differences(project.state("clip", 4), project.state("clip_parts", 4))


def test_options_changed_before_resuming_are_said_one_by_one(project: Project) -> None:
    project.train(project.paired, "changed", stop=3)
    force = (
        "train:optim_g:lr=0.5",
        "train:scheduler:gamma=0.1",
        "train:pixel_opt:loss_weight=2",
        "train:ema_decay=0.5",
    )
    force += (
        "datasets:train:use_rot=false",
        "datasets:train:num_worker_per_gpu=1",
        "train:scheduler:type=MultiStepRestartLR",
    )
    force += ("train:optim_g:foreach=false",)
    training = project.train(project.paired, "changed", *force, resume=True)
    said = [line.partition(" WARNING: ")[2] for line in project.log("changed").splitlines() if " WARNING: " in line]
    assert said == [
        "train:ema_decay was 0.9 before and is 0.5 now: holds from here on.",
        "train:optim_g:lr was 0.01 before and is 0.5 now: stays as it was.",
        "train:scheduler:gamma was 0.5 before and is 0.1 now: stays as it was.",
        "train:pixel_opt:loss_weight was 1.0 before and is 2 now: holds from here on.",
        "datasets:train:use_rot was True before and is False now: holds from here on.",
        "train:optim_g:foreach was ~ before and is False now: holds from here on.",
    ]
    assert training.model.get_current_learning_rate() == [0.01 * 0.5**2]


@pytest.mark.parametrize(
    ("force", "said"),
    [
        ("train:optim_g={type: SGD, lr: 0.1}", "train:optim_g:type was AdamW before and is SGD now: its state cannot"),
        (
            "train:scheduler={type: CosineAnnealingRestartLR, periods: [20]}",
            "train:scheduler:type was MultiStepLR before and is CosineAnnealingRestartLR now: its state cannot",
        ),
    ],
)
def test_another_optimizer_or_schedule_is_refused(project: Project, force: str, said: str) -> None:
    if not project.folder("fixed").exists():
        project.train(project.paired, "fixed", stop=3)
    kept = (project.folder("fixed") / "options.yml").read_text()
    with pytest.raises(OptionError, match=said):
        project.train(project.paired, "fixed", force, resume=True)
    assert (project.folder("fixed") / "options.yml").read_text() == kept  # of what ran


def test_a_state_that_tells_no_options_is_of_any() -> None:
    assert (
        resumed_options.differences({"train": {"total_iter": 4}, "datasets": {"train": {"size": 8}}}, {"iter": 3}) == []
    )


def test_a_checkpoint_knows_no_later_best_score(project: Project) -> None:
    project.train(project.paired, "scored", "logger:save_checkpoint_freq=4", "val:val_freq=4")
    scored = [entry for entry in project.manifest("scored") if entry["validation"]]
    bests = [entry["validation"]["best"]["held_back"]["psnr"]["iter"] for entry in scored]
    assert all(best <= entry["iter"] for best, entry in zip(bests, scored, strict=True))
    assert bests[0] < bests[-1]


def test_other_periods_are_refused(project: Project) -> None:
    cosine = "train:scheduler={type: CosineAnnealingRestartLR, periods: [12]}"
    project.train(project.paired, "cosine", cosine, stop=3)
    with pytest.raises(OptionError, match=r"^train:scheduler:periods was \[12\] before and is \[20\] now: its state"):
        project.train(project.paired, "cosine", cosine.replace("12", "20"), "train:total_iter=20", resume=True)

"""Two processes over gloo: exact resume, one signal for both, shared validation, the gradients of one process."""

import json
import os
import shutil
import signal

import pytest
from tiny_run import Project, differences, losses, wait_for

LONG = "train:scheduler:total_iter=1000000"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def last(project: Project) -> int:
    """The last iteration of two equal runs: "asked" was stopped by a signal to one process and resumed."""
    pair = project.start_pair(project.unpaired, "asked", LONG, "train:total_iter=1000000")
    wait_for(project.folder("asked") / "training_states" / "manifest.json")
    os.kill(pair[1].pid or 0, signal.SIGTERM)
    for process in pair:
        process.join(timeout=240)
        assert process.exitcode == 128 + signal.SIGTERM
    last = project.manifest("asked")[-1]["iter"] + 2
    for name in ("asked", "not_asked"):
        end = (f"train:total_iter={last}", "val:save_img=true")
        assert project.train_pair(project.unpaired, name, LONG, *end) == [0, 0]
    return last


def test_resume_is_exact(project: Project, last: int) -> None:
    for path in (project.folder("asked") / "models").glob(f"net_*_{last}.pth"):
        label = path.stem.removesuffix(f"_{last}")
        one, other = (project.weights(name, last, label) for name in ("asked", "not_asked"))
        assert not differences(one, other), label
    one, other = (project.state(name, last) for name in ("asked", "not_asked"))
    assert not differences(one, other)
    assert differences(one["ranks"][0], one["ranks"][1])  # each process has its own random numbers
    assert losses(project.log("asked")) == losses(project.log("not_asked"))


def test_shared_validation_gives_the_scores_of_one_process(project: Project, last: int) -> None:
    shared = project.manifest("asked")[-1]["validation"]["scores"]
    assert shared["held_back"]["psnr"] > 0
    pictures = project.folder("asked") / "visualization"
    assert len(list(pictures.glob(f"*/*_{last}.png"))) == 5

    manifest = project.folder("asked") / "training_states" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["checkpoints"][-1]["validation"] = None  # makes one process validate again
    manifest.write_text(json.dumps(content))
    project.train(project.unpaired, "asked", LONG, f"train:total_iter={last}", resume=True)
    assert project.manifest("asked")[-1]["validation"]["scores"] == shared


def test_two_processes_have_the_gradients_of_one_with_twice_the_batch(project: Project) -> None:
    sgd = "{type: SGD, lr: 0.01}"
    force = (f"train:optim_g={sgd}", f"train:optim_d={sgd}", "train:warm_start=~", "train:image_pool_size=0")
    assert project.train_pair(project.unpaired, "two", *force, "train:total_iter=1") == [0, 0]
    recomputed = (*force, "train:total_iter=1", "train:checkpoint=true")
    assert project.train_pair(project.unpaired, "recomputed", *recomputed) == [0, 0]
    project.train(project.unpaired, "one", *force, "train:total_iter=1", "datasets:train:batch_size_per_gpu=2")
    project.train(project.unpaired, "half", *force, "train:total_iter=1")
    for label in ("net_g", "net_degrade", "net_d_high", "net_d_edge_low"):
        one, half = (project.weights(name, 1, label)["params"] for name in ("one", "half"))
        for name in ("two", "recomputed"):
            two = project.weights(name, 1, label)["params"]
            worst = max((two[key] - one[key]).abs().max().item() for key in one)
            moved = max((two[key] - half[key]).abs().max().item() for key in one)
            assert worst < 5e-6 < 1e-4 < moved, (name, label, worst, moved)  # "half" saw one of the two samples


def test_a_broken_file_ends_both_and_is_named(project: Project) -> None:
    broken = project.root / "broken"
    shutil.copytree(project.root / "datasets" / "lq", broken)
    (broken / "p2.png").write_bytes((broken / "p2.png").read_bytes()[:60])
    force = (f"datasets:train:dataroot_low={broken}", "datasets:train:num_worker_per_gpu=1")
    assert project.train_pair(project.unpaired, "broken", *force, launcher="slurm") == [1, 1]
    outputs = [(project.root / f"output{rank}.txt").read_text() for rank in range(2)]
    assert all("p2.png" in output and "Traceback" not in output for output in outputs), outputs
    assert "p2.png" in project.log("broken")


def test_torchrun_trains(project: Project) -> None:
    arguments = project.arguments(project.unpaired, "torchrun", "train:total_iter=1")
    code, output = project.call(project.command("train", arguments, processes=2))
    assert code == 0, output
    assert "World size (gpu number): 2" in output

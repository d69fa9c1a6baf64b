"""A run that is stopped anywhere and resumed gives the weights, states and losses of one that never stopped."""

from pathlib import Path

import pytest
from tiny_run import Project, differences, losses


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

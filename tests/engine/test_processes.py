"""Real processes: signals, kills, faults, torchrun. Each start costs seconds, so every run serves several tests."""

import resource
import signal

import pytest
from tiny_run import Project, differences, losses, wait_for

TOO_LONG = "train:total_iter=1000000"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def test_sigterm_saves_and_the_run_goes_on_exactly_from_another_folder(project: Project) -> None:
    force = ("val:val_freq=1000", "logger:print_freq=1")
    process = project.start(project.command("train", project.arguments(project.paired, "asked", TOO_LONG, *force)))
    wait_for(project.folder("asked") / "training_states" / "manifest.json")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 128 + signal.SIGTERM, output

    last = project.manifest("asked")[-1]["iter"]
    assert last == max(losses(project.log("asked")))
    end = f"train:total_iter={last + 2}"
    project.train(project.paired, "asked", end, *force, resume=True)
    project.train(project.paired, "not_asked", end, *force)
    assert not differences(project.weights("asked", last + 2), project.weights("not_asked", last + 2))


def test_full_disk_ends_the_run_and_leaves_the_last_checkpoint(project: Project) -> None:
    process = project.start(project.command("train", project.arguments(project.paired, "full", TOO_LONG)))
    wait_for(project.folder("full") / "training_states" / "manifest.json")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2000, 2000))  # no file grows beyond: as if the disk was full
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1, output
    assert "cannot write" in output
    assert "Traceback" not in output
    last = project.manifest("full")[-1]["iter"]
    assert f"checkpoint {last} is untouched" in output
    project.train(project.paired, "full", f"train:total_iter={last + 1}", resume=True)


@pytest.mark.timeout(900)  # starts four processes, on a machine that may be busy
def test_killed_at_a_random_moment(project: Project) -> None:
    force = ["name=k", "train:total_iter=150", "val:val_freq=50"]
    command = project.command("kill_resume", ["-opt", str(project.paired), "--kills", "1", "--force_yml", *force])
    code, output = project.call(command)
    assert code == 0, output
    assert "Equal after 1 kills" in output

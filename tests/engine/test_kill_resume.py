"""tools/kill_resume.py: refuses in one line what it cannot kill and resume."""

from pathlib import Path

import pytest

from tests.data.run_tool import run_tool


@pytest.mark.parametrize(
    ("text", "forced", "said"),
    [
        ("train: [", "name=run", "opt.yml:2: not YAML"),
        ("train: {}", "train:total_iter=4", "opt.yml: name: expected a name that a folder can have, got None"),
        ("name: run", "name=../run", "opt.yml: name: expected a name that a folder can have, got '../run'"),
    ],
)
def test_faults_are_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, forced: str, said: str
) -> None:
    (tmp_path / "opt.yml").write_text(text, encoding="utf-8")
    force = ["--force_yml", forced, "--force_yml", "path:resume_state=~"]  # each adds to those before
    assert run_tool("kill_resume", "-opt", str(tmp_path / "opt.yml"), *force) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line

"""What a source distribution holds, and what the package says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nerco_plugin import __version__

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("benchmarks", "docs", "options", "tests", "tools")


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that setuptools writes about the package."""
    base = tmp_path_factory.mktemp("info")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(base)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return base / "nerco_plugin.egg-info"


def test_a_source_distribution_can_be_tested(info: Path) -> None:
    held = set((info / "SOURCES.txt").read_text(encoding="utf-8").splitlines())
    asked = {"CITATION.cff", "LICENSE", "Makefile", "README.md", "constraints.txt", "pyproject.toml", "setup.py"}
    for folder in FOLDERS:
        files = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yml", ".md", ".jpg")]
        asked |= {path.relative_to(ROOT).as_posix() for path in files}
    assert not asked - held
    assert not [name for name in held if name.endswith(".pyc")]


def test_the_licences_of_what_is_not_ours_are_installed(info: Path) -> None:
    lines = (info / "PKG-INFO").read_text(encoding="utf-8").splitlines()
    assert "License-File: nerco_plugin/metrics/niqe_paper_params.LICENSE" in lines
    assert "License-File: LICENSE" in lines


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert citation["references"][0]["title"] in (ROOT / "README.md").read_text(encoding="utf-8")

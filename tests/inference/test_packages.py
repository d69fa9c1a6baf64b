"""Packages that cannot be imported: each reason once, with what helps."""

from pathlib import Path

import pytest

from nerco_plugin.inference import packages

BROKEN = {
    "needs_gl": 'raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")',
    "needs_it_too": "import needs_gl",
    "needs_rare": 'raise OSError("librare.so.3: cannot open shared object file: No such file or directory")',
    "needs_absent": "import absent_package.part",
    "needs_another_version": "from pathlib import Way",
    "sound": "",
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, program in BROKEN.items():
        (tmp_path / f"{name}.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "MODULES", {"opencv-python": "needs_gl", "absent-package": "absent_package"})


@pytest.mark.usefixtures("broken")
def test_each_reason_is_named_once_with_a_remedy() -> None:
    names = ["opencv-python", "needs_it_too", "needs_rare", "needs_absent", "needs_another_version", "sound"]
    found = [(fault.names, fault.remedy) for fault in packages.import_all(names)]
    assert found == [
        (
            ["opencv-python", "needs_it_too"],
            "apt install libgl1; or pip install opencv-python-headless instead of opencv-python",
        ),
        (["needs_rare"], "install the system's package with librare.so.3"),
        (["needs_absent"], "pip install absent-package"),
        (["needs_another_version"], "pip install --force-reinstall --no-deps needs_another_version"),
    ]


def test_all_that_is_needed_can_be_imported_here() -> None:
    assert packages.import_all(packages.MODULES) == []

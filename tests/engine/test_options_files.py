"""Every option file of the repository is sound, and its networks and losses build."""

from pathlib import Path

import pytest
from basicsr.losses import build_loss

from nerco_plugin.engine.options import build_options, load_options, parse_arguments
from nerco_plugin.engine.options_step import build

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

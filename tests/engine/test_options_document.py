"""docs/options.md is what the docstrings say, and no option of a registered class goes without a word."""

from pathlib import Path

import pytest
from basicsr.utils.registry import ARCH_REGISTRY, DATASET_REGISTRY, LOSS_REGISTRY, METRIC_REGISTRY, MODEL_REGISTRY

from nerco_plugin.engine.options_document import UndocumentedError, options_of, options_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "options.md"
REGISTRIES = (ARCH_REGISTRY, DATASET_REGISTRY, LOSS_REGISTRY, METRIC_REGISTRY, MODEL_REGISTRY)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == options_page(), "run: python tools/document_options.py"


def test_every_registered_class_is_on_it() -> None:
    own = [name for registry in REGISTRIES for name, cls in registry if cls.__module__.startswith("nerco_plugin")]
    assert len(own) > 20
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in own if f"### {name}\n" not in text] == []


def test_options_by_name_type_default_and_meaning() -> None:
    nerco = {option.name: option for option in options_of(dict(iter(ARCH_REGISTRY))["NeRCo"])}
    assert nerco["num_feat"][1:] == ("int", "`64`", "features at full size of every part (released: 64).")
    model = {option.name: option for option in options_of(dict(iter(MODEL_REGISTRY))["NeRCoModel"])}
    assert model["network_degrade"].default == "required"
    assert model["train.amp"].kind == "`bf16` or `fp16`"
    assert "photon counting" in model["train.warm_start.shot_noise"].meaning


def test_an_option_without_explanation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd:
        """Odd.

        Args:
            known: explained,
                on two lines.
        """

        def __init__(self, known: int, unknown: dict[str, int] | None = None) -> None:
            pass

    Odd.__module__ = "nerco_plugin.archs.odd_arch"
    assert [option.meaning for option in options_of(Odd)] == ["explained, on two lines.", ""]
    monkeypatch.setitem(ARCH_REGISTRY._obj_map, "Odd", Odd)
    with pytest.raises(UndocumentedError, match="no docstring explains Odd: unknown$"):
        options_page()

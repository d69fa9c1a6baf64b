"""Products are taken in the type that the processor is quick in."""

import platform
from pathlib import Path

import pytest
import torch

from nerco_plugin.archs.blocks import products

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "fpu avx512_bf16", False),
        ("x86_64", "fpu avx512_bf16 amx_bf16 amx_tile", True),
        ("x86_64", None, False),
        ("aarch64", None, True),
    ],
)
def test_what_multiplies_bf16(
    machine: str, flags: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(products, "PROCESSOR", tmp_path / "cpuinfo")
    assert products.multiplies_bf16.__wrapped__() is expected


@pytest.mark.parametrize("is_quick", [False, True])
def test_what_products_are_taken_in(is_quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "multiplies_bf16", lambda: is_quick)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert products.product_dtype(BF16, cpu) == (BF16 if is_quick else FP32)
    assert products.product_dtype(FP16, cpu) == FP32
    assert [products.product_dtype(kind, gpu) for kind in (BF16, FP16, FP32)] == [BF16, FP16, FP32]
    assert products.product_dtype(torch.float64, cpu) == torch.float64

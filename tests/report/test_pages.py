"""The pages' text: self-contained, their data readable, names never taken for HTML."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from nerco_plugin.report import write_curves
from nerco_plugin.report.page import render

LINE = "2026-01-01 00:00:00,000 INFO: [tiny..][epoch:  0, iter: {:7,d}, lr:(2.000e-04,)] l_g: {:.4e} \n"


def page_data(page: Path) -> dict:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_benchmark_page_needs_nothing_from_outside(report: Path) -> None:
    text = (report / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "<title>Three &lt;/script&gt; photographs</title>" in text
    data = page_data(report / "index.html")
    assert data["title"] == "Three </script> photographs"
    assert data["methods"] == ["gamma <b>", "gain"]
    for image in data["images"]:
        for role in ("low", "gt", "0", "1"):
            assert (report / "index_files" / f"{image['index']:04d}_{role}.jpg").is_file()
            assert len(image["histograms"][role]) == 64


def test_page_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render("t", [], {"loss": float("nan")})


def test_curves_page_holds_every_curve_and_picture(tmp_path: Path) -> None:
    log = tmp_path / "train_tiny_20260101_000000.log"
    log.write_text(
        "".join(LINE.format(i, i and 1 / i) for i in range(10, 40010, 10)) + LINE.format(40010, float("nan"))
    )
    for iteration in (500, 5000):
        path = tmp_path / "visualization" / "a b#" / f"a b#_{iteration}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20)).save(path)
    data = page_data(write_curves(tmp_path))
    assert [group["title"] for group in data["groups"]] == ["Loss terms", "Pace"]
    points = data["groups"][0]["charts"][0]["points"]
    assert len(points) <= 3000
    assert points[-1] == [40010, None]
    assert data["samples"] == [
        {
            "name": "a b#",
            "size": [30, 20],
            "pictures": [
                {"iteration": 500, "src": "visualization/a%20b%23/a%20b%23_500.png"},
                {"iteration": 5000, "src": "visualization/a%20b%23/a%20b%23_5000.png"},
            ],
        }
    ]

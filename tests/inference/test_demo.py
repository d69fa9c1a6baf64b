"""The page in headless Chromium: a photograph up, before and after, sliders, download; nothing leaves the machine."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from nerco_plugin.inference.enhancer import Enhancer

gradio = pytest.importorskip("gradio", reason="gradio is not installed (extra: demo)")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")

SHOWN = "Array.from(document.querySelectorAll('#slider img'), image => image.src).join()"


@pytest.fixture
def exposing() -> Enhancer:
    """The packaged network: it has an exposure to be changed."""
    return Enhancer.from_pretrained(device="cpu")


@pytest.fixture
def address(exposing: Enhancer, tmp_path: Path) -> Iterator[str]:
    from nerco_plugin.inference.demo import build_page, launch

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = build_page(exposing, tmp_path)
    launch(page, "127.0.0.1", port, block=False)
    yield f"http://127.0.0.1:{port}"
    page.close()


def test_the_page(address: str, tmp_path: Path, exposing: Enhancer) -> None:
    path = shutil.which(os.environ.get("NERCO_CHROMIUM", "chromium"))
    if path is None:
        pytest.skip("no Chromium found; install one, or set NERCO_CHROMIUM to its path")
    pixels = np.random.default_rng(0).integers(0, 9000, (40, 60), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "dark.png")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1100, "height": 900})
        hosts: set[str | None] = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.goto(address)
        assert page.locator("#download").is_disabled()
        page.locator("#source input[type=file]").set_input_files(tmp_path / "dark.png")
        page.wait_for_selector("#slider img", timeout=60000)
        drag_apart(page)
        for name, place in (("stops", 0.75), ("strength", 0.5)):
            box = page.locator(f"#{name} input[type=range]").bounding_box()
            shown = page.evaluate(SHOWN)
            page.mouse.click(box["x"] + place * box["width"], box["y"] + box["height"] / 2)
            page.wait_for_function(f"before => {SHOWN} !== before", arg=shown, timeout=60000)
        with page.expect_download(timeout=60000) as download:  # the click waits until there is something to download
            page.locator("#download").click(timeout=60000)
        download.value.save_as(tmp_path / "got.png")
        strength, stops = (
            float(page.locator(f"#{name} input[type=number]").input_value()) for name in ("strength", "stops")
        )
        if shot := os.environ.get("NERCO_SCREENSHOT"):
            page.screenshot(path=shot)
        chromium.close()
    assert hosts <= {"127.0.0.1", None}
    assert 0.3 < strength < 0.7
    assert 1 <= stops <= 2
    got = np.asarray(Image.open(tmp_path / "got.png"))
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, exposing(pixels, strength, stops))


def drag_apart(page: Any) -> None:
    """Drag the slider's handle to the left: more of the enhanced image is seen."""
    box = page.locator("#slider img").first.bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    shot = {"x": middle - 8, "y": box["y"] + 5, "width": 4, "height": 4}
    before = page.screenshot(clip=shot)
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(middle - 40, height, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert page.screenshot(clip=shot) != before

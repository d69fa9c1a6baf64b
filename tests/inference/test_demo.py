"""The page in headless Chromium: a photograph up, before and after, sliders, download; nothing leaves the machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from nerco_command import build_parser, main
from nerco_plugin.inference.enhancer import Enhancer

gradio = pytest.importorskip("gradio", reason="gradio is not installed (extra: demo)")
httpx = pytest.importorskip("httpx")  # gradio's own
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")

REPOSITORY = Path(__file__).resolve().parents[2]
SHOWN = "Array.from(document.querySelectorAll('#slider img'), image => image.src).join()"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def exposing() -> Enhancer:
    """The packaged network: it has an exposure to be changed."""
    return Enhancer.from_pretrained(device="cpu")


@pytest.fixture
def address(exposing: Enhancer, tmp_path: Path) -> Iterator[str]:
    from nerco_plugin.inference.demo import build_page, launch

    port = free_port()
    page = build_page(exposing, tmp_path)
    launch(page, "127.0.0.1", port)
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
    assert 1.5 <= stops <= 2.5
    got = np.asarray(Image.open(tmp_path / "got.png"))
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, exposing(pixels, strength, stops))


def test_the_slider_goes_as_far_as_the_command(exposing: Enhancer, tmp_path: Path) -> None:
    from nerco_plugin.inference.demo import build_page

    parts = [part["props"] for part in build_page(exposing, tmp_path).config["components"]]
    (stops,) = [part for part in parts if part.get("elem_id") == "stops"]
    parse = build_parser().parse_args
    for limit in (stops["minimum"], stops["maximum"]):
        assert parse(["enhance", "x", "-o", "y", "--stops", str(limit)]).stops == limit
        with pytest.raises(SystemExit):
            parse(["enhance", "x", "-o", "y", "--stops", str(limit * 1.01)])


def test_an_address_that_cannot_be_listened_on_is_named(capsys: pytest.CaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["demo", "--port", str(port)]) == 2
        assert f"error: --port {port}: cannot be listened on" in capsys.readouterr().err
    for host in ("192.0.2.1", "no such host"):
        assert main(["demo", "--host", host, "--port", str(port)]) == 2
        assert f"error: --host {host}: cannot be listened on" in capsys.readouterr().err


def test_termination_leaves_nothing_and_has_its_code(tmp_path: Path, tiny_weights: Path) -> None:
    port = free_port()
    command = [sys.executable, "nerco_command.py", "demo", "--port", str(port), "--device", "cpu"]
    environment = {key: value for key, value in os.environ.items() if key != "GRADIO_TEMP_DIR"}
    with subprocess.Popen(
        [*command, "--weights", str(tiny_weights)],
        cwd=REPOSITORY,
        env={**environment, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        told = process.stdout.readline()
        address = told.split()[-1]
        client = httpx.Client(trust_env=False)
        with tiny_weights.open("rb") as file:
            uploaded = client.post(f"{address}/gradio_api/upload", files={"files": file}).json()[0]
        assert tmp_path in Path(uploaded).parents
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 143
    assert told == f"until Ctrl-C, the page is at http://127.0.0.1:{port}\n"
    assert output == "\nstopped; the page is closed\n"
    assert not list(tmp_path.iterdir())


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

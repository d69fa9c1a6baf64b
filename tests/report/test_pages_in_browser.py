"""The pages in headless Chromium: the slider moves by mouse, touch and keys, sorting sorts, nothing complains."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nerco_plugin.report import write_curves

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
LINE = "2026-01-01 00:00:00,000 INFO: [tiny..][epoch:  0, iter: {:7,d}, lr:(2.000e-04,)] l_g: {:.4e} l_d: {:.4e} \n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium of the system; skipped where there is none."""
    names = (os.environ.get("NERCO_CHROMIUM", "chromium"), "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no Chromium found ({', '.join(names)}); install one, or set NERCO_CHROMIUM to its path")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Open a file; after the test, no error and no request that left the disk may have come up."""
    contexts, complaints = [], []

    def look(path: Path, width: int = 1280, height: int = 900, **options: object) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on(
            "request",
            lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url),
        )
        page.goto(path.as_uri())
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def line_position(page: Any) -> float:
    """Where the first card's line stands, in percent."""
    return float(
        page.locator("#cards .compare").first.evaluate("box => parseFloat(box.style.getPropertyValue('--at') || 50)")
    )


def names(page: Any) -> list[str]:
    return page.locator("#scores tbody td:first-child").all_inner_texts()


def test_slider_by_mouse_and_keys(visit: Any, report: Path) -> None:
    page = visit(report / "index.html")
    box = page.locator("#cards .compare").first
    box.scroll_into_view_if_needed()
    frame = box.bounding_box()
    page.mouse.move(frame["x"] + frame["width"] * 0.5, frame["y"] + 40)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.2, frame["y"] + 60, steps=3)
    page.mouse.up()
    assert line_position(page) == pytest.approx(20, abs=1)
    page.mouse.move(frame["x"] + frame["width"] * 0.9, frame["y"] + 60)  # released: stays
    assert line_position(page) == pytest.approx(20, abs=1)
    box.locator("input[type=range]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert line_position(page) == pytest.approx(30, abs=1)
    page.keyboard.press("End")
    assert line_position(page) == 100
    clip = box.locator("img.left").evaluate("image => getComputedStyle(image).clipPath")
    assert clip.startswith("inset(0px 0")


def test_slider_by_touch_on_a_phone(visit: Any, report: Path) -> None:
    page = visit(report / "index.html", width=390, height=800, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("#cards .compare").first
    box.scroll_into_view_if_needed()
    frame = box.bounding_box()
    page.touchscreen.tap(frame["x"] + frame["width"] * 0.75, frame["y"] + 30)
    assert line_position(page) == pytest.approx(75, abs=1)
    touch = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.75), ("touchMove", 0.6), ("touchMove", 0.3), ("touchEnd", None)):
        points = [] if share is None else [{"x": frame["x"] + frame["width"] * share, "y": frame["y"] + 30}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert line_position(page) == pytest.approx(30, abs=2)


def test_pictures_load_and_can_be_exchanged(visit: Any, report: Path) -> None:
    page = visit(report / "index.html")
    card = page.locator("#cards article").first
    card.scroll_into_view_if_needed()
    card.locator("select").last.select_option(label="Reference")
    page.wait_for_function(
        "[...document.querySelectorAll('#cards article:first-child img')].every(i => i.complete && i.naturalWidth)"
    )
    assert card.locator("img.right").get_attribute("src").endswith("_gt.jpg")
    assert "Reference" in card.locator(".key").last.inner_text()


def test_sorting_sorts_worst_and_best_first(visit: Any, report: Path) -> None:
    page = visit(report / "index.html")
    scores = {
        "psnr": page.evaluate("Object.fromEntries(data.images.map(i => [i.name, i.scores[0][0]]))"),
        "loe": page.evaluate("Object.fromEntries(data.images.map(i => [i.name, i.scores[0][2]]))"),
    }
    assert names(page) == sorted(scores["psnr"], key=scores["psnr"].get)
    page.get_by_role("button", name="LOE").click()
    worst_first = sorted(scores["loe"], key=scores["loe"].get, reverse=True)
    assert names(page) == worst_first
    assert page.locator("#cards h3").all_inner_texts() == worst_first
    assert page.locator("#scores th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="LOE").click()
    assert names(page) == worst_first[::-1]
    assert page.evaluate("document.activeElement.textContent") == "LOE"  # keys go on from where they were
    page.get_by_role("button", name="By name").click()
    assert names(page) == ["1", "2", "10"]
    page.get_by_role("button", name="NIQE", exact=True).click()
    assert names(page)[-1] == "10"  # undefined: last, whichever way
    page.get_by_role("button", name="Best first").click()
    assert names(page)[-1] == "10"
    page.get_by_placeholder("Find a name").fill("2")
    assert names(page) == ["2"]


def test_enlarged_image_and_its_neighbours(visit: Any, report: Path) -> None:
    page = visit(report / "index.html", color_scheme="dark")
    page.get_by_role("button", name="By name").click()
    page.locator("#scores tbody tr").nth(1).click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h3").inner_text() == "2"
    page.keyboard.press("PageDown")
    assert dialog.locator("h3").inner_text() == "10"
    assert dialog.get_by_role("button", name="Next image").is_disabled()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_light_and_dark(visit: Any, report: Path) -> None:
    page = visit(report / "index.html", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.locator("header.top button").click()  # auto -> light
    assert page.evaluate(background) != dark


def test_curves_page(visit: Any, tmp_path: Path) -> None:
    log = tmp_path / "train_tiny_20260101_000000.log"
    lines = [LINE.format(i, 1 / i, float("nan") if i == 500 else 1.0) for i in range(100, 2001, 100)]
    block = "2026-01-01 00:00:00,000 INFO: Validation set\n\t # psnr: {:.4f}\tBest: {:.4f} @ {} iter\n\n"
    log.write_text("".join([*lines[:10], block.format(12, 12, 1000), *lines[10:], block.format(11, 12, 1000)]))
    for iteration in (1000, 2000):
        path = tmp_path / "visualization" / "1" / f"1_{iteration}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), "gray").save(path)
    page = visit(write_curves(tmp_path), width=400)
    assert page.locator(".chart h3").all_inner_texts() == ["psnr, set", "l_g", "l_d", "learning rate"]
    assert "best 12 @ 1,000" in page.locator(".chart").first.inner_text()
    page.get_by_role("slider", name="Iteration").fill("900")
    assert "@ 900" in page.locator(".chart").nth(1).inner_text()
    assert page.locator(".compare img.right").get_attribute("src").endswith("1_1000.png")
    page.get_by_label("Loss terms on a log scale").check()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

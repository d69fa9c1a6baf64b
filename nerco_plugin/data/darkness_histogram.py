"""Draws how dark the images of each side of a data set are: one histogram of mean brightness under the other."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

_BINS = 50
_BAR = 12
_PANEL = 120
_MARGIN = 30


def darkness_histogram(sides: Mapping[str, Sequence[float]]) -> Image.Image:
    """Draw mean brightnesses in [0, 1] as histograms, each bar in its own gray, a red line at the median.

    Args:
        sides: what each panel is called, and the brightness of its images.
    """
    width = 2 * _MARGIN + _BINS * _BAR
    picture = Image.new("RGB", (width, max(1, len(sides)) * (_PANEL + 2 * _MARGIN)), (205, 220, 235))
    draw = ImageDraw.Draw(picture)
    for number, (label, values) in enumerate(sides.items()):
        _draw_panel(draw, floor=(number + 1) * (_PANEL + 2 * _MARGIN) - _MARGIN, label=label, values=values)
    return picture


def _draw_panel(draw: ImageDraw.ImageDraw, floor: int, label: str, values: Sequence[float]) -> None:
    counts, edges = np.histogram(values, bins=_BINS, range=(0, 1))
    tallest = max(1, int(counts.max()))
    for index, count in enumerate(counts):
        left = _MARGIN + index * _BAR
        gray = round(255 * float(edges[index]))
        if count:
            draw.rectangle((left, floor - _PANEL * count / tallest, left + _BAR - 1, floor), fill=(gray, gray, gray))
    draw.line((_MARGIN, floor, _MARGIN + _BINS * _BAR, floor), fill=(0, 0, 0))
    for tenth in range(0, 11, 2):
        draw.text((_MARGIN + tenth * _BINS * _BAR / 10, floor + 4), f"{tenth / 10:.1f}", fill=(0, 0, 0), anchor="ma")
    median = float(np.median(values)) if len(values) else 0.0
    x = _MARGIN + median * _BINS * _BAR
    draw.line((x, floor - _PANEL, x, floor), fill=(200, 0, 0))
    title = f"{label}: {len(values)} images, median of mean brightness {median:.3f}, tallest bar {tallest}"
    draw.text((_MARGIN, floor - _PANEL - 20), title, fill=(0, 0, 0))

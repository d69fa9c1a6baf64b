"""Guarded NIQE: BasicSR's score where there is one, a reason where BasicSR's raises."""

import math

import numpy as np
import pytest
import skimage.data
from basicsr.metrics import calculate_metric, calculate_niqe

from nerco_plugin.metrics.conventions import UndefinedScoreError
from nerco_plugin.metrics.niqe_guarded_metric import niqe_guarded

NOISE = np.random.default_rng(0).integers(0, 256, (192, 192, 3), dtype=np.uint8)


def test_equals_basicsr() -> None:
    photograph = np.ascontiguousarray(skimage.data.astronaut()[:200, :200, ::-1])
    expected = calculate_niqe(photograph, crop_border=3)
    assert calculate_metric({"img": photograph}, {"type": "calculate_niqe_guarded", "crop_border": 3}) == expected


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((120, 200, 3), np.uint8), "too little structure"),
        (np.full((200, 200, 3), 90, np.uint8), "too little structure"),
        (np.zeros((95, 400, 3), np.uint8), "two whole patches of 96 x 96 px, got 95 x 400"),
        (NOISE[:96, :96], "two whole patches of 96 x 96 px, got 96 x 96"),
        (NOISE[:100, :191], "two whole patches of 96 x 96 px, got 100 x 191"),
    ],
)
def test_undefined_has_a_reason_and_ends_nothing(image: np.ndarray, reason: str) -> None:
    with pytest.raises(UndefinedScoreError, match=reason):
        niqe_guarded(image)
    assert math.isnan(calculate_metric({"img": image}, {"type": "calculate_niqe_guarded"}))


@pytest.mark.parametrize("image", [NOISE[:96], NOISE[:, :96], NOISE[:100, :192]])
def test_two_patches_are_enough(image: np.ndarray) -> None:
    assert math.isfinite(niqe_guarded(image))


def test_wrong_shape_is_an_error_all_the_same() -> None:
    with pytest.raises(ValueError, match=r"3 dimensions, got shape \(200, 200\)"):
        calculate_metric({"img": np.zeros((200, 200), np.uint8)}, {"type": "calculate_niqe_guarded"})

"""Guarded NIQE: BasicSR's score where there is one, a reason where BasicSR's raises."""

import math

import numpy as np
import pytest
import skimage.data
from basicsr.metrics import calculate_metric, calculate_niqe

from nerco_plugin.metrics.conventions import UndefinedScoreError
from nerco_plugin.metrics.niqe_guarded_metric import niqe_guarded


def test_equals_basicsr() -> None:
    photograph = np.ascontiguousarray(skimage.data.astronaut()[:200, :200, ::-1])
    expected = calculate_niqe(photograph, crop_border=3)
    assert calculate_metric({"img": photograph}, {"type": "calculate_niqe_guarded", "crop_border": 3}) == expected


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((120, 200, 3), np.uint8), "too little structure"),
        (np.full((200, 200, 3), 90, np.uint8), "too little structure"),
        (np.zeros((95, 200, 3), np.uint8), "96 px a side, got 95 x 200"),
        (np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8), "too little structure"),  # one patch
    ],
)
def test_undefined_has_a_reason_and_ends_nothing(image: np.ndarray, reason: str) -> None:
    with pytest.raises(UndefinedScoreError, match=reason):
        niqe_guarded(image)
    assert math.isnan(calculate_metric({"img": image}, {"type": "calculate_niqe_guarded"}))


def test_wrong_shape_is_an_error_all_the_same() -> None:
    with pytest.raises(ValueError, match=r"3 dimensions, got shape \(200, 200\)"):
        calculate_metric({"img": np.zeros((200, 200), np.uint8)}, {"type": "calculate_niqe_guarded"})

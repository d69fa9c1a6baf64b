"""The paper's NIQE: its statistics one value at a time, the whole on photographs, and images that it cannot score."""

import math

import numpy as np
import pytest
import skimage.data
from basicsr.metrics import calculate_metric
from basicsr.utils import get_root_logger
from scipy.special import gamma

from nerco_plugin.metrics.conventions import UndefinedScoreError
from nerco_plugin.metrics.niqe_paper_metric import (
    SHAPE_RATIOS,
    SHAPES,
    aggd,
    features,
    mscn,
    nearest_shape,
    niqe_paper,
    patches,
    pristine_model,
)


def plain_aggd(samples: np.ndarray) -> tuple[float, float, float, float]:
    """The fit of one patch, written with loops' plainness as an independent check."""
    left = math.sqrt((samples[samples < 0].astype(float) ** 2).mean())
    right = math.sqrt((samples[samples >= 0].astype(float) ** 2).mean())
    skew = left / right
    ratio = abs(samples).mean() ** 2 / (samples.astype(float) ** 2).mean()
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = min(SHAPES, key=lambda a: (gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio) ** 2)
    scale = math.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, (right - left) * scale * gamma(2 / shape) / gamma(1 / shape), left * scale, right * scale


def test_fit_agrees_with_the_plain_one() -> None:
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(3, 500)).astype(np.float32)
    samples[1] = np.where(samples[1] < 0, 3 * samples[1], samples[1])
    samples[2] = generator.laplace(size=500)
    for row, fit in zip(samples, np.stack(aggd(samples), axis=1)):
        np.testing.assert_allclose(fit, plain_aggd(row), rtol=1e-5)


def test_gaussian_and_laplacian_have_shapes_two_and_one() -> None:
    generator = np.random.default_rng(1)
    samples = np.stack([generator.normal(size=200_000), generator.laplace(size=200_000)]).astype(np.float32)
    np.testing.assert_allclose(aggd(samples)[0], [2, 1], atol=0.03)


def test_flat_rows_get_the_first_shape_and_no_scale() -> None:
    shape, mean, left, right = aggd(np.zeros((1, 9), np.float32))
    assert (shape[0], mean[0], left[0], right[0]) == (SHAPES[0], 0, 0, 0)


def test_nearest_shape_is_the_nearest() -> None:
    ratios = np.random.default_rng(2).uniform(-0.1, 1.0, 200)
    expected = np.abs(SHAPE_RATIOS - ratios[:, None]).argmin(axis=1)
    np.testing.assert_array_equal(nearest_shape(ratios), expected)


def test_mscn_of_a_constant_by_hand() -> None:
    # Far from the border mean = value and sigma = 0; at a corner only zeros are added outside.
    coefficients = mscn(np.full((20, 20), 50, np.float32))
    assert abs(coefficients[10, 10]) < 0.02
    weights = np.exp(-0.5 * np.arange(-3, 4) ** 2 / (7 / 6) ** 2)
    inside = (weights[3:].sum() / weights.sum()) ** 2
    mean, sigma = 50 * inside, 50 * math.sqrt(inside - inside**2)
    assert coefficients[0, 0] == pytest.approx((50 - mean) / (sigma + 1), rel=1e-4)


def test_patches_go_row_by_row() -> None:
    plane = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(patches(plane, 2)[1], [[2, 3], [8, 9]])
    assert patches(plane, 2).shape == (6, 2, 2)


def test_diagonals_store_the_left_scale_twice() -> None:
    values = features(np.random.default_rng(3).normal(size=(2, 32, 32)).astype(np.float32))
    assert values.shape == (2, 18)
    for first in (10, 14):  # alpha, mean, left, right of each diagonal
        np.testing.assert_array_equal(values[:, first + 2], values[:, first + 3])
    assert (values[:, 4] != values[:, 5]).all()


def test_model_has_the_deficient_rank_of_the_protocol() -> None:
    mean, covariance = pristine_model()
    assert mean.shape == (36,)
    assert np.linalg.matrix_rank(covariance) == 32


def test_noise_makes_a_photograph_worse() -> None:
    photograph = skimage.data.astronaut()[:300, :400]
    noise = np.random.default_rng(0).normal(scale=40, size=photograph.shape)
    assert niqe_paper(np.clip(photograph + noise, 0, 255).astype(np.uint8)) > niqe_paper(photograph) + 5


def test_called_as_basicsr_calls_it_with_bgr() -> None:
    photograph = skimage.data.coffee()[:250, :300]
    options = {"type": "calculate_niqe_paper", "crop_border": 0, "better": "lower"}
    assert calculate_metric({"img": photograph[..., ::-1], "lq": photograph}, options) == niqe_paper(photograph)


def test_what_cannot_be_scored_says_why(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UndefinedScoreError, match="194 px a side, got 193 x 400"):
        niqe_paper(np.zeros((193, 400, 3), np.uint8))
    with pytest.raises(UndefinedScoreError, match="constant"):
        niqe_paper(np.full((200, 200, 3), 7, np.uint8))
    monkeypatch.setattr(get_root_logger(), "propagate", True)
    black = {"img": np.zeros((200, 200, 3), np.uint8)}
    assert math.isnan(calculate_metric(black, {"type": "calculate_niqe_paper"}))
    assert "constant" in caplog.text

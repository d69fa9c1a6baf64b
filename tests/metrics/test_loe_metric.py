"""LOE: hand-computed pairs, the definition spelled out, and what the metric refuses."""

import numpy as np
import pytest
from basicsr.metrics import calculate_metric

from nerco_plugin.metrics.loe_metric import calculate_loe, lightness_order_error, order_error, small_lightness


def definition(lightness: np.ndarray, other: np.ndarray) -> float:
    first, second = lightness.ravel(), other.ravel()
    differing = (first[:, None] >= first) ^ (second[:, None] >= second)
    return differing.sum() / first.size


def test_two_pixels_by_hand() -> None:
    # (10, 20) -> (20, 10): [L(x) >= L(y)] differs for both ordered pairs of distinct pixels: 2 / 2 pixels.
    assert order_error(np.array([10, 20], np.uint8), np.array([20, 10], np.uint8)) == 1.0
    # (10, 20) -> (30, 30): only 10 >= 20 becomes 30 >= 30: 1 / 2 pixels.
    assert order_error(np.array([10, 20], np.uint8), np.array([30, 30], np.uint8)) == 0.5
    assert order_error(np.array([10, 20], np.uint8), np.array([90, 91], np.uint8)) == 0.0


@pytest.mark.parametrize("levels", [2, 40, 256])
def test_histograms_give_the_definition(levels: int) -> None:
    generator = np.random.default_rng(levels)
    first, second = generator.integers(0, levels, (2, 13, 17)).astype(np.uint8)
    assert order_error(first, second) == pytest.approx(definition(first, second), abs=1e-12)


def test_lightness_is_the_largest_channel_at_fifty_pixels() -> None:
    image = np.zeros((100, 150, 3), np.uint8)
    image[..., 1] = 77
    assert small_lightness(image).shape == (50, 75)
    assert (small_lightness(image) == 77).all()


@pytest.mark.parametrize(("width", "expected"), [(105, 53), (107, 54), (104, 52), (101, 51)])  # 52.5, 53.5, 52, 50.5
def test_half_a_pixel_is_rounded_up_as_in_matlab(width: int, expected: int) -> None:
    assert small_lightness(np.zeros((100, width, 3), np.uint8)).shape == (50, expected)
    assert small_lightness(np.zeros((width, 100, 3), np.uint8)).shape == (expected, 50)


def test_rising_curve_keeps_the_order_of_distinct_levels() -> None:
    low = np.random.default_rng(0).integers(0, 100, (50, 60, 3), dtype=np.uint8)  # 50 px: not resized
    assert lightness_order_error(low * 2 + 3, low) == 0.0
    assert lightness_order_error(255 - low, low) > 0


def test_called_as_basicsr_calls_it() -> None:
    generator = np.random.default_rng(0)
    image, low, truth = generator.integers(0, 256, (3, 64, 80, 3), dtype=np.uint8)
    options = {"type": "calculate_loe", "crop_border": 4, "better": "lower"}
    score = calculate_metric({"img": image, "img2": truth, "lq": low}, options)
    assert score == lightness_order_error(image[4:-4, 4:-4], low[4:-4, 4:-4])
    turned = calculate_loe(image.transpose(2, 0, 1), lq=low.transpose(2, 0, 1), input_order="CHW")
    assert turned == lightness_order_error(image, low)


def test_wrong_inputs_are_named() -> None:
    image = np.zeros((60, 60, 3), np.uint8)
    with pytest.raises(ValueError, match="`lq`"):
        calculate_loe(image, img2=image)
    with pytest.raises(ValueError, match=r"img and lq differ in size: \(60, 60, 3\) against \(60, 58, 3\)"):
        calculate_loe(image, lq=image[:, :58])
    with pytest.raises(ValueError, match="uint8.*float64"):
        calculate_loe(image / 255, lq=image)
    with pytest.raises(ValueError, match="input_order"):
        calculate_loe(image, lq=image, input_order="HW")
    with pytest.raises(ValueError, match="crop_border 30"):
        calculate_loe(image, lq=image, crop_border=30)
    with pytest.raises(TypeError, match="crop_boarder"):
        calculate_loe(image, lq=image, crop_boarder=2)  # type: ignore[call-arg]

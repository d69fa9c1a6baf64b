"""The paper's SSIM and the GT-mean pair: hand-computed cases, independent implementations, wrong inputs."""

import math

import numpy as np
import pytest
from basicsr.metrics import calculate_metric, calculate_psnr
from skimage.metrics import structural_similarity

from nerco_plugin.metrics.conventions import UndefinedScoreError
from nerco_plugin.metrics.gt_mean_metric import psnr_gt_mean, scale_to_mean, ssim_gt_mean
from nerco_plugin.metrics.ssim_paper_metric import structural_similarity_rgb


def noisy_pair() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 256, (24, 30, 3), dtype=np.uint8)
    return np.clip(truth + generator.normal(scale=20, size=truth.shape), 0, 255).astype(np.uint8), truth


def test_ssim_of_constants_by_hand() -> None:
    # No variance: SSIM = (2 a b + C1) / (a^2 + b^2 + C1) with C1 = (0.01 * 255)^2.
    first, second = np.full((9, 9, 3), 100, np.uint8), np.full((9, 9, 3), 50, np.uint8)
    expected = (2 * 100 * 50 + 2.55**2) / (100**2 + 50**2 + 2.55**2)
    assert structural_similarity_rgb(first, second) == pytest.approx(expected)


def test_ssim_by_basicsr_convention_is_the_protocols_call() -> None:
    image, truth = noisy_pair()
    options = {"type": "calculate_ssim_paper", "crop_border": 2, "better": "higher"}
    score = calculate_metric({"img": image, "img2": truth, "lq": image}, options)
    assert score == structural_similarity(image[2:-2, 2:-2], truth[2:-2, 2:-2], channel_axis=2)


def test_gt_mean_by_hand() -> None:
    # Half as bright everywhere: scaled by 2 it is the truth, but for 200 * 2, which is clipped to 255.
    truth = np.full((8, 8, 3), 80, np.uint8)
    image = np.full((8, 8, 3), 40, np.uint8)
    np.testing.assert_array_equal(scale_to_mean(image, truth), truth)
    assert psnr_gt_mean(image, truth) == math.inf
    assert ssim_gt_mean(image, truth) == 1.0
    image[0, 0], truth[1] = 200, 120
    ratio = truth[..., 0].mean() / image[..., 0].mean()
    assert scale_to_mean(image, truth)[0, 0, 0] == min(255, 200 * ratio)
    assert scale_to_mean(image, truth)[2, 2, 0] == pytest.approx(40 * ratio)


def test_gt_mean_weighs_the_colours_of_bgr() -> None:
    image, truth = (np.full((8, 8, 3), colour, np.uint8) for colour in ((200, 40, 10), (60, 30, 90)))
    found, wanted = (
        round(0.114 * blue + 0.587 * green + 0.299 * red) for blue, green, red in (image[0, 0], truth[0, 0])
    )
    assert (found, wanted) == (49, 51)
    np.testing.assert_allclose(scale_to_mean(image, truth)[3, 3], np.array([200, 40, 10]) * 51 / 49)


def test_gt_mean_leaves_black_as_it_is() -> None:
    assert scale_to_mean(np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 9, np.uint8)).max() == 0


def test_gt_mean_only_helps_what_is_too_dark() -> None:
    image, truth = noisy_pair()
    dark = (image * 0.4).astype(np.uint8)
    plain = calculate_psnr(dark, truth, crop_border=0)
    data = {"img": dark, "img2": truth}
    assert calculate_metric(data, {"type": "calculate_psnr_gt_mean"}) > plain + 3
    assert 0 < calculate_metric(data, {"type": "calculate_ssim_gt_mean"}) < 1


@pytest.mark.parametrize("name", ["calculate_ssim_paper", "calculate_psnr_gt_mean", "calculate_ssim_gt_mean"])
def test_wrong_inputs_are_named(name: str) -> None:
    image, truth = noisy_pair()
    with pytest.raises(ValueError, match="differ in size"):
        calculate_metric({"img": image, "img2": truth[:, :20]}, {"type": name})
    with pytest.raises(ValueError, match="3 channels"):
        calculate_metric({"img": image[..., :2], "img2": truth}, {"type": name})
    with pytest.raises(TypeError, match="img2"):
        calculate_metric({"img": image}, {"type": name})


def test_ssim_says_when_an_image_is_too_small() -> None:
    tiny = np.zeros((6, 40, 3), np.uint8)
    with pytest.raises(UndefinedScoreError, match="7 px a side, got 6 x 40"):
        structural_similarity_rgb(tiny, tiny)

"""imresize_uint8: MATLAB's weights, its rounding after each pass, its order of the axes."""

import numpy as np
import pytest
import torch
from basicsr.utils.matlab_functions import imresize

from nerco_plugin.metrics.matlab_resize import imresize_uint8, resize_rows, to_uint8


def test_one_dimension_by_hand() -> None:
    # Half the size: the kernel widens to 8 taps at distances 0.25, 0.75, 1.25, 1.75 of the output's pixel.
    taps = np.array([-0.0234375, -0.0703125, 0.2265625, 0.8671875]) / 2
    expected = np.concatenate([taps, taps[::-1]])
    np.testing.assert_allclose(resize_rows(np.eye(16), 8)[3], np.pad(expected, (3, 5)), atol=1e-12)


def test_borders_are_mirrored() -> None:
    first = resize_rows(np.eye(16), 8)[0]
    taps = np.array([-0.0234375, -0.0703125, 0.2265625, 0.8671875]) / 2
    # Taps at pixels -3..4; -1, -2, -3 fall on 0, 1, 2.
    expected = np.zeros(16)
    for pixel, tap in zip([2, 1, 0, 0, 1, 2, 3, 4], np.concatenate([taps, taps[::-1]])):
        expected[pixel] += tap
    np.testing.assert_allclose(first, expected, atol=1e-12)


@pytest.mark.parametrize("factor", [0.5, 0.25, 2.0])
def test_floats_agree_with_basicsr(factor: float) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (40, 56), dtype=np.uint8)
    target = [round(side * factor) for side in plane.shape]
    ours = resize_rows(resize_rows(plane, target[0]).T, target[1]).T
    theirs = imresize(torch.from_numpy(plane.astype(np.float32)), factor).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_rounds_half_up_and_saturates() -> None:
    np.testing.assert_array_equal(to_uint8(np.array([-3.0, 0.49, 0.5, 2.5, 254.5, 300.0])), [0, 0, 1, 3, 255, 255])


def test_smaller_scale_goes_first_and_each_pass_is_rounded() -> None:
    plane = np.random.default_rng(1).integers(0, 256, (90, 60), dtype=np.uint8)
    narrow = to_uint8(resize_rows(plane, 20))  # scales 0.22 and 0.5: rows first
    np.testing.assert_array_equal(imresize_uint8(plane, 20, 30), to_uint8(resize_rows(narrow.T, 30).T))
    np.testing.assert_array_equal(imresize_uint8(plane.T, 30, 20), imresize_uint8(plane, 20, 30).T)


def test_constant_stays_constant() -> None:
    np.testing.assert_array_equal(imresize_uint8(np.full((70, 51), 93, np.uint8), 69, 50), np.full((69, 50), 93))

"""Image operations: what they take, what they give, and where pixels lie."""

import numpy as np
import pytest

from engine.image import blur, box_mean, channels, mixed, sample, shrunk, slopes, stacked, stretched, within
from engine.motion.maps import grid

RAMP = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_a_sample_at_a_whole_position_is_the_pixel_there() -> None:
    assert np.array_equal(sample(RAMP, grid(4, 3)), RAMP)
    assert np.array_equal(sample(RAMP.astype(np.uint8), grid(4, 3)), RAMP.astype(np.uint8))


def test_between_pixels_a_sample_is_between_their_values() -> None:
    assert sample(RAMP, grid(1, 1, 1.5, 0.5)) == pytest.approx(3.5)


def test_beyond_its_border_an_image_is_repeated_or_what_it_is_told_to_be() -> None:
    beyond = grid(1, 1, -9, 1)
    assert sample(RAMP, beyond) == pytest.approx(4)
    assert sample(RAMP, beyond, outside=7.0) == pytest.approx(7)
    three = stacked([RAMP, RAMP, RAMP, RAMP])
    assert sample(three, beyond, cubic=True, outside=7.0)[0, 0] == pytest.approx([7] * 4)


def test_sizes_change_with_the_outer_edges_in_place() -> None:
    assert shrunk(RAMP[:2], 2, 1).tolist() == [[2.5, 4.5]]
    wide = stretched(np.array([[0, 4]], np.float32), 4, 1)
    assert wide.tolist() == [[0, 1, 3, 4]]


def test_channels_come_apart_and_together() -> None:
    image = stacked([RAMP, 2 * RAMP])
    assert image.shape == (3, 4, 2)
    assert all(part.flags.c_contiguous for part in channels(image))
    assert np.array_equal(stacked(channels(image)), image)


def test_a_matrix_mixes_channels_and_its_last_column_is_added() -> None:
    image = stacked([RAMP, 2 * RAMP])
    assert np.array_equal(mixed(image, np.array([[1.0, -0.5, 3]])), np.full_like(RAMP, 3))


@pytest.mark.parametrize("side", [1, 3, 21])
@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (30, 30)])
def test_a_mean_of_one_value_is_that_value_however_small_the_image(shape: tuple[int, int], side: int) -> None:
    even = np.full(shape, 5, np.float32)
    assert box_mean(even, side) == pytest.approx(even)
    assert blur(even, side) == pytest.approx(even)


def test_slopes_are_those_of_a_ramp_a_pixel() -> None:
    x, y = slopes(RAMP)
    assert x[:, 1:-1] == pytest.approx(np.ones((3, 2)))
    assert y[1] == pytest.approx(np.full(4, 4.0))


def test_within_is_one_inside_bounds_that_count_as_inside() -> None:
    assert within(grid(3, 1), (1, 0), (2, 0)).tolist() == [[0, 1, 1]]

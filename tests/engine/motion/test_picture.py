"""Pictures: what motion analysis sees of frames in every layout."""

import numpy as np
import pytest

from engine.geometry import Size
from engine.media.clip import Clip
from engine.motion.picture import halved, luma_of, picture, working_size
from tests.engine.frames import LAYOUTS, noise_frame
from tests.engine.motion.scene import DEMO


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_becomes_luma_and_two_colour_differences_of_eight_bits(name: str) -> None:
    seen = picture(noise_frame(LAYOUTS[name], Size(98, 54)), Size(49, 27))
    assert seen.shape == (27, 49, 3)
    assert seen.dtype == np.uint8


@pytest.mark.parametrize("name", ["8-bit gray", "10-bit gray"])
def test_a_gray_frame_has_no_colour(name: str) -> None:
    seen = picture(noise_frame(LAYOUTS[name], Size(40, 30)), Size(40, 30))
    assert (seen[..., 1:] == 128).all()


def test_at_the_frames_own_size_luma_is_the_frames() -> None:
    with Clip.open(DEMO / "box.mp4") as clip:
        frame = clip.frame(3)
    assert np.array_equal(luma_of(picture(frame, frame.size)), frame.luma8())


def test_ten_bits_are_brought_to_eight() -> None:
    frame = noise_frame(LAYOUTS["10-bit 4:2:2"], Size(32, 20))
    assert np.abs(luma_of(picture(frame, frame.size)).astype(int) - frame.planes[0] / 4).max() <= 1


def test_the_working_size_is_the_scaled_one_but_never_under_sixteen_pixels() -> None:
    assert working_size(Size(1920, 1080), 0.5) == Size(960, 540)
    assert working_size(Size(1920, 40), 0.1) == Size(192, 16)
    assert working_size(Size(7, 5), 1.0) == Size(16, 16)


@pytest.mark.parametrize("size", [Size(7, 5), Size(300, 6), Size(1, 1), Size(6, 300)])
def test_a_frame_under_sixteen_pixels_is_enlarged(size: Size) -> None:
    for layout in LAYOUTS.values():
        working = working_size(size, 0.5)
        assert picture(noise_frame(layout, size), working).shape == (working.height, working.width, 3)


def test_a_halved_pixel_is_the_mean_of_four_and_an_odd_last_row_is_left_out() -> None:
    image = np.array([[0, 4, 8, 8, 99], [8, 4, 0, 16, 99], [99, 99, 99, 99, 99]], np.uint8)
    assert halved(image).tolist() == [[4, 8]]

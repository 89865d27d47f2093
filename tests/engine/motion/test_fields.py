"""Motion between neighbours: large motion from overviews, the rest at full scale, in pictures of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Box, Size
from engine.image import Image
from engine.motion.fields import MARGIN, DenseFlow, NeighbourFlow, overview
from engine.motion.maps import grid
from engine.motion.picture import Luma, luma_of
from tests.engine.motion.scene import HEIGHT, WIDTH, moved, picture_of, seen_through

SIZE = Size(WIDTH, HEIGHT)


def _luma(dx: float, dy: float) -> Luma:
    return luma_of(picture_of(seen_through(moved(dx, dy))))


def _shift(dx: float, dy: float, weight: Image | None = None) -> tuple[int, int]:
    points = grid(80, 60, 80, 50)
    weight = np.ones((60, 80), np.float32) if weight is None else weight
    previous, current = overview(_luma(0, 0)), overview(_luma(dx, dy))
    return NeighbourFlow().shift(previous, current, points, weight, SIZE)


def test_an_overview_is_at_most_160_pixels_long_and_keeps_its_shape() -> None:
    assert overview(np.zeros((540, 960), np.uint8)).shape == (90, 160)
    assert overview(np.zeros((100, 120, 3), np.uint8)).shape == (100, 120, 3)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (12, -7), (-20, 9)])
def test_the_common_motion_is_found_near_enough_for_the_fine_flow(dx: int, dy: int) -> None:
    assert _shift(dx, dy) == pytest.approx((dx, dy), abs=MARGIN / 2)


def test_where_nothing_has_weight_everything_counts() -> None:
    assert _shift(12, -7, np.zeros((60, 80), np.float32)) == pytest.approx((12, -7), abs=2)


def test_of_a_narrow_frame_both_directions_are_scaled_by_their_own() -> None:
    """Its overview cannot keep its shape."""
    rng = np.random.default_rng(2)
    row = np.repeat(rng.integers(0, 256, (4, 200)), 4, axis=1).astype(np.uint8)
    tall = np.repeat(row, 5, axis=0)
    previous, current = overview(tall), overview(np.roll(tall, 5, axis=1))
    points, size = grid(600, 16, 100, 2), Size(800, 20)
    shift = NeighbourFlow().shift(previous, current, points, np.ones((16, 600), np.float32), size)
    assert shift == pytest.approx((5, 0), abs=2)


@pytest.mark.parametrize(("dx", "dy", "shift"), [(1.3, -0.6, (0, 0)), (14.4, 3.2, (13, 3)), (-30.7, 0.2, (-29, 0))])
def test_flow_around_a_shift_is_exact_to_a_few_tenths(dx: float, dy: float, shift: tuple[int, int]) -> None:
    box = Box(90, 56, 60, 50)
    flow = NeighbourFlow().flow(_luma(0, 0), _luma(dx, dy), box, shift)
    assert flow.shape == (50, 60, 2)
    assert np.median(flow.reshape(-1, 2), axis=0) == pytest.approx([dx, dy], abs=0.3)


def test_flow_is_found_in_a_box_at_the_frames_edge() -> None:
    box = Box(WIDTH - 40, HEIGHT - 30, 40, 30)
    flow = NeighbourFlow().flow(_luma(0, 0), _luma(-3, -2), box, (-3, -2))
    assert np.median(flow.reshape(-1, 2), axis=0) == pytest.approx([-3, -2], abs=0.3)


def test_a_shift_that_leads_out_of_the_frame_yields_numbers_all_the_same() -> None:
    flow = NeighbourFlow().flow(_luma(0, 0), _luma(0, 0), Box(90, 56, 60, 50), (5000, -5000))
    assert np.isfinite(flow).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 130), st.integers(1, 130), st.sampled_from([1, 2]))
def test_dense_flow_takes_pictures_of_any_size(width: int, height: int, finest: int) -> None:
    rng = np.random.default_rng(width * 1000 + height)
    previous, current = rng.integers(0, 256, (2, height, width)).astype(np.uint8)
    flow = DenseFlow(finest)(previous, current)
    assert flow.shape == (height, width, 2)
    assert np.isfinite(flow).all()


def test_a_small_picture_leaves_the_search_as_it_was() -> None:
    used, fresh = DenseFlow(), DenseFlow()
    used(np.zeros((20, 40), np.uint8), np.zeros((20, 40), np.uint8))
    assert np.array_equal(used(_luma(0, 0), _luma(3, 1)), fresh(_luma(0, 0), _luma(3, 1)))

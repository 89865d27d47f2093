"""The part of the frame that the model works on, and which of its latents may change."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Box, Size
from engine.image import Image
from engine.videoshop.region import LARGEST_ZOOM, LONGEST_ASPECT, MARGIN, NEARLY_ALL, Region, crop
from engine.videoshop.trace import Outline
from tests.engine.flow.scene import ellipse

AREA = 576 * 1024


@st.composite
def edits(draw: st.DrawFn) -> tuple[Box, Size]:
    """A frame, and a box in it."""
    frame = Size(draw(st.integers(16, 4096)), draw(st.integers(16, 2304)))
    x, y = draw(st.integers(0, frame.width - 1)), draw(st.integers(0, frame.height - 1))
    return Box(x, y, draw(st.integers(1, frame.width - x)), draw(st.integers(1, frame.height - y))), frame


@settings(deadline=None, max_examples=100)
@given(edits(), st.sampled_from([4096, AREA]))
def test_a_crop_holds_the_edit_and_lies_in_the_frame(edit: tuple[Box, Size], area: int) -> None:
    reach, frame = edit
    box = crop(reach, frame, area)
    assert box.union(reach) == box
    assert Box.full(frame).union(box) == Box.full(frame)
    assert box.x % 2 == box.y % 2 == 0
    assert box.right % 2 == 0 or box.right == frame.width
    assert box.bottom % 2 == 0 or box.bottom == frame.height


@settings(deadline=None, max_examples=100)
@given(edits(), st.sampled_from([4096, AREA]))
def test_a_crop_shows_what_is_around_the_edit_is_not_too_long_and_not_zoomed_too_far(
    edit: tuple[Box, Size], area: int
) -> None:
    """As far as the frame and even edges allow."""
    reach, frame = edit
    box = crop(reach, frame, area)
    wide, high = box.width == frame.width, box.height == frame.height
    context = 0.35 * max(reach.width, reach.height)
    assert wide or box.width >= reach.width + 2 * context
    assert high or box.height >= reach.height + 2 * context
    assert wide or (box.width + 1) * LONGEST_ASPECT >= box.height
    assert high or (box.height + 1) * LONGEST_ASPECT >= box.width
    assert wide or high or box.area * LARGEST_ZOOM**2 >= area


@settings(deadline=None, max_examples=100)
@given(edits())
def test_a_crop_that_gains_nothing_is_the_whole_frame(edit: tuple[Box, Size]) -> None:
    reach, frame = edit
    box = crop(reach, frame, AREA)
    assert box == Box.full(frame) or box.area <= NEARLY_ALL * frame.width * frame.height


def test_a_small_edit_in_the_middle_of_a_large_frame_is_in_the_middle_of_its_crop() -> None:
    box = crop(Box(1900, 1000, 200, 160), Size(3840, 2160), AREA)
    assert box.area < 0.05 * 3840 * 2160
    assert abs(2 * box.x + box.width - 4000) <= 2
    assert abs(2 * box.y + box.height - 2160) <= 2


def test_an_edit_in_the_corner_has_its_crop_pushed_into_the_frame() -> None:
    box = crop(Box(3800, 0, 40, 40), Size(3840, 2160), AREA)
    assert (box.right, box.y) == (3840, 0)
    assert box.area * LARGEST_ZOOM**2 >= AREA


def region(reach: Box, frame: Size, *, area: int = 64 * 64, factor: int = 4, localised: bool = True) -> Region:
    return Region.around(reach, frame, area, multiple=8, factor=factor, localised=localised)


def outlined(matte: Image) -> Outline:
    return Outline.of(Box.full(Size(matte.shape[1], matte.shape[0])), matte, 1.0)


FRAME = Size(320, 200)
REACH = Box(120, 60, 50, 40)
SPOT = ellipse(145, 80, 25, 20, *FRAME)


def test_without_a_mask_the_whole_frame_is_worked_on_and_every_latent_may_change() -> None:
    whole = region(REACH, FRAME, localised=False)
    assert whole.box == Box.full(FRAME)
    assert whole.latents([(whole.matte(outlined(SPOT)), 0.0)]) is None


def test_the_model_sees_its_own_area_whatever_the_crop() -> None:
    for reach in (REACH, Box(0, 0, 320, 20), Box(5, 5, 3, 190)):
        fit = region(reach, FRAME).fit
        assert fit.scaled.width * fit.scaled.height == pytest.approx(64 * 64, rel=0.03)
        assert fit.padded.width % 8 == fit.padded.height % 8 == 0


def test_the_border_that_pads_the_frame_is_no_edit() -> None:
    odd = region(Box.full(Size(150, 94)), Size(150, 94))
    matte = odd.matte(outlined(np.ones((94, 150), np.float32)))
    scaled, padded = odd.fit.scaled, odd.fit.padded
    assert scaled != padded
    assert matte.shape == (padded.height, padded.width)
    assert matte[1 : scaled.height - 1, 1 : scaled.width - 1].min() > 0.99
    assert not matte[scaled.height :].any()
    assert not matte[:, scaled.width :].any()


@st.composite
def mattes(draw: st.DrawFn) -> Image:
    """A few spots of any strength on a grid of 64×48."""
    matte = np.zeros((48, 64), np.float32)
    for _ in range(draw(st.integers(0, 4))):
        x, y = draw(st.integers(0, 63)), draw(st.integers(0, 47))
        wide, high = draw(st.integers(1, 20)), draw(st.integers(1, 20))
        matte[y : y + high, x : x + wide] = draw(st.floats(0, 1, width=32))
    return matte


@settings(deadline=None, max_examples=20)
@given(mattes(), st.sampled_from([4, 8]))
def test_the_latents_that_may_change_are_those_that_the_edit_and_its_margin_touch(matte: Image, factor: int) -> None:
    here = region(REACH, FRAME, factor=factor)
    inside = here.latents([(matte, 0.0), (np.zeros_like(matte), 0.0)])
    assert inside is not None
    assert inside.shape == (2, 1, 48 // factor, 64 // factor)
    assert not inside[1].any()
    grown, edit = here.grown(matte), matte > 0.02
    assert (grown[edit] == 1).all()
    far = MARGIN * factor + 1
    for row, column in product(range(48 // factor), range(64 // factor)):
        cell = np.s_[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        assert inside[0, 0, row, column] == (1 if grown[cell].any() else 0)
        around = edit[
            max(0, row * factor - far) : (row + 1) * factor + far,
            max(0, column * factor - far) : (column + 1) * factor + far,
        ]
        assert around.any() or not grown[cell].any()


@settings(deadline=None, max_examples=60)
@given(mattes(), st.sampled_from([2, 4, 8]))
def test_the_models_pixels_are_shown_in_the_edit_and_nowhere_that_latents_are_the_clips_own(
    matte: Image, factor: int
) -> None:
    here = region(REACH, FRAME, factor=factor)
    soft, inside = here.soft(matte), here.latents([(matte, 0.0)])
    assert inside is not None
    assert 0 <= soft.min() <= soft.max() <= 1 + 1e-6
    assert (soft >= matte - 1e-6)[matte > 0.02].all()
    own = torch.nn.functional.interpolate(inside, scale_factor=factor).numpy()[0, 0] == 0
    assert not soft[own].any()


@pytest.mark.parametrize("factor", [4, 8])
def test_the_models_pixels_are_whole_in_the_edit_and_fade_without_a_step(factor: int) -> None:
    side = 30 * factor
    spot = ellipse(15 * factor, 15 * factor, 5 * factor, 4 * factor, side, side)
    here = region(REACH, FRAME, factor=factor)
    soft = here.soft(spot)
    assert soft[spot > 0.02].min() > 0.95
    assert soft[here.grown(spot) == 0].max() == 0
    steepest = max(float(np.abs(np.diff(soft, axis=axis)).max()) for axis in (0, 1))
    assert steepest < 2.5 / (MARGIN * factor)


def test_an_edit_that_is_nowhere_changes_nothing() -> None:
    nothing, here = np.zeros((48, 64), np.float32), region(REACH, FRAME)
    inside = here.latents([(nothing, 0.0)])
    assert inside is not None
    assert not inside.any()
    assert not here.soft(nothing).any()

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.composite import flatten, fuse, keyframe_painted, outside_difference, trimmed
from engine.edit import Keyframe
from engine.geometry import Box, Size
from engine.media.color import PixelLayout, planes_of
from engine.method import Painted
from tests.engine.frames import LAYOUTS, noise_frame, painted

SIZES = st.builds(Size, st.integers(1, 23), st.integers(1, 17))
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())


@st.composite
def boxes(draw: st.DrawFn, size: Size) -> Box:
    x, y = draw(st.integers(0, size.width - 1)), draw(st.integers(0, size.height - 1))
    return Box(x, y, draw(st.integers(1, size.width - x)), draw(st.integers(1, size.height - y)))


def touched(matte_on_frame: np.ndarray, layout: PixelLayout, plane: int) -> np.ndarray:
    """Samples of a plane whose footprint holds matte, counted pixel by pixel."""
    if layout.family != "yuv" or plane not in (1, 2):
        return matte_on_frame > 0
    wide, high = 1 << layout.log2_chroma_w, 1 << layout.log2_chroma_h
    height, width = matte_on_frame.shape
    result = np.zeros((-(-height // high), -(-width // wide)), bool)
    for y, x in np.argwhere(matte_on_frame > 0):
        result[y // high, x // wide] = True
    return result


@given(st.data(), st.sampled_from(list(LAYOUTS.values())), SIZES)
@settings(max_examples=50, deadline=None)
def test_a_sample_without_matte_in_its_footprint_is_the_very_source_sample(
    data: st.DataObject, layout: PixelLayout, size: Size
) -> None:
    box = data.draw(boxes(size))
    frame, paint = noise_frame(layout, size), painted(box, seed=data.draw(st.integers(0, 99)))
    flat = flatten(frame, paint)
    matte = np.zeros((size.height, size.width), np.float32)
    matte[box.slices] = np.where(paint.matte < 1 / 512, 0, paint.matte)
    for number, (before, after) in enumerate(zip(frame.planes, flat.planes, strict=True)):
        outside = ~touched(matte, layout, number)
        np.testing.assert_array_equal(before[outside], after[outside])
    assert outside_difference(frame, flat, paint) == 0


@given(st.data(), st.sampled_from(list(LAYOUTS.values())), SIZES)
@settings(max_examples=50, deadline=None)
def test_paint_of_the_frames_own_pixels_gives_back_the_source(
    data: st.DataObject, layout: PixelLayout, size: Size
) -> None:
    frame, box = noise_frame(layout, size), data.draw(boxes(size))
    matte = painted(box, seed=data.draw(st.integers(0, 99)), matte=data.draw(st.sampled_from([None, 1.0]))).matte
    own = Painted(0, box, frame.rgb(box), matte, 1.0)
    for before, after in zip(frame.planes[:3], flatten(frame, own).planes[:3], strict=True):
        if not layout.alpha:
            np.testing.assert_array_equal(before, after)


@layouts
def test_opaque_paint_of_the_whole_frame_is_what_the_format_makes_of_those_pixels(layout: PixelLayout) -> None:
    size = Size(13, 9)
    paint = painted(Box.full(size), matte=1.0)
    flat = flatten(noise_frame(layout, size), paint)
    for expected, plane in zip(planes_of(paint.rgb, layout), flat.planes, strict=False):
        assert np.abs(expected.astype(int) - plane.astype(int)).max() <= (layout.bits > 12)
    assert [plane.dtype for plane in flat.planes] == [layout.dtype] * len(flat.planes)


@layouts
def test_the_flat_frame_is_the_layer_laid_over_the_source_in_encoded_values(layout: PixelLayout) -> None:
    if layout.alpha:
        return
    size, box = Size(16, 8), Box(4, 4, 8, 4)
    frame, paint = noise_frame(layout, size), painted(box, matte=0.25)
    smooth = replace(paint, rgb=np.full_like(paint.rgb, 0.5))
    ours = flatten(frame, smooth).rgb(box)
    over = frame.rgb(box) * 0.75 + 0.125
    assert np.abs(ours - over).max() < 3 / (1 << layout.bits)


def test_chroma_is_the_mean_of_its_footprint_weighted_by_the_matte() -> None:
    layout = LAYOUTS["8-bit 4:2:0 full range"]
    frame = noise_frame(layout, Size(2, 2))
    frame = replace(frame, planes=tuple(np.full_like(plane, 128) for plane in frame.planes))
    paint = painted(Box(0, 0, 2, 2), matte=0.0)
    paint.matte[0, 0], paint.matte[1, 1] = 1.0, 0.5
    paint.rgb[:] = (1, 0, 0)  # bt601: Cr 255.5, Cb 84.97
    _, blue, red = flatten(frame, paint).planes
    assert blue[0, 0] == round(128 + (1.5 / 4) * (84.97 - 128))
    assert red[0, 0] == round(128 + (1.5 / 4) * 127.5)


@layouts
def test_an_empty_box_leaves_the_frame_as_it_is(layout: PixelLayout) -> None:
    frame = noise_frame(layout, Size(9, 7))
    nothing = Painted(0, Box(0, 0, 0, 0), np.empty((0, 0, 3), np.float32), np.empty((0, 0), np.float32), 0.0)
    assert flatten(frame, nothing) is frame
    assert flatten(frame, painted(Box(1, 1, 4, 4), matte=0.0)) is frame


def test_planes_of_the_source_are_never_written_to() -> None:
    frame = noise_frame(LAYOUTS["8-bit 4:2:0"], Size(8, 8))
    before = [plane.copy() for plane in frame.planes]
    for plane in frame.planes:
        plane.flags.writeable = False
    flatten(frame, painted(Box(1, 1, 5, 5), matte=1.0))
    for plane, kept in zip(frame.planes, before, strict=True):
        np.testing.assert_array_equal(plane, kept)


def test_paint_over_a_transparent_source_makes_it_opaque_and_shows_the_paint_alone() -> None:
    layout = LAYOUTS["8-bit RGB with alpha"]
    frame = noise_frame(layout, Size(4, 4))
    clear = replace(frame, planes=(*frame.planes[:3], np.zeros_like(frame.planes[3])))
    paint = painted(Box(0, 0, 4, 4), matte=0.5)
    red, _, _, alpha = flatten(clear, paint).planes
    assert set(alpha.ravel()) == {128}
    np.testing.assert_array_equal(red, np.rint(paint.rgb[..., 0] * 255))


def test_trimming_drops_the_faintest_matte_and_draws_the_box_tight() -> None:
    paint = painted(Box(10, 20, 8, 6), matte=0.001)
    paint.matte[2:4, 3:7] = 2.0
    tight = trimmed(paint)
    assert tight.box == Box(13, 22, 4, 2)
    assert tight.matte.min() == tight.matte.max() == 1
    np.testing.assert_array_equal(tight.rgb, paint.rgb[2:4, 3:7])


@layouts
def test_at_the_keyframe_the_flat_frame_equals_the_artists_pixels_inside_the_mask(layout: PixelLayout) -> None:
    size, box = Size(24, 16), Box(8, 4, 8, 8)
    source = noise_frame(layout, size)
    rgb, mask = np.clip(source.rgb(), 0, 1), np.zeros((16, 24), np.float32)
    rgb[box.slices], mask[box.slices] = (0.2, 0.5, 0.3), 1.0
    if layout.family == "gray":
        rgb[box.slices] = 0.4
    paint = keyframe_painted(Keyframe(7, rgb, mask))
    assert (paint.index, paint.box, paint.confident_fraction) == (7, box, 1.0)
    np.testing.assert_array_equal(paint.rgb, rgb[box.slices])
    assert np.abs(flatten(source, paint).rgb(box) - rgb[box.slices]).max() < 2 / (1 << layout.bits)


def test_outside_difference_tells_a_changed_sample_outside_the_matte() -> None:
    frame, paint = noise_frame(LAYOUTS["8-bit 4:2:0"], Size(8, 8)), painted(Box(0, 0, 4, 4), matte=1.0)
    flat = flatten(frame, paint)
    flat.planes[0][6, 6] ^= 4
    assert outside_difference(frame, flat, paint) == 4


def test_fusing_weighs_mattes_and_lets_no_unpainted_pixel_bleed_in() -> None:
    before, after = painted(Box(0, 0, 4, 4), matte=1.0), painted(Box(2, 2, 4, 4), seed=1, matte=1.0)
    both = fuse(before, after, 0.75)
    assert both.box == Box(0, 0, 6, 6)
    assert both.matte[0, 0] == pytest.approx(0.75)
    assert both.matte[3, 3] == pytest.approx(1.0)
    assert both.matte[5, 5] == pytest.approx(0.25)
    assert both.matte[0, 5] == 0
    np.testing.assert_allclose(both.rgb[0, 0], before.rgb[0, 0], rtol=1e-5)
    np.testing.assert_allclose(both.rgb[5, 5], after.rgb[3, 3], rtol=1e-5)
    np.testing.assert_allclose(both.rgb[3, 3], 0.75 * before.rgb[3, 3] + 0.25 * after.rgb[1, 1], rtol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_fusing_with_all_the_weight_on_one_side_is_that_side(weight: float) -> None:
    before, after = painted(Box(0, 0, 4, 4)), painted(Box(2, 2, 4, 4), seed=1)
    alone = before if weight else after
    both = trimmed(fuse(before, after, weight))
    kept = trimmed(alone)
    assert both.box == kept.box
    np.testing.assert_allclose(both.matte, kept.matte, rtol=1e-6)


def test_a_side_that_lost_the_edit_leaves_the_frame_to_the_other_and_keeps_its_warnings() -> None:
    lost = Painted(3, Box(0, 0, 0, 0), np.empty((0, 0, 3), np.float32), np.empty((0, 0), np.float32), 0.0, ("cut",))
    other = painted(Box(2, 2, 4, 4), index=3)
    both = fuse(lost, other, 0.9)
    np.testing.assert_array_equal(both.matte, other.matte)
    assert both.warnings == ("cut",)
    assert both.confident_fraction == 1.0

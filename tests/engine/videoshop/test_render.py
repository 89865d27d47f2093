"""From a frame that the model made to the clip's own, at its resolution and in its place."""

import numpy as np
import pytest
import torch

from engine.composite import flatten, outside_difference, trimmed
from engine.geometry import Box, Size
from engine.image import Image
from engine.videoshop.chain import Link, Seen
from engine.videoshop.region import Region
from engine.videoshop.render import kept_by, over, untouched
from engine.videoshop.trace import Outline
from tests.engine.clips import texture
from tests.engine.flow.scene import edited, ellipse, frame_of, laid, psnr
from tests.engine.frames import LAYOUTS

FRAME = Size(241, 159)
RGB = texture(FRAME.height, FRAME.width)
SPOT = ellipse(60, 50, 18, 14, *FRAME)
REACH = Box(42, 36, 36, 28)
OUTLINE = Outline.of(Box.full(FRAME), SPOT, 0.75)


def region(localised: bool = True, side: int = 64) -> Region:
    return Region.around(REACH, FRAME, side * side, multiple=8, factor=4, localised=localised)


def link(here: Region, image: Image, back: Image | None = None) -> Link:
    """The model made `image` (height, width, 3) of the whole frame's picture, as far as it saw it."""
    source, made = (here.fit.to_model(rgb[here.box.slices])[0] for rgb in (RGB, image))
    lost = None if back is None else here.fit.to_model(back[here.box.slices])[0]
    return Link(Seen(5, source, OUTLINE, here.matte(OUTLINE), 0.0), made, source if here.localised else None, lost)


@pytest.mark.parametrize("name", ["8-bit RGB", "8-bit 4:2:0", "10-bit 4:2:2"])
def test_where_the_model_changed_nothing_the_frame_stays_bit_for_bit(name: str) -> None:
    frame = frame_of(5, RGB, LAYOUTS[name])
    painted = over(frame, link(region(), RGB), region(), 0.0)
    assert trimmed(painted).box.area == 0
    for before, after in zip(frame.planes, flatten(frame, painted).planes, strict=True):
        np.testing.assert_array_equal(before, after)


def test_what_was_made_lands_where_it_was_seen_and_the_rest_is_the_source() -> None:
    frame = frame_of(5, RGB)
    here, wanted = region(), laid(RGB, np.full_like(RGB, (0.9, 0.2, 0.1)), SPOT)
    assert here.box != Box.full(FRAME)
    painted = over(frame, link(here, wanted), here, 0.0)
    assert painted.index == 5
    assert painted.confident_fraction == 0.75
    assert painted.box == here.box
    assert painted.rgb.shape[:2] == painted.matte.shape == (here.box.height, here.box.width)
    flat = flatten(frame, painted)
    assert outside_difference(frame, flat, painted) == 0
    shown, inside = flat.rgb(), SPOT == 1
    assert psnr(shown[inside], wanted[inside]) > 35
    assert psnr(shown[SPOT == 0], RGB[SPOT == 0]) > 35
    apart = ellipse(60, 50, 44, 40, *FRAME) == 0
    np.testing.assert_array_equal(shown[apart], frame.rgb()[apart])


def test_without_a_mask_all_of_the_frame_is_the_models() -> None:
    here = region(localised=False)
    painted = over(frame_of(5, RGB), link(here, 1 - RGB), here, 0.0)
    assert painted.box == Box.full(FRAME)
    assert (painted.matte == 1).all()
    assert psnr(painted.rgb, 1 - RGB) > 20


def test_the_keyframe_tells_whether_the_edit_keeps_the_sources_detail() -> None:
    here, frame = region(side=32), frame_of(5, RGB)
    regraded, painted_over = RGB * np.float32(0.9), np.full_like(RGB, 0.4)
    kept = []
    for image in (regraded, painted_over):
        keyframe = edited(laid(RGB, image, SPOT), SPOT, 5)
        kept.append(kept_by(keyframe, frame, here, link(here, keyframe.rgb, keyframe.rgb)))
    assert kept[0] > 0.6
    assert kept[1] < 0.2


def test_without_a_mask_there_is_nothing_to_keep() -> None:
    here = region(localised=False)
    assert kept_by(edited(RGB, SPOT, 5), frame_of(5, RGB), here, link(here, RGB)) == 0


def test_a_frame_that_the_edit_does_not_reach_is_the_source() -> None:
    frame = frame_of(9, RGB)
    painted = untouched(9)
    assert painted.index == 9
    assert painted.confident_fraction == 0
    assert flatten(frame, painted) is frame


def test_images_may_lie_on_a_device_in_half_precision() -> None:
    here, frame = region(), frame_of(5, RGB)
    made = link(here, 1 - RGB)
    assert made.plain is not None
    half = Link(made.seen, made.image.half(), made.plain.half())
    painted = over(frame, half, here, 0.0)
    assert painted.rgb.dtype == np.float32
    assert torch.isfinite(torch.from_numpy(painted.rgb)).all()

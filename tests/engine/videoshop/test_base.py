"""The clip with the edit as it was carried: what the model begins with, and the paint at the clip's resolution."""

import numpy as np
import pytest

from engine.geometry import Box, Size
from engine.image import Image
from engine.method import Painted
from engine.videoshop.base import Base
from engine.videoshop.region import Region
from tests.engine.flow.scene import ellipse, label, panned, rendered

FRAME = Size(160, 96)
WHOLE = Box.full(FRAME)
(SOURCE,) = rendered(lambda t: panned(t, *FRAME), range(1))
SPOT = ellipse(60, 45, 18, 14, *FRAME)
PAINT = label(SPOT)


def region(box: Box = WHOLE) -> Region:
    return Region.around(box, FRAME, FRAME.width * FRAME.height // 4, multiple=8, factor=4, localised=True)


def carried(box: Box = WHOLE) -> Painted:
    """The label on the spot, as far as it lies in `box`."""
    return Painted(0, box, PAINT[box.slices], SPOT[box.slices], 1.0)


def base(of: Painted, where: Region) -> Base:
    found = Base.of(SOURCE, of, where)
    assert found is not None
    return found


def crop(where: Region) -> Image:
    return np.clip(SOURCE.rgb(where.box), 0, 1)


@pytest.mark.parametrize("box", [WHOLE, Box(40, 28, 41, 33), Box(40, 28, 20, 60)])
def test_the_paint_lies_over_the_clip_where_it_was_carried(box: Box) -> None:
    where = region()
    expected = crop(where)
    opacity = SPOT[box.slices][..., None]
    expected[box.slices] += opacity * (PAINT[box.slices] - expected[box.slices])
    np.testing.assert_allclose(base(carried(box), where).over(crop(where)), expected, atol=1 / 255)


def test_the_model_sees_the_same_at_its_own_size() -> None:
    where = region()
    found = base(carried(), where)
    np.testing.assert_array_equal(found.pixels, where.fit.to_model(found.over(crop(where)))[0])
    assert found.held.shape == found.pixels.shape[1:]
    assert found.held.mean() == pytest.approx(SPOT.mean(), rel=0.02)


def test_only_what_lies_in_the_region_is_kept() -> None:
    where = region(Box(64, 40, 16, 16))
    assert where.box.area < FRAME.width * FRAME.height
    found = base(carried(), where)
    np.testing.assert_allclose(found.opacity(where), SPOT[where.box.slices], atol=1 / 255)
    before = crop(where)
    found.over(before)
    np.testing.assert_array_equal(before, crop(where))  # the clip's own pixels are left alone


def test_paint_that_is_elsewhere_or_not_seen_is_no_base() -> None:
    where = region(Box(140, 80, 8, 8))
    assert Base.of(SOURCE, carried(Box(40, 28, 20, 20)), where) is None
    hidden = Painted(0, Box(40, 28, 4, 4), PAINT[28:32, 40:44], np.zeros((4, 4), np.float32), 0.0)
    assert Base.of(SOURCE, hidden, region()) is None
    assert Base.of(SOURCE, Painted(0, Box(0, 0, 0, 0), PAINT[:0, :0], SPOT[:0, :0], 0.0), region()) is None

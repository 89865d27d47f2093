"""Frames that are filled in between those that the model made."""

from collections.abc import Iterator

import numpy as np
import pytest

from engine.composite import keyframe_painted
from engine.image import Image
from engine.media.clip import Frame
from engine.method import Painted
from engine.videoshop.between import Anchor, filled, woven
from tests.engine.flow.scene import edited, ellipse, frame_of, label, laid, panned, psnr, shown

WIDTH, HEIGHT = 120, 80


def seen(t: float) -> Image:
    return panned(t, WIDTH, HEIGHT)


def patch(t: float) -> Image:
    return ellipse(60 - 1.7 * t, 40 - 0.6 * t, 20, 14, WIDTH, HEIGHT)


def stuck(t: float, tint: float = 0.0) -> Image:
    """The label as it is seen at `t`: it moves with the sheet."""
    x, y = np.meshgrid(np.arange(WIDTH) + 1.7 * t, np.arange(HEIGHT) + 0.6 * t)
    stripes = 0.5 + 0.5 * np.sin(x / 4) * np.cos(y / 5)
    rgb = stripes[..., None] * np.array([0.7, 0.2, 0.1]) + np.array([0.1 + tint, 0.1, 0.2])
    return np.asarray(rgb, np.float32)


def truth(t: float) -> Image:
    return laid(seen(t), stuck(t), patch(t))


def frame(t: int) -> Frame:
    return frame_of(t, seen(t))


def anchor(t: int, tint: float = 0.0) -> Anchor:
    return Anchor(frame(t), keyframe_painted(edited(laid(seen(t), stuck(t, tint), patch(t)), patch(t), t)))


def made_at(places: range, way: int = 1) -> Iterator[tuple[int, Anchor]]:
    return ((place, anchor(way * place)) for place in places)


def painted(frame: Frame, made: Anchor) -> Painted:
    assert frame.index == made.frame.index
    return made.painted


@pytest.mark.parametrize(("spacing", "way"), [(1, 1), (2, -1), (3, 1), (4, -1)])
def test_every_frame_comes_once_in_order_and_what_was_made_comes_as_it_is(spacing: int, way: int) -> None:
    """Spacings of 3 and 4 leave frames after the last one made."""
    places = range(spacing, 7, spacing)
    frames = (frame(way * number) for number in range(1, 8))
    results = list(woven(anchor(0), frames, made_at(places, way), painted))
    assert [result.index for result in results] == [way * number for number in range(1, 8)]
    for number, result in enumerate(results, start=1):
        if number in places:
            np.testing.assert_array_equal(result.rgb, anchor(way * number).painted.rgb)
        assert psnr(shown(frame(way * number), result), truth(way * number)) > 32


def test_where_nothing_was_made_all_is_filled_from_the_keyframe() -> None:
    results = list(woven(anchor(0), [frame(1), frame(2)], iter([]), painted))
    assert [result.index for result in results] == [1, 2]
    assert all(result.box.area > 0 for result in results)


def test_no_frames_need_nothing() -> None:
    assert list(woven(anchor(0), [], iter([]), painted)) == []
    assert list(filled(anchor(0), [], anchor(1))) == []


def test_frames_are_taken_up_to_the_next_one_made_and_no_further() -> None:
    taken: list[int] = []

    def stream() -> Iterator[Frame]:
        for number in range(1, 9):
            taken.append(number)
            yield frame(number)

    results = woven(anchor(0), stream(), made_at(range(2, 9, 2)), painted)
    for number in range(1, 9):
        next(results)
        assert len(taken) == number + number % 2


def test_frames_between_two_stay_with_the_surface() -> None:
    between = [frame(t) for t in range(1, 5)]
    for result in filled(anchor(0), between, anchor(5)):
        inside = patch(result.index) == 1
        assert psnr(shown(frame(result.index), result)[inside], truth(result.index)[inside]) > 30
        assert result.confident_fraction > 0.8


def test_frames_between_two_go_over_from_the_one_to_the_other() -> None:
    between = [frame(t) for t in range(1, 4)]
    results = filled(anchor(0, tint=0.0), between, anchor(4, tint=0.4))
    for t, result in enumerate(results, start=1):
        inside = patch(t) == 1
        shift = (shown(frame(t), result) - truth(t))[inside].mean(0)
        assert shift == pytest.approx([0.1 * t, 0, 0], abs=0.04)


def test_frames_after_the_last_one_made_follow_it_alone() -> None:
    results = list(filled(anchor(2), [frame(3), frame(4)], None))
    assert [result.index for result in results] == [3, 4]
    for result in results:
        inside = patch(result.index) == 1
        assert psnr(shown(frame(result.index), result)[inside], truth(result.index)[inside]) > 30


def test_what_was_made_is_taken_for_an_edit_with_its_soft_edge_as_it_is() -> None:
    """Laid over its frame once, not twice."""
    soft = 0.5 * ellipse(60, 40, 20, 14, WIDTH, HEIGHT)
    soft[soft < 0.01] = 0
    keyframe = edited(np.where(soft[..., None] > 0, label(soft), seen(0)), soft)
    again = Anchor(frame(0), keyframe_painted(keyframe)).keyframe
    assert again.index == 0
    np.testing.assert_array_equal(again.mask, soft)
    np.testing.assert_allclose(again.rgb[soft > 0], keyframe.rgb[soft > 0])
    np.testing.assert_allclose(again.rgb[soft == 0], frame(0).rgb()[soft == 0])


def test_what_was_made_of_a_frame_without_the_edit_carries_nothing_on() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    empty = Anchor(frame(0), keyframe_painted(edited(seen(0), nothing)))
    (alone,) = filled(empty, [frame(1)], None)
    assert alone.box.area == 0
    (result,) = filled(empty, [frame(1)], anchor(2))
    inside = patch(1) == 1
    assert psnr(shown(frame(1), result)[inside], truth(1)[inside]) > 30

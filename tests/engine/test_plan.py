from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plan import Cost, Span, plan, spans, weight_before, windowed

FREE = Cost(0, 0)


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[int], int, int]:
    start = draw(st.integers(0, 20))
    stop = start + draw(st.integers(1, 40))
    return sorted(draw(st.sets(st.integers(start, stop - 1), min_size=1, max_size=5))), start, stop


@given(edits())
@settings(max_examples=50, deadline=None)
def test_every_frame_is_reached_from_the_keyframes_around_it_and_from_no_other(
    edit: tuple[list[int], int, int],
) -> None:
    keyframes, start, stop = edit
    reached: dict[int, Counter[int]] = {index: Counter() for index in range(start, stop)}
    for span in plan(keyframes, start, stop, 0, FREE).spans:
        for index in span.frames:
            reached[index][span.keyframe] += 1
    for index, sources in reached.items():
        before = [keyframe for keyframe in keyframes if keyframe < index]
        after = [keyframe for keyframe in keyframes if keyframe > index]
        expected = {} if index in keyframes else Counter([*before[-1:], *after[:1]])
        assert sources == expected


@given(edits())
@settings(max_examples=50, deadline=None)
def test_a_span_starts_beside_its_keyframe_and_runs_away_from_it(edit: tuple[list[int], int, int]) -> None:
    for span in spans(*edit):
        assert span.first - span.keyframe == span.step
        distances = [abs(index - span.keyframe) for index in span.frames]
        assert distances == list(range(1, len(distances) + 1))


def test_one_frame_before_the_keyframe_is_a_backward_span() -> None:
    assert list(spans([1], 0, 3)) == [Span(1, 0, 0), Span(1, 2, 2)]
    assert [span.step for span in spans([1], 0, 3)] == [-1, 1]


def test_between_two_keyframes_both_directions_are_planned() -> None:
    assert list(spans([0, 4], 0, 6)) == [Span(0, 1, 3), Span(4, 3, 1), Span(4, 5, 5)]


def test_neighbouring_keyframes_leave_nothing_between_them() -> None:
    assert list(spans([3, 4], 3, 5)) == []


@given(st.integers(1, 60), st.integers(2, 20), st.integers(1, 6), st.data())
@settings(max_examples=100, deadline=None)
def test_windows_go_from_the_keyframe_to_the_end_in_order_and_overlap(
    frames: int, length: int, spacing: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(1, length - 1))
    span = Span(0, 1, frames) if data.draw(st.booleans()) else Span(100, 99, 100 - frames)
    windows = list(windowed(span, Cost(0, 0, window=length, overlap=overlap, spacing=spacing)))
    used = windows[0].spacing
    assert {window.spacing for window in windows} == {used}
    assert used <= spacing
    assert len(windows) == 1 or used == spacing
    assert windows[0].first == span.keyframe
    assert abs(span.last - windows[-1].last) < used
    made = {index for window in windows for index in window.frames}
    assert made == set(range(span.keyframe, windows[-1].last + span.step, span.step * used))
    assert all(len(window.frames) <= length for window in windows)
    for one, following in pairwise(windows):
        shared = [index for index in following.frames if index in one.frames]
        assert shared == list(following.frames)[: len(shared)]
        assert overlap <= len(shared) < len(following.frames)


def test_a_span_shorter_than_a_window_is_one_window() -> None:
    cost = Cost(0, 0, window=14, overlap=4, spacing=3)
    assert [list(window.frames) for window in windowed(Span(5, 4, 2), cost)] == [[5, 4, 3, 2]]
    assert [list(window.frames) for window in windowed(Span(5, 6, 500), FREE)] == [list(range(6, 501))]


def test_of_a_span_longer_than_a_window_only_every_nth_frame_is_made() -> None:
    (window,) = windowed(Span(0, 1, 24), Cost(0, 0, window=14, overlap=4, spacing=3))
    assert list(window.frames) == list(range(0, 25, 2))


def test_the_estimate_counts_every_frame_that_the_method_makes_and_the_edits_area() -> None:
    cost = Cost(seconds_per_frame=0.1, seconds_per_pixel=0.001, bytes_per_pixel=10, base_bytes=1000)
    estimate = plan([0, 4], 0, 6, 100, cost).estimate
    assert estimate.frames == 7
    assert estimate.seconds == pytest.approx(7 * 0.2)
    assert estimate.memory == 2000


def test_the_estimate_counts_frames_that_two_windows_share_twice() -> None:
    assert plan([0], 0, 11, 0, Cost(1, 0, window=6, overlap=2)).estimate.seconds == 6 + 6 + 6


def test_the_estimate_counts_frames_that_are_filled_in() -> None:
    cost = Cost(1, 0, window=6, overlap=2, spacing=2, seconds_between=0.1)
    assert plan([0], 0, 11, 0, cost).estimate.seconds == pytest.approx(6 + 0.1 * 5)


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_the_weights_of_both_sides_add_up_to_one(index: int, before: float, after: float) -> None:
    there = weight_before(index, 0, 10, before, after)
    back = weight_before(10 - index, 0, 10, after, before)
    assert 0 <= there <= 1
    assert there + back == pytest.approx(1)


def test_the_nearer_keyframe_and_the_more_confident_side_weigh_more() -> None:
    assert weight_before(2, 0, 10, 1, 1) == pytest.approx(0.8)
    assert weight_before(5, 0, 10, 0.9, 0.1) == pytest.approx(0.9)
    assert weight_before(5, 0, 10, 0, 0.5) == 0
    assert weight_before(2, 0, 10, 0, 0) == pytest.approx(0.8)

"""Source and result, to be looked at together."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contact_sheet import COLUMNS, contact_sheet, shown, side_by_side
from engine.errors import ClipError
from engine.media.clip import Clip
from engine.request import Event

CLIP = Path("tests/assets/bikes.mp4")


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.data())
def test_the_first_the_last_and_the_keyframe_are_shown(frames: int, data: st.DataObject) -> None:
    keyframe = data.draw(st.integers(0, frames - 1))
    chosen = shown(frames, keyframe)
    assert {0, frames - 1, keyframe} <= set(chosen)
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) <= COLUMNS


def test_a_contact_sheet_has_the_source_above_and_the_result_below(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    contact_sheet(CLIP, CLIP, 0, path, lambda event: None)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    half = (sheet.shape[0] - 26) // 2
    assert np.array_equal(sheet[26 : 26 + half], sheet[26 + half :])
    assert sheet.std() > 10


def test_side_by_side_is_twice_as_wide_and_as_long(tmp_path: Path) -> None:
    path = tmp_path / "both.mp4"
    events: list[Event] = []
    side_by_side(CLIP, CLIP, path, events.append)
    with Clip.open(CLIP) as source, Clip.open(path) as both:
        assert both.info.size.width == 2 * source.info.size.width
        assert both.info.frames == source.info.frames == len(events)
        luma = both.frame(3).luma8()
    left, right = np.hsplit(luma.astype(int), 2)
    assert np.abs(left - right).mean() < 2
    assert [file.name for file in tmp_path.iterdir()] == ["both.mp4"]


def test_clips_of_other_sizes_are_not_compared(tmp_path: Path) -> None:
    other = tmp_path / "both.mp4"
    side_by_side(CLIP, CLIP, other, lambda event: None)
    with pytest.raises(ClipError) as caught:
        side_by_side(CLIP, other, tmp_path / "again.mp4", lambda event: None)
    assert caught.value.code == "clip.not_alike"

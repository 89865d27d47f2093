from pathlib import Path

import numpy as np
import pytest

from engine.geometry import Size
from engine.media.color import PixelLayout
from engine.media.still import read_still
from engine.preview import Previews, small
from tests.engine.frames import LAYOUTS, noise_frame


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_preview_is_at_most_640_wide_and_shows_the_same_picture(layout: PixelLayout) -> None:
    frame = noise_frame(layout, Size(1301, 703))
    shown = small(frame)
    assert shown.size == Size(640, 346)
    assert np.abs(shown.rgb().mean((0, 1)) - frame.rgb().mean((0, 1))).max() < 0.01


def test_a_small_frame_is_shown_as_it_is() -> None:
    frame = noise_frame(LAYOUTS["8-bit 4:2:0"], Size(639, 35))
    assert small(frame) is frame


def test_a_preview_is_due_at_once_and_then_not_again_right_away(tmp_path: Path) -> None:
    previews = Previews(tmp_path)
    assert previews.due()
    path = previews.write(noise_frame(LAYOUTS["10-bit 4:2:2"], Size(64, 48)))
    assert read_still(path).rgb.shape == (48, 64, 3)
    assert not previews.due()
    assert [left.name for left in tmp_path.iterdir()] == ["preview.jpg"]

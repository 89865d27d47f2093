"""Scene cuts: found where they are, and only there."""

from pathlib import Path

import numpy as np
import pytest

from engine.media.clip import Clip
from engine.motion.cuts import CutDetector
from engine.motion.picture import Picture, picture
from tests.engine.motion.scene import DEMO, moved, picture_of, seen_through

BIKES = Path(__file__).parents[2] / "assets" / "bikes.mp4"


def _pictures(path: Path) -> list[Picture]:
    with Clip.open(path) as clip:
        return [picture(frame, frame.size) for frame in clip.frames()]


def _cuts(pictures: list[Picture]) -> list[int]:
    """The pictures that begin a scene, but for the first."""
    detector = CutDetector(pictures[0])
    return [number for number, later in enumerate(pictures[1:], 1) if detector.step(later)]


def test_the_cut_of_a_real_clip_is_found_at_its_frame_and_nowhere_else() -> None:
    assert _cuts(_pictures(BIKES)) == [16]


def test_backward_the_cut_is_found_between_the_same_two_frames() -> None:
    assert _cuts(_pictures(BIKES)[::-1]) == [60 - 16]


@pytest.mark.parametrize("name", ["box.mp4", "cup.mp4"])
def test_a_clip_of_one_scene_has_no_cut(name: str) -> None:
    assert _cuts(_pictures(DEMO / name)) == []


@pytest.mark.parametrize("light", [0.5, 1.7])
def test_a_flash_is_not_a_cut(light: float) -> None:
    lights = [1.0, 1.0, light, 1.0, 1.0]
    assert _cuts([picture_of(seen_through(moved(-2 * t, 0), light)) for t, light in enumerate(lights)]) == []


def test_fast_motion_is_not_a_cut() -> None:
    assert _cuts([picture_of(seen_through(moved(-25 * t, 5 * t))) for t in range(8)]) == []


def test_a_fade_to_black_is_not_a_cut() -> None:
    lights = np.linspace(1, 0, 15)
    assert _cuts([picture_of(seen_through(moved(0, 0), float(light))) for light in lights]) == []


@pytest.mark.parametrize("size", [(16, 16), (17, 300), (300, 18)])
def test_pictures_of_any_size_are_compared(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    dark, light = (rng.integers(low, low + 90, (*size, 3)).astype(np.uint8) for low in (0, 160))
    assert _cuts([dark, dark, light]) in ([], [2])

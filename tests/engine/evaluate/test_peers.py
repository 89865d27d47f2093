"""The plain ways that `flow` is held against do what their names say."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from engine.edit import Keyframe
from engine.evaluate.peers import PEERS, Chained, Direct, inverse_search
from engine.evaluate.pixels import frame_of
from engine.image import Image, sample
from engine.motion.maps import grid

SIZE = (96, 72)


def shifted(by: float) -> Image:
    """A blurred pattern, moved by so many pixels to the right."""
    rng = np.random.default_rng(3)
    sheet = cv2.GaussianBlur(rng.random((SIZE[1], SIZE[0] + 60, 3)).astype(np.float32), (0, 0), 2.0)
    sheet = (sheet - sheet.min()) / (sheet.max() - sheet.min())
    return sample(np.asarray(sheet, np.float32), grid(*SIZE, x=30 - by), cubic=True)


@pytest.mark.parametrize("way", [Chained, Direct])
def test_paint_goes_where_the_picture_goes(way: type[Chained] | type[Direct]) -> None:
    frames = [frame_of(number, shifted(2.0 * number)) for number in range(4)]
    mask = np.zeros(SIZE[::-1], np.float32)
    mask[24:48, 30:54] = 1
    paint = np.where(mask[..., None] > 0, np.array([0.9, 0.1, 0.1], np.float32), frames[0].rgb()).astype(np.float32)
    *_, last = way(inverse_search()).propagate(Keyframe(0, paint, mask), frames[0], frames[1:])
    there = np.zeros_like(mask)
    there[24:48, 36:60] = 1
    union = (last.matte > 0.5) | (there > 0.5)
    assert ((last.matte > 0.5) & (there > 0.5)).sum() / union.sum() > 0.9
    assert np.allclose(last.rgb[36, 48], [0.9, 0.1, 0.1], atol=0.05)


def test_a_still_picture_keeps_its_paint_as_it_is() -> None:
    still = [frame_of(number, shifted(0.0)) for number in range(3)]
    mask = np.zeros(SIZE[::-1], np.float32)
    mask[24:48, 30:54] = 1
    key = Keyframe(0, still[0].rgb(), mask)
    for painted in Chained(inverse_search()).propagate(key, still[0], still[1:]):
        assert np.abs(painted.matte - mask).max() < 0.02


def test_what_is_not_installed_is_named_all_the_same() -> None:
    assert (PEERS["scikit-image, chained"] is None) == (find_spec("skimage") is None)

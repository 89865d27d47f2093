import numpy as np
import pytest

from engine.evaluate.metrics.detail import border_steps, texture, texture_error
from engine.evaluate.metrics.likeness import Images

MATTE = np.zeros((3, 48, 48), np.float32)
MATTE[:, 12:36, 12:36] = 1


def checkered(*contrasts: float) -> Images:
    """Frames of a board of single pixels, half grey ± the contrast: all of it is detail."""
    rows, columns = np.indices((48, 48))
    board = np.where((rows + columns) % 2, 1, -1)[..., None] * np.ones(3)
    return np.stack([0.5 + contrast * board for contrast in contrasts]).astype(np.float32)


def test_detail_is_told_by_its_contrast_in_levels() -> None:
    assert texture(checkered(0.1, 0.2, 0), MATTE) == pytest.approx([25.5, 51, 0], abs=0.02)
    assert np.isnan(texture(checkered(0.1), np.zeros((1, 48, 48), np.float32))[0])


def test_a_wide_change_of_light_is_no_detail() -> None:
    ramp = np.linspace(0, 1, 48, dtype=np.float32)[None, None, :, None] * np.ones((1, 48, 1, 3), np.float32)
    assert texture(ramp, MATTE[:1])[0] < 0.01


def test_texture_that_washes_out_by_half_has_an_error_of_a_half() -> None:
    assert texture_error(checkered(0.2, 0.1, 0.1), MATTE, 0) == pytest.approx(0.5, abs=1e-3)
    assert texture_error(checkered(0.2, 0.2, 0.2), MATTE, 1) == pytest.approx(0, abs=1e-3)
    assert texture_error(checkered(0.1, 0.1, 0.3), MATTE, 0) == pytest.approx(1, abs=1e-3)  # of two: 0 and 2


def test_texture_has_no_error_where_the_keyframe_has_none() -> None:
    assert np.isnan(texture_error(checkered(0, 0.1, 0.1), MATTE, 0))


def test_an_even_slope_has_no_border_and_a_patch_laid_on_it_has_one() -> None:
    ramp = np.linspace(0, 1, 48, dtype=np.float32)[None, None, :, None] * np.ones((1, 48, 1, 3), np.float32)
    assert border_steps(ramp, MATTE[:1])[0] == pytest.approx(1, abs=0.01)
    pasted = ramp + 0.2 * MATTE[:1, ..., None]
    assert border_steps(pasted, MATTE[:1])[0] > 3
    flat = np.full((1, 48, 48, 3), 0.5, np.float32)
    stepped = flat + 0.2 * MATTE[:1, ..., None]
    # Half a step of 51 levels to either side of the border (central differences), more at the corners; none beside it.
    assert border_steps(stepped, MATTE[:1])[0] == pytest.approx(25.5 + 1, rel=0.05)
    assert border_steps(flat, MATTE[:1])[0] == 1


def test_a_matte_that_is_nowhere_has_no_border() -> None:
    assert np.isnan(border_steps(checkered(0.1), np.zeros((1, 48, 48), np.float32))[0])

"""Grades: learnt from pixels before and after, applied to any others."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.flow.transfer import fit_grade
from engine.image import Image


def _colours(count: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).random((count, 3), np.float32)


def _ones(count: int) -> Image:
    return np.ones(count, np.float32)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.4, 0.4), min_size=12, max_size=12))
def test_a_matrix_with_offset_is_recovered(numbers: list[float]) -> None:
    matrix = np.eye(3) + np.reshape(numbers[:9], (3, 3))
    offset = np.array(numbers[9:]) / 4
    before = _colours(2000)
    grade, _ = fit_grade(before, (before @ matrix.T + offset).astype(np.float32), _ones(2000))
    others = _colours(500, seed=1)
    assert np.abs(grade(others[None])[0] - (others @ matrix.T + offset)).max() < 0.01


@pytest.mark.parametrize("power", [0.7, 1.3])
def test_a_gamma_is_recovered_to_three_hundredths(power: float) -> None:
    before = 0.1 + 0.8 * _colours(2000)
    grade, explained = fit_grade(before, before**power, _ones(2000))
    assert np.abs(grade(before[None])[0] - before**power).max() < 0.03
    assert explained > 0.97


GRADES: dict[str, Callable[[Image], Image]] = {
    "darker": lambda rgb: rgb * 0.7,
    "less saturated": lambda rgb: 0.4 * rgb + 0.6 * rgb.mean(-1, keepdims=True),
    "channels swapped": lambda rgb: rgb[..., ::-1],
    "inverted": lambda rgb: 1 - rgb,
}


@pytest.mark.parametrize("name", GRADES)
def test_a_grade_explains_itself(name: str) -> None:
    before = _colours(1000)
    _, explained = fit_grade(before, GRADES[name](before), _ones(1000))
    assert explained > 0.999


def test_a_label_is_explained_by_no_grade() -> None:
    _, explained = fit_grade(_colours(1000), _colours(1000, seed=1), _ones(1000))
    assert explained < 0.7


def test_no_change_is_the_identity() -> None:
    before = _colours(500)
    grade, _ = fit_grade(before, before, _ones(500))
    assert np.abs(grade(before[None])[0] - before).max() < 1e-3


def test_pixels_without_weight_have_no_say() -> None:
    before = _colours(1000)
    after, weight = before * np.float32(0.5), _ones(1000)
    after[:300], weight[:300] = 1, 0
    grade, _ = fit_grade(before, after, weight)
    assert np.abs(grade(before[None])[0] - before * 0.5).max() < 0.01


def test_one_even_colour_moves_as_it_moved_and_invents_no_matrix() -> None:
    before = np.full((400, 3), 0.5, np.float32)
    grade, _ = fit_grade(before, before + np.float32(0.1), _ones(400))
    assert grade(np.full((1, 1, 3), 0.5, np.float32)) == pytest.approx(0.6, abs=0.01)
    assert np.abs(grade(np.full((1, 1, 3), 0.6, np.float32)) - 0.7).max() < 0.05


def test_beyond_the_colours_it_was_learnt_from_a_bend_goes_on_straight() -> None:
    before = 0.3 + 0.3 * _colours(2000)
    grade, _ = fit_grade(before, before**2, _ones(2000))
    grey = grade(np.repeat(np.linspace(0.7, 1.1, 9, dtype=np.float32), 3).reshape(1, 9, 3))[0]
    steps = np.diff(grey, axis=0)
    assert np.abs(steps - steps[0]).max() < 1e-3


def test_a_single_pixel_can_be_learnt_from() -> None:
    grade, _ = fit_grade(_colours(1), _colours(1, seed=2), _ones(1))
    assert np.isfinite(grade(_colours(9)[None])).all()

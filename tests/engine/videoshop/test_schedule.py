from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.videoshop.schedule import Schedule, c_in, c_noise, c_out, c_skip

SIGMAS = st.floats(0.002, 700)


def test_the_papers_schedule_keeps_the_last_13_of_25_levels() -> None:
    schedule = Schedule.karras(25, 0.55)
    assert schedule.steps == 13
    expected = (15.59, 10.10, 6.35, 3.87, 2.27, 1.27, 0.678, 0.339, 0.157, 0.066, 0.025, 0.008, 0.002, 0)
    assert schedule.sigmas == pytest.approx(expected, abs=6e-3)


@settings(deadline=None)
@given(st.integers(1, 100), st.floats(0.01, 1))
def test_levels_fall_to_nothing_and_stay_in_range(steps: int, strength: float) -> None:
    sigmas = Schedule.karras(steps, strength).sigmas
    assert all(above > below for above, below in pairwise(sigmas))
    assert sigmas[-1] == 0
    assert sigmas[0] <= 700.0001


@given(st.integers(2, 60), st.floats(0.05, 1), st.floats(0.05, 1))
def test_a_weaker_run_is_the_beginning_of_a_stronger_inversion(steps: int, one: float, other: float) -> None:
    weak, strong = (Schedule.karras(steps, strength) for strength in sorted((one, other)))
    rising = list(strong.rising())
    assert list(weak.rising()) == rising[: weak.steps]


def test_rising_is_falling_backward() -> None:
    schedule = Schedule.karras(10, 0.7)
    assert [(below, above) for above, below in schedule.falling()][::-1] == list(schedule.rising())


@given(SIGMAS)
def test_the_scalings_keep_unit_variance(sigma: float) -> None:
    """Karras et al. 2022, appendix B.6: for data of unit variance the network's inputs have it too."""
    assert c_in(sigma) ** 2 * (1 + sigma**2) == pytest.approx(1)
    assert c_out(sigma) ** 2 + c_skip(sigma) == pytest.approx(1)


def test_the_network_is_told_a_quarter_of_the_logarithm() -> None:
    assert c_noise(1.0) == 0
    assert c_noise(15.59) == pytest.approx(0.6867, abs=1e-4)

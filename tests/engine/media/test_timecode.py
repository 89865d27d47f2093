"""Timecode: counting on, also where numbers are dropped."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.timecode import advanced

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("timecode", "frames", "fps", "expected"),
    [
        ("00:00:00:00", 0, Fraction(25), "00:00:00:00"),
        ("01:00:00:12", 6, Fraction(25), "01:00:00:18"),
        ("00:00:59:24", 1, Fraction(25), "00:01:00:00"),
        ("23:59:59:23", 1, Fraction(24), "00:00:00:00"),
        ("00:00:00:00", 1, Fraction(24000, 1001), "00:00:00:01"),
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),
        ("00:00:00;00", 17982, NTSC, "00:10:00;00"),
        ("00:00:00;00", 107892, NTSC, "01:00:00;00"),
        ("00:00:59;59", 1, NTSC * 2, "00:01:00;04"),
        ("00:00:59:29", 1, NTSC, "00:01:00:00"),
    ],
)
def test_a_timecode_counts_on(timecode: str, frames: int, fps: Fraction, expected: str) -> None:
    assert advanced(timecode, frames, fps) == expected


@given(start=st.integers(0, 2_000_000), frames=st.integers(0, 200_000), rate=st.sampled_from([NTSC, NTSC * 2]))
@settings(max_examples=50, deadline=None)
def test_counting_on_twice_is_counting_on_once(start: int, frames: int, rate: Fraction) -> None:
    middle = advanced("00:00:00;00", start, rate)
    assert middle is not None
    assert advanced(middle, frames, rate) == advanced("00:00:00;00", start + frames, rate)


@given(frames=st.integers(0, 2_000_000))
@settings(max_examples=50, deadline=None)
def test_a_dropped_number_is_never_named(frames: int) -> None:
    timecode = advanced("00:00:00;00", frames, NTSC)
    assert timecode is not None
    minute, second, frame = int(timecode[3:5]), int(timecode[6:8]), int(timecode[9:])
    assert not (minute % 10 and second == 0 and frame < 2)


def test_what_is_no_timecode_has_no_successor() -> None:
    assert advanced("noon", 1, Fraction(25)) is None

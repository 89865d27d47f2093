"""Timecode: HH:MM:SS:FF, counted in frames; with a semicolon it drops numbers to keep up with the clock."""

import re
from fractions import Fraction

_FORM = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d{2,3})")


def advanced(timecode: str, frames: int, fps: Fraction) -> str | None:
    """The timecode `frames` after `timecode` at `fps`; None when it is not a timecode.

    Drop-frame (;) leaves out the first two numbers of each minute but every tenth, at 29.97; four at 59.94.
    """
    match = _FORM.fullmatch(timecode.strip())
    if match is None:
        return None
    hours, minutes, seconds, count = (int(match[part]) for part in (1, 2, 3, 5))
    whole = round(fps)
    drop = whole // 15 if match[4] != ":" and whole % 30 == 0 else 0
    total_minutes = hours * 60 + minutes
    number = (total_minutes * 60 + seconds) * whole + count - drop * (total_minutes - total_minutes // 10)
    number += frames
    if drop:
        tens, rest = divmod(number, whole * 600 - 9 * drop)
        number += 9 * drop * tens
        if rest >= whole * 60:
            number += drop * (1 + (rest - whole * 60) // (whole * 60 - drop))
    number %= whole * 86400
    seconds, count = divmod(number, whole)
    sign = match[4] if drop else ":"
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{sign}{count:02}"

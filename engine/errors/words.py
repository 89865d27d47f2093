"""Turns of speech that errors share."""

from collections.abc import Sequence
from difflib import get_close_matches


def perhaps(given: str, allowed: Sequence[str]) -> str:
    """The beginning of a hint: what was probably meant, nothing where nothing is alike."""
    close = get_close_matches(given, allowed, n=1)
    return f"Did you mean {close[0]}? " if close else ""


def megabytes(size: int) -> str:
    """`size` bytes, in MB or GB."""
    return f"{max(size / 1e6, 0.1):,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"

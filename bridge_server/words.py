"""What a person types on the command line, as values. Raises typer.BadParameter."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from engine.request import FrameRange


def each(option: str, given: Sequence[Any] | None, edited: Sequence[Path]) -> Sequence[Any]:
    """One value for each edited frame, or none for any."""
    if not given:
        return [None] * len(edited)
    if len(given) != len(edited):
        raise typer.BadParameter(f"{option} was given {len(given)} times, --edited {len(edited)} times.")
    return given


def range(text: str) -> FrameRange:
    try:
        start, stop = text.split(":")
        return FrameRange(start=int(start or 0), stop=int(stop) if stop.strip() else None)
    except (ValueError, ValidationError):
        raise typer.BadParameter(f"--range takes A:B, two frame numbers, not “{text}”.") from None


def setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"--set takes KEY=VALUE, not “{text}”.")
    return key.strip(), value.strip()


def one_of(option: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise typer.BadParameter(f"{option} knows {', '.join(known)}, not “{value}”.")
    return value

"""Text without secrets: no token, no pairing code, no full path. What it takes away never reaches a log."""

import re

TOKEN, CODE, CUT = "‹token›", "‹code›", "‹…›"

_HEX = re.compile(r"[0-9A-Fa-f]{33,}")
"""Longer than a UUID: a token of 64 digits, or most of one that was cut."""

_CODE = re.compile(r"[A-Z0-9]{5}-[A-Z0-9]{5}|(?<![A-Za-z0-9])[A-Za-z0-9]{5}-[A-Za-z0-9]{5}(?![A-Za-z0-9])")

_WINDOWS = re.compile(r"[A-Za-z]:\\|\\\\")
"""A drive, or the start of a UNC path."""


def redact(text: str) -> str:
    """The text without tokens and pairing codes, and of each path only the last name: “…/name”.

    A name may hold any character but a separator and the end of the line, blanks and quotes too, so that nobody can
    tell where an unknown path ends: of a line, all between its first path's start and its last separator goes.
    """
    text = _CODE.sub(CODE, _HEX.sub(TOKEN, text))
    return "\n".join(map(_without_paths, text.split("\n")))


def _without_paths(line: str) -> str:
    windows = _WINDOWS.search(line)
    slash = line.find("/")
    if windows is not None:
        start = windows.start() if slash < 0 else min(windows.start(), slash)
        last = max(line.rfind("/"), line.rfind("\\"))
    elif slash < 0:
        return line
    else:
        start, last = slash, line.rfind("/")
        if start == last and start > 0 and line[start - 1].isalnum():  # “30000/1001”, “and/or”
            return line
    return f"{line[:start].removesuffix('…')}…/{line[last + 1 :]}"


def printable(text: str) -> str:
    """The text with what cannot be seen written as an escape, such as \\x1b; ends of lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )


def bounded(text: str, limit: int, *, keep_end: bool = False) -> str:
    """At most `limit` characters of the text, and a mark where it was cut: its beginning, or its end."""
    if len(text) <= limit:
        return text
    room = limit - len(CUT)
    return CUT + text[-room:] if keep_end else text[:room] + CUT


def safe(text: str, limit: int, *, keep_end: bool = False) -> str:
    """What may be written of a text: redacted, printable, bounded."""
    # Redaction comes before the cut, which could leave half a token; what is far beyond the cut need not be read.
    near = bounded(text, 4 * limit, keep_end=keep_end)
    return bounded(printable(redact(near)), limit, keep_end=keep_end)

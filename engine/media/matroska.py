"""Matroska: write the shape of its pixels into a finished file.

FFmpeg's muxer takes the pixel aspect from a field that PyAV does not reach. It leaves a void at the head of the file,
though, and there is room in it for the three numbers that a player needs.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from engine.geometry import Size

_SEGMENT, _SEEK_HEAD, _VOID, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x114D9B74, 0xEC, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TRACK_ENTRY, _VIDEO = 0xAE, 0xE0
_DISPLAY = _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_PIXELS, _RATIO = 0, 3

HEAD_BYTES = 1 << 20


class _Element(NamedTuple):
    """Where an element lies: its first byte, its content's first byte, and the byte after it."""

    id: int
    at: int
    body: int
    end: int


def write_pixel_aspect(path: Path, size: Size, aspect: Fraction) -> None:
    """Make players show the one video track of `path` with pixels of `aspect`, width by height.

    The file must be as FFmpeg writes it with `write_crc32` off: a seek head, a void, info, tracks, clusters.
    Raises ValueError when it is another one.
    """
    with path.open("r+b") as file:
        head = bytearray(file.read(HEAD_BYTES))
        changed = _with_aspect(head, size, aspect)
        file.seek(0)
        file.write(changed)


def _with_aspect(head: bytearray, size: Size, aspect: Fraction) -> bytes:
    segment = next((element for element in _elements(head, 0, len(head)) if element.id == _SEGMENT), None)
    if segment is None:
        raise ValueError("no segment")
    found: dict[int, _Element] = {}
    for element in _elements(head, segment.body, len(head)):
        if element.id == _CLUSTER:
            break
        found.setdefault(element.id, element)
    try:
        seek_head, void, info, tracks = (found[kind] for kind in (_SEEK_HEAD, _VOID, _INFO, _TRACKS))
    except KeyError as missing:
        raise ValueError(f"no element {missing}") from None
    if (void.end, info.end) != (info.at, tracks.at):
        raise ValueError("the void does not lie before info and tracks")
    new_tracks = _grown(head, tracks, (_TRACK_ENTRY, _VIDEO), _display(size, aspect))
    added = len(new_tracks) - (tracks.end - tracks.at)
    room = void.end - void.at - added
    if room < 9:
        raise ValueError("the void is too small")
    for seek in _elements(head, seek_head.body, seek_head.end):
        parts = {part.id: part for part in _elements(head, seek.body, seek.end)}
        target = int.from_bytes(head[parts[_SEEK_ID].body : parts[_SEEK_ID].end], "big")
        if target in (_INFO, _TRACKS):
            place = parts[_SEEK_POSITION]
            position = int.from_bytes(head[place.body : place.end], "big") - added
            head[place.body : place.end] = position.to_bytes(place.end - place.body, "big")
    smaller_void = bytes([_VOID]) + _size(room - 9, 8) + bytes(room - 9)
    return (
        bytes(head[: void.at]) + smaller_void + bytes(head[info.at : info.end]) + new_tracks + bytes(head[tracks.end :])
    )


def _display(size: Size, aspect: Fraction) -> bytes:
    """The size to show pictures at, in square pixels where that is whole, else as a ratio."""
    width = size.width * aspect
    if width.denominator == 1:
        shown, unit = (width.numerator, size.height), _PIXELS
    else:
        ratio = width / size.height
        shown, unit = (ratio.numerator, ratio.denominator), _RATIO
    return b"".join(_number(kind, value) for kind, value in zip(_DISPLAY, (*shown, unit), strict=True))


def _grown(data: bytearray, element: _Element, inside: tuple[int, ...], addition: bytes) -> bytes:
    """The element's bytes with `addition` for the display size in the first element at the path `inside` it."""
    if inside:
        child = next(
            (
                part
                for part in _elements(data, element.body, element.end)
                if part.id == inside[0]
                and (len(inside) == 1 or any(p.id == inside[1] for p in _elements(data, part.body, part.end)))
            ),
            None,
        )
        if child is None:
            raise ValueError("no video track")
        changed = _grown(data, child, inside[1:], addition)
        body = bytes(data[element.body : child.at]) + changed + bytes(data[child.end : element.end])
    else:
        kept = (part for part in _elements(data, element.body, element.end) if part.id not in _DISPLAY)
        body = b"".join(bytes(data[part.at : part.end]) for part in kept) + addition
    return element.id.to_bytes((element.id.bit_length() + 7) // 8, "big") + _size(len(body), 8) + body


def _number(kind: int, value: int) -> bytes:
    return kind.to_bytes(2, "big") + _size(4, 1) + value.to_bytes(4, "big")


def _size(value: int, width: int) -> bytes:
    """An element size of `width` bytes, marked by its leading bit."""
    return (value | 1 << (7 * width)).to_bytes(width, "big")


def _elements(data: bytearray, start: int, stop: int) -> Iterator[_Element]:
    at = start
    while at < min(stop, len(data)) and data[at]:
        id_width = 9 - data[at].bit_length()
        kind = int.from_bytes(data[at : at + id_width], "big")
        size_at = at + id_width
        if size_at >= len(data) or not data[size_at]:
            return
        width = 9 - data[size_at].bit_length()
        body = size_at + width
        length = int.from_bytes(data[size_at:body], "big") & ((1 << (7 * width)) - 1)
        yield _Element(kind, at, body, body + length)
        at = body + length

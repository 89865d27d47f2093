"""What an image file tells beside its pixels, read from the containers themselves: PNG, JPEG, TIFF, WebP."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

from engine.request import PROFILE_NAMED

_DESCRIPTION, _ORIENTATION, _EXTRA_SAMPLES, _PROFILE = 270, 274, 338, 34675
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
"""Of the TIFF types byte, ASCII, short, long and undefined."""

Part = Literal["icc", "exif"]


class ImageTags(NamedTuple):
    """`icc` is the embedded colour profile. `orientation` is Exif's: 1 for upright, 2 to 8 for turned and mirrored.
    `alpha` is what a TIFF says of its transparency; the other kinds of file have it straight. `profile` is the name of
    a colour profile that is not embedded."""

    icc: bytes | None = None
    orientation: int = 1
    alpha: Literal["straight", "premultiplied"] | None = None
    profile: str | None = None


def is_tiff(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*")


def image_tags(data: bytes) -> ImageTags:
    """The tags in an image file's bytes; of a file that is cut off, those before the cut."""
    parts: dict[Part, bytes] = {}
    with suppress(struct.error, zlib.error, IndexError):
        for part, body in _parts(data):
            parts[part] = parts.get(part, b"") + body
    exif = parts.get("exif", b"")
    orientation = _tiff_number(exif, _ORIENTATION) or 1
    extra = _tiff_number(exif, _EXTRA_SAMPLES) if is_tiff(data) else None
    alpha: Literal["straight", "premultiplied"] | None = (
        "premultiplied" if extra == 1 else "straight" if extra == 2 else None
    )
    named = _named_profile(data) if is_tiff(data) else None
    return ImageTags(parts.get("icc"), orientation if orientation <= 8 else 1, alpha, named)


def _named_profile(data: bytes) -> str | None:
    with suppress(struct.error):
        described = (_tiff_value(data, _DESCRIPTION) or b"").rstrip(b"\0").decode("utf-8", "replace")
        if described.startswith(PROFILE_NAMED):
            return described.removeprefix(PROFILE_NAMED)
    return None


def _parts(data: bytes) -> Iterator[tuple[Part, bytes]]:
    """The profile, and the directory of tags in TIFF's form, from wherever the file keeps them."""
    if data.startswith(b"\x89PNG"):
        for name, body in _png_chunks(data):
            if name == b"iCCP":
                yield "icc", zlib.decompress(body.partition(b"\0")[2][1:])
            elif name == b"eXIf":
                yield "exif", body
    elif data.startswith(b"\xff\xd8"):
        numbered: dict[int, bytes] = {}
        for marker, body in _jpeg_segments(data):
            if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
                numbered[body[12]] = body[14:]
            elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
                yield "exif", body[6:]
        for number in sorted(numbered):
            yield "icc", numbered[number]
    elif is_tiff(data):
        yield "exif", data
        profile = _tiff_value(data, _PROFILE)
        if profile:
            yield "icc", profile
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        for name, body in _riff_chunks(data):
            if name == b"ICCP":
                yield "icc", body
            elif name == b"EXIF":
                yield "exif", body.removeprefix(b"Exif\0\0")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of the segments before the picture."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _tiff_value(data: bytes, wanted: int) -> bytes | None:
    """The bytes of a tag in the first directory; None when it is not there, or lies outside the data."""
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    for place in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        if tag == wanted:
            length = count * _BYTES_OF_TYPE.get(kind, 0)
            (offset,) = (place + 8,) if length <= 4 else struct.unpack_from(order + "I", data, place + 8)
            return data[offset : offset + length] if 0 < length <= len(data) - offset else None
    return None


def _tiff_number(data: bytes, tag: int) -> int | None:
    """The first value of a tag of shorts."""
    with suppress(struct.error):
        value = _tiff_value(data, tag)
        return int.from_bytes(value[:2], "little" if data.startswith(b"II") else "big") if value else None
    return None

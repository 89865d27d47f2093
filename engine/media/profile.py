"""The ICC profile that an image file carries, read from the containers themselves: PNG, JPEG, TIFF, WebP."""

import struct
import zlib
from collections.abc import Iterator

_TIFF_PROFILE_TAG = 34675


def icc_profile(data: bytes) -> bytes | None:
    """The profile embedded in an image file's bytes; None when there is none, or the file is cut off before it."""
    try:
        if data.startswith(b"\x89PNG"):
            return _of_png(data)
        if data.startswith(b"\xff\xd8"):
            return _of_jpeg(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _of_tiff(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return next((body for kind, body in _riff_chunks(data) if kind == b"ICCP"), None)
    except (struct.error, zlib.error, IndexError):
        return None
    return None


def _of_png(data: bytes) -> bytes | None:
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"iCCP":
            _, _, packed = data[at + 8 : at + 8 + length].partition(b"\0")
            return zlib.decompress(packed[1:])
        if kind == b"IDAT":
            return None
        at += 12 + length
    return None


def _of_jpeg(data: bytes) -> bytes | None:
    """The APP2 segments that are numbered parts of a profile, joined by their numbers."""
    parts: dict[int, bytes] = {}
    at = 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            parts[body[12]] = body[14:]
        at += 2 + length
    return b"".join(parts[number] for number in sorted(parts)) or None


def _of_tiff(data: bytes) -> bytes | None:
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    for entry in range(entries):
        tag, _, count, offset = struct.unpack_from(order + "HHII", data, directory + 2 + 12 * entry)
        if tag == _TIFF_PROFILE_TAG:
            return data[offset : offset + count] if offset + count <= len(data) else None
    return None


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2

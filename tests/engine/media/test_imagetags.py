"""Tags of images: found in every kind of file that editors save."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.imagetags import ImageTags, image_tags
from engine.media.still import read_still

PROFILE = bytes(range(256)) * 300
PIXELS = np.zeros((6, 7, 3), np.uint8)


def plain(suffix: str, *options: int) -> bytes:
    encoded: Any = cv2.imencode(suffix, PIXELS, list(options))[1]
    return bytes(encoded.tobytes())


def png() -> bytes:
    data, body = plain(".png"), b"icc\0\0" + zlib.compress(PROFILE)
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    return data[:33] + chunk + data[33:]


def jpeg() -> bytes:
    data = plain(".jpg")
    halves = [PROFILE[:60000], PROFILE[60000:]]
    parts = [b"ICC_PROFILE\0" + bytes((number + 1, 2)) + half for number, half in enumerate(halves)]
    segments = b"".join(b"\xff\xe2" + struct.pack(">H", len(part) + 2) + part for part in reversed(parts))
    return data[:2] + segments + data[2:]


def tiff() -> bytes:
    """The plain file with a copy of its directory at the end, one entry longer."""
    data = plain(".tif", cv2.IMWRITE_TIFF_COMPRESSION, 1)
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    entries = data[directory + 2 : directory + 2 + 12 * count]
    profile_at = len(data)
    entry = struct.pack(order + "HHII", 34675, 7, len(PROFILE), profile_at)
    table = struct.pack(order + "H", count + 1) + entries + entry + bytes(4)
    moved = data[:4] + struct.pack(order + "I", profile_at + len(PROFILE)) + data[8:]
    return moved + PROFILE + table


def webp() -> bytes:
    data = plain(".webp", cv2.IMWRITE_WEBP_QUALITY, 101)
    size = struct.pack("<I", 6)[:3] + struct.pack("<I", 5)[:3]
    flags = b"VP8X" + struct.pack("<II", 10, 0x20) + size
    profile = b"ICCP" + struct.pack("<I", len(PROFILE)) + PROFILE
    body = b"WEBP" + flags + profile + data[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


FILES = {".png": png, ".jpg": jpeg, ".tif": tiff, ".webp": webp}


@pytest.mark.parametrize("suffix", FILES)
def test_an_embedded_profile_comes_along(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FILES[suffix]())
    still = read_still(path)
    assert still.icc == PROFILE
    assert still.rgb.shape == (6, 7, 3)


@pytest.mark.parametrize("suffix", FILES)
def test_an_image_without_profile_has_none(suffix: str) -> None:
    assert image_tags(plain(suffix)) == ImageTags()


@given(suffix=st.sampled_from(sorted(FILES)), keep=st.floats(0, 1), noise=st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_damaged_files_never_do_worse_than_no_tags(suffix: str, keep: float, noise: bytes) -> None:
    data = FILES[suffix]()
    cut = data[: int(len(data) * keep)] + noise
    tags = image_tags(cut)
    assert tags.icc is None or isinstance(tags.icc, bytes)
    assert tags.orientation in range(1, 9)

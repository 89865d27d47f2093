"""Colour profiles, and images tagged with them."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.engine.clips import write_still

Image = NDArray[np.float32]

SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))


def icc(name: str, colorants: tuple[tuple[float, ...], ...], curve: bytes = b"\0\0\0\1\2\x33") -> bytes:
    """A profile with the tags that tell its colours."""
    text = name.encode("ascii") + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(80),
        b"rTRC": b"curv\0\0\0\0" + curve,
    }
    for tag, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True):
        tags[tag] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in xyz))
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        content += bytes(-len(content) % 4)
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(data), len(content))
        data += content
    size = struct.pack(">I", 128 + len(table) + len(data))
    white = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    header = size + bytes(4) + b"\2\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + white + bytes(48)
    return header + table + data


def tagged(path: Path, rgb: Image, profile: bytes) -> Path:
    write_still(path, rgb)
    data = path.read_bytes()
    body = b"iCCPprofile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])
    return path

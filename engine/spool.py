"""Painted frames of a backward span, kept on disk until their turn comes.

A backward span is painted from its last frame to its first, but written from its first to its last. Memory stays flat:
only the place of each frame in the file is held.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from engine.geometry import Box
from engine.method import Painted

BYTES_PER_PIXEL = 6.5
"""Of a frame's box on disk: three 16-bit samples, and a matte that packs well."""
_TOP = np.float32(65535)
_LENGTH = struct.Struct("<Q")


class Spool:
    """A stack of `Painted` in one file: append rising or falling indices, take them back last first.

    Pixels and matte are kept to 16 bits. A context manager; the file is gone when it closes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("w+b")
        self._entries: list[tuple[int, Painted]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        with suppress(OSError):
            self._path.unlink()

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, painted: Painted) -> None:
        """Raises OSError when the disk is full."""
        place = self._file.seek(0, os.SEEK_END)
        matte = zlib.compress(_coded(painted.matte).tobytes(), 1)
        self._file.write(_LENGTH.pack(len(matte)))
        self._file.write(matte)
        self._file.write(_coded(painted.rgb).tobytes())
        empty = np.empty((0, 0), np.float32)
        self._entries.append((place, replace(painted, rgb=empty, matte=empty)))

    def last_first(self) -> Iterator[Painted]:
        """Take every frame off the stack."""
        while self._entries:
            place, painted = self._entries.pop()
            self._file.seek(place)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            shape = painted.box.height, painted.box.width
            matte = _decoded(zlib.decompress(self._file.read(length)), shape)
            rgb = _decoded(self._file.read(6 * painted.box.area), (*shape, 3))
            yield replace(painted, rgb=rgb, matte=matte)


def bytes_of(boxes: int, box: Box) -> int:
    """Room on disk for `boxes` frames painted in a box like `box`."""
    return round(boxes * box.area * BYTES_PER_PIXEL)


def _coded(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * _TOP).astype(np.uint16))


def _decoded(data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.frombuffer(data, np.uint16).reshape(shape).astype(np.float32) / _TOP

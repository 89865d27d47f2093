"""Planes: between FFmpeg's frames and plain arrays, and from the coded picture to the upright one."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

from engine.geometry import Box, Size
from engine.media.color import PixelLayout, Plane, replicated
from engine.media.fields import FieldOrder

_PACKED_ORDER = {
    "rgb24": "RGB",
    "bgr24": "BGR",
    "rgba": "RGBA",
    "bgra": "BGRA",
    "argb": "ARGB",
    "abgr": "ABGR",
    "rgb0": "RGB0",
    "bgr0": "BGR0",
    "0rgb": "0RGB",
    "0bgr": "0BGR",
    "rgb48le": "RGB",
    "rgb48be": "RGB",
    "bgr48le": "BGR",
    "bgr48be": "BGR",
    "rgba64le": "RGBA",
    "rgba64be": "RGBA",
    "bgra64le": "BGRA",
    "bgra64be": "BGRA",
    "ya8": "YA",
    "ya16le": "YA",
    "ya16be": "YA",
    "yuyv422": "YUYV",
    "uyvy422": "UYVY",
    "yvyu422": "YVYU",
}


def read_planes(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    """The frame's planes in the layout's order (Y, U, V | R, G, B | Y, then alpha), read-only; mostly views."""
    name = frame.format.name
    if name == "pal8":
        return _from_palette(frame)
    if name in _PACKED_ORDER:
        return _from_packed(frame, layout)
    if name.startswith(("nv", "p0", "p2", "p4")):
        return _from_semiplanar(frame, layout)
    planes = [_samples(frame, index, 1)[:, :, 0] for index in range(len(frame.planes))]
    if layout.family == "rgb":
        green, blue, red, *alpha = planes
        return (red, green, blue, *alpha)
    return tuple(planes)


def make_frame(planes: tuple[Plane, ...], layout: PixelLayout) -> av.VideoFrame:
    """A new FFmpeg frame of format `layout.name` with a copy of the planes."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, layout.name)
    if layout.family == "rgb":
        red, green, blue, *alpha = planes
        planes = (green, blue, red, *alpha)
    for target, plane in zip(writable(frame), planes, strict=True):
        target[:] = plane
    return frame


def writable(frame: av.VideoFrame) -> list[Plane]:
    """The planes of a planar frame, in FFmpeg's order, as arrays that write into it."""
    return [_rows(frame, index, writable=True) for index in range(len(frame.planes))]


def _rows(frame: av.VideoFrame, index: int, *, writable: bool = False) -> Plane:
    """Plane `index` as (height, samples), without the padding at the end of each line."""
    plane = frame.planes[index]
    components = [part for part in frame.format.components if part.plane == index]
    wide = max(part.bits for part in components) > 8 or frame.format.name.startswith(("p0", "p2", "p4"))
    dtype = np.dtype(np.uint16 if wide else np.uint8)
    if wide and frame.format.is_big_endian:
        dtype = dtype.newbyteorder(">")
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, abs(plane.line_size))
    if plane.line_size < 0:
        lines = lines[::-1]
    order = _PACKED_ORDER.get(frame.format.name, "")
    per_pixel = 2 if "U" in order else len(order) or len(components)
    width = frame.width if order else plane.width
    samples: Any = lines[:, : (width + (width & 1 if "U" in order else 0)) * per_pixel * dtype.itemsize].view(dtype)
    if dtype.byteorder == ">":
        samples = samples.astype(np.uint16)
    if not writable:
        samples.flags.writeable = False
    plane_samples: Plane = samples
    return plane_samples


def _samples(frame: av.VideoFrame, index: int, channels: int) -> Any:
    """Plane `index` as (height, pixels, channels)."""
    rows = _rows(frame, index)
    return rows.reshape(rows.shape[0], -1, channels)


def _from_packed(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    order = _PACKED_ORDER[frame.format.name]
    pixels = _samples(frame, 0, len(order))
    if "U" in order:
        luma = pixels[:, :, order.index("Y") :: 2].reshape(frame.height, -1)[:, : frame.width]
        return (luma, *(np.ascontiguousarray(pixels[:, :, order.index(channel)]) for channel in "UV"))
    channels: str = "YYYA" if order == "YA" else "RGBA" if layout.alpha else "RGB"
    picked: list[Any] = [cv2.extractChannel(pixels, order.index(channel)) for channel in channels]
    return tuple(picked)


def _from_semiplanar(frame: av.VideoFrame, layout: PixelLayout) -> tuple[Plane, ...]:
    luma, chroma = _samples(frame, 0, 1)[:, :, 0], _samples(frame, 1, 2)
    name = frame.format.name
    first, second = (1, 0) if name in ("nv21", "nv42") else (0, 1)
    planes = (luma, np.ascontiguousarray(chroma[:, :, first]), np.ascontiguousarray(chroma[:, :, second]))
    unused = 16 - layout.bits if name.startswith("p") else 0
    return tuple(plane >> np.uint16(unused) for plane in planes) if unused else planes


def _from_palette(frame: av.VideoFrame) -> tuple[Plane, ...]:
    pixels = _samples(frame, 0, 1)[:, :, 0]
    blue, green, red, alpha = np.frombuffer(memoryview(frame.planes[1]), np.uint8).reshape(256, 4).T
    return tuple(np.take(np.ascontiguousarray(entries), pixels) for entries in (red, green, blue, alpha))


@dataclass(frozen=True)
class Orientation:
    """How a coded picture becomes upright: transposed first, then mirrored left-right, then top-bottom."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def rotation(self) -> int:
        """Clockwise turn in degrees: 0, 90, 180 or 270; of a mirrored picture the turn after a left-right mirror."""
        return {
            (False, False, False): 0,
            (True, True, False): 90,
            (False, True, True): 180,
            (True, False, True): 270,
            (False, True, False): 0,
            (True, False, False): 270,
            (False, False, True): 180,
            (True, True, True): 90,
        }[(self.transpose, self.mirror_x, self.mirror_y)]

    @property
    def identity(self) -> bool:
        return not (self.transpose or self.mirror_x or self.mirror_y)

    def size(self, coded: Size) -> Size:
        return Size(coded.height, coded.width) if self.transpose else coded

    def field_order(self, coded: FieldOrder | None, height: int) -> FieldOrder | None:
        """Which field of the upright lines comes first, of a coded picture of `height` lines."""
        if coded is None or self.transpose:
            return None
        swapped = self.mirror_y and height % 2 == 0
        return coded if not swapped else "bottom" if coded == "top" else "top"

    def layout(self, coded: PixelLayout, size: Size) -> PixelLayout:
        """The layout of the upright planes of a coded picture of `size`.

        4:2:2 and 4:1:1 turned on their side, and subsampled axes of odd length that are mirrored, would leave chroma
        off its grid; there the chroma samples are doubled to 4:4:4, so that none is lost.
        """
        shift_x, shift_y = coded.log2_chroma_w, coded.log2_chroma_h
        if coded.family != "yuv" or self.identity or (shift_x, shift_y) == (0, 0):
            return coded
        mirrored_x, mirrored_y = (self.mirror_y, self.mirror_x) if self.transpose else (self.mirror_x, self.mirror_y)
        off_grid = (mirrored_x and size.width % (1 << shift_x)) or (mirrored_y and size.height % (1 << shift_y))
        if off_grid or (self.transpose and (shift_x, shift_y) in ((1, 0), (2, 0))):
            return coded.with_chroma(0, 0)
        return coded.with_chroma(shift_y, shift_x) if self.transpose else coded

    def apply(self, planes: tuple[Plane, ...], coded: PixelLayout) -> tuple[Plane, ...]:
        """Upright planes, in the layout that `layout` tells."""
        if self.identity:
            return planes
        height, width = planes[0].shape
        upright = self.layout(coded, Size(width, height))
        subsampled = coded.log2_chroma_w or coded.log2_chroma_h
        if coded.family == "yuv" and subsampled and (upright.log2_chroma_w, upright.log2_chroma_h) == (0, 0):
            box = Box(0, 0, width, height)
            planes = (planes[0], *(replicated(plane, coded, box) for plane in planes[1:3]), *planes[3:])
        return tuple(self._turn(plane) for plane in planes)

    def _turn(self, plane: Plane) -> Plane:
        turned: Any = cv2.transpose(plane) if self.transpose else plane
        if self.mirror_x or self.mirror_y:
            turned = cv2.flip(turned, -1 if self.mirror_x and self.mirror_y else 1 if self.mirror_x else 0)
        upright: Plane = turned
        return upright


def orientation_of(frame: av.VideoFrame) -> Orientation | None:
    """The orientation that the frame's display matrix asks for; None when it is not a multiple of a quarter turn."""
    side_data: Any = frame.side_data
    matrix = side_data.get(SideDataType.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    # A point (x, y) of the coded picture is shown at (a·x + c·y, b·x + d·y).
    scale = max(math.hypot(a, b), math.hypot(c, d), 1)
    along, across = max(abs(a), abs(d)) / scale, max(abs(b), abs(c)) / scale
    if across < 0.01:
        return Orientation(False, a < 0, d < 0)
    if along < 0.01:
        return Orientation(True, c < 0, b < 0)
    return None

"""Flat: the finished clip. H.264 at a constant rate, FFV1 without loss, or a folder of PNG."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import OutputError
from engine.geometry import Box
from engine.media import png
from engine.media.clip import ClipInfo, Frame
from engine.media.color import PixelLayout, Plane, planes_of, replicated, yuv_layout
from engine.media.movie import Movie
from engine.media.planes import make_frame
from engine.media.safe import give_up, replace_folder, write_bytes

H264_OPTIONS = {"preset": "veryfast", "crf": "16"}
FFV1_OPTIONS = {"level": "3", "slicecrc": "1", "g": "1"}
SLICED = 64
"""Pictures with shorter sides are not cut into slices."""


class FlatWriter(Protocol):
    """Takes the frames of the range in rising order; the result appears when the context ends without an exception."""

    def write(self, frame: Frame) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class LosslessFlat:
    """FFV1 version 3 in Matroska: the very planes of the frames, at the clip's own times.

    Matroska counts milliseconds, so times of a variable rate are kept to half of one.
    """

    def __init__(self, path: Path, info: ClipInfo, start: int, stop: int) -> None:
        self._info, self._start, self._layout = info, start, info.layout
        offered = {form.name for form in av.codec.Codec("ffv1", "w").video_formats or ()}
        self._packed = {"gbrp": "bgr0", "gbrap": "bgra"}.get(info.layout.name)
        pixel_format = self._packed or info.layout.name
        if pixel_format not in offered:
            raise OutputError.pixels_unsupported(path, pixel_format)
        # FFV1 cuts a picture into slices on the chroma grid; off that grid, or where the picture is small, the encoder
        # knows how many fit.
        size, layout = info.size, info.layout
        off_grid = size.width % (1 << layout.log2_chroma_w) or size.height % (1 << layout.log2_chroma_h)
        sliced = not off_grid and min(size) >= SLICED
        self._movie = Movie(
            path,
            info,
            start,
            stop,
            codec="ffv1",
            pixel_format=pixel_format,
            tags=info.tags.named(info.layout),
            options=FFV1_OPTIONS | ({"slices": "16"} if sliced else {}),
            rate=info.fps,
            time_base=info.time_base,
            fields=info.field_order,
        )

    def write(self, frame: Frame) -> None:
        pts, end = int(self._info.pts[frame.index]), int(self._info.pts[frame.index + 1])
        picture = make_frame(frame.planes, self._layout) if self._packed is None else _packed(frame, self._packed)
        self._movie.write(picture, pts - int(self._info.pts[self._start]), end - pts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._movie.__exit__(kind, error, at)


def _packed(frame: Frame, pixel_format: str) -> av.VideoFrame:
    red, green, blue, *alpha = frame.planes
    picture = av.VideoFrame(frame.size.width, frame.size.height, pixel_format)
    plane: Any = memoryview(picture.planes[0])
    lines = np.frombuffer(plane, np.uint8).reshape(frame.size.height, picture.planes[0].line_size)
    last = alpha[0] if alpha else np.zeros_like(red)
    lines[:, : 4 * frame.size.width] = cv2.merge([blue, green, red, last]).reshape(frame.size.height, -1)
    return picture


class ConstantRateFlat:
    """H.264 in mp4 at the clip's nominal rate. 8 bits stay 8, more become 10 (High 10); 4:2:0 needs even sizes.

    A clip of variable rate is laid on the constant grid by its times: frames are repeated or left out.
    """

    def __init__(self, path: Path, info: ClipInfo, start: int, stop: int) -> None:
        self._info, self._start, self._stop = info, start, stop
        self._layout = h264_layout(info)
        self._rate = info.nominal_fps
        self._tags = info.tags.named(self._layout)
        self._movie = Movie(
            path,
            info,
            start,
            stop,
            codec="libx264",
            pixel_format=self._layout.name,
            tags=self._tags,
            options=H264_OPTIONS,
            rate=self._rate,
            time_base=1 / self._rate,
            # x264 wants whole lines of chroma in each field.
            fields=info.field_order if info.size.height % (2 << self._layout.log2_chroma_h) == 0 else None,
        )
        self._slots = 0

    def write(self, frame: Frame) -> None:
        end = self._slot(frame.index + 1)
        if end <= self._slots:
            return
        planes = converted(frame, self._layout)
        for slot in range(self._slots, end):
            self._movie.write(make_frame(planes, self._layout), slot, 1)
        self._slots = end

    def _slot(self, index: int) -> int:
        """The first grid position that is no longer before frame `index`; a constant rate has one for each frame."""
        if self._info.constant_rate:
            return index - self._start
        return round((self._info.seconds(index) - self._info.seconds(self._start)) * self._rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._movie.__exit__(kind, error, at)


def h264_layout(info: ClipInfo) -> PixelLayout:
    """The layout that H.264 gets: the clip's own chroma size where H.264 has it and the size divides, else 4:4:4.

    RGB becomes BT.709, gray gets neutral chroma. More than 8 bits become 10. Alpha is not kept.
    """
    layout = info.layout
    bits = 8 if layout.bits == 8 else 10
    if layout.family == "rgb":
        return yuv_layout(bits, 0, 0, False, "bt709", False)
    matrix = "bt709" if layout.family == "gray" else layout.matrix
    shifts = (1, 1) if layout.family == "gray" else (layout.log2_chroma_w, layout.log2_chroma_h)
    odd = (shifts[0] and info.size.width % 2) or (shifts[1] and info.size.height % 2)
    if odd or shifts not in ((1, 1), (1, 0), (0, 0)):
        shifts = (0, 0)
    return yuv_layout(bits, *shifts, layout.full_range, matrix, False)


def converted(frame: Frame, layout: PixelLayout) -> tuple[Plane, ...]:
    """The frame's planes in another Y'CbCr layout of the same matrix and range; untouched where they agree."""
    source = frame.layout
    if source.family == "rgb":
        return planes_of(frame.rgb(), layout)
    planes = tuple(_requantised(plane, source, layout) for plane in frame.planes[: source.color_planes])
    if source.family == "gray":
        height, width = planes[0].shape
        shape = (-(-height // (1 << layout.log2_chroma_h)), -(-width // (1 << layout.log2_chroma_w)))
        neutral: Any = np.full(shape, layout.neutral, layout.dtype)
        return (planes[0], neutral, neutral)
    if (source.log2_chroma_w, source.log2_chroma_h) != (layout.log2_chroma_w, layout.log2_chroma_h):
        box = Box.full(frame.size)
        return (planes[0], *(replicated(plane, source, box) for plane in planes[1:]))
    return planes


def _requantised(plane: Plane, source: PixelLayout, target: PixelLayout) -> Plane:
    """Code values at another bit depth, rounded to the nearest."""
    if source.bits == target.bits:
        return plane
    gain = target.peak / source.peak if source.full_range else 2.0 ** (target.bits - source.bits)
    scaled = np.asarray(plane, np.float32) * np.float32(gain)
    codes: NDArray[np.float32] = np.minimum(np.rint(scaled), np.float32(target.peak))
    if target.bits == 8:
        return codes.astype(np.uint8)
    return codes.astype(np.uint16)


class ImagesFlat:
    """A folder of PNG, named by source index: 8 bits for clips of 8 bits, else 16; full-range R'G'B', alpha if any."""

    def __init__(self, path: Path, info: ClipInfo) -> None:
        self._info = info
        self._folder: AbstractContextManager[Path] = replace_folder(path)
        self._at = self._folder.__enter__()

    def write(self, frame: Frame) -> None:
        layout = self._info.layout
        alpha = frame.planes[-1].astype(np.float32) / np.float32(layout.peak) if layout.alpha else None
        bits = 8 if layout.bits == 8 else 16
        data = png.encode(frame.rgb(), bits, alpha, self._info.tags, self._info.sample_aspect_ratio)
        write_bytes(self._at / f"{frame.index:06d}.png", data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            give_up(self._folder)
        else:
            self._folder.__exit__(None, None, None)

"""Clip: the frames of a video file or of a folder of images, upright, in native code values, by exact index."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError
from engine.geometry import Box, Size
from engine.media.color import FULL, ColorTags, PixelLayout, Plane, layout_of, to_rgb
from engine.media.fields import FieldOrder, field_order_of
from engine.media.planes import Orientation, orientation_of, read_planes
from engine.media.source import ImageFolder, Source, VideoFile

IMAGE_RATE = Fraction(25)
"""Frames per second of a folder of images, unless it is given."""

BLOCK_BYTES = 160_000_000
"""Upper bound of what `Clip.backward` keeps decoded, in bytes."""


@dataclass(frozen=True)
class ClipInfo:
    """What a clip is.

    `size` is upright and in coded pixels (not squared by `sample_aspect_ratio`, which is upright too). `layout` is
    that of `Frame.planes`, `pixel_format` FFmpeg's name of the pixels in the file. `fps` is the mean rate and
    `nominal_fps` the one that most frames keep: the same when `constant_rate`. `rotation` is the clockwise turn in
    degrees that made the frames upright. `interlaced` says how the frames were taken, `field_order` which half of the
    upright lines came first: None of progressive frames, and of those turned on their side, whose fields are columns.
    `has_audio` says whether there is sound that outputs can carry, `audio_note` for the artist what they cannot.
    `pts` (frames + 1,) holds the time of each frame in `time_base`, and last the end of the clip.
    """

    path: Path
    size: Size
    frames: int
    fps: Fraction
    nominal_fps: Fraction
    constant_rate: bool
    time_base: Fraction
    duration: float
    codec: str
    pixel_format: str
    layout: PixelLayout
    tags: ColorTags
    rotation: int
    sample_aspect_ratio: Fraction
    interlaced: bool
    field_order: FieldOrder | None
    has_audio: bool
    audio_note: str | None
    timecode: str | None
    pts: NDArray[np.int64] = field(repr=False, compare=False)

    def seconds(self, index: int) -> Fraction:
        """When frame `index` is shown, exactly; `index` may be `frames`, the clip's end."""
        return int(self.pts[index]) * self.time_base


@dataclass(frozen=True, eq=False)
class Frame:
    """One upright frame. `planes` are read-only code values in the order Y, U, V[, A] | R, G, B[, A] | Y."""

    index: int
    pts: int
    planes: tuple[Plane, ...]
    layout: PixelLayout

    @property
    def size(self) -> Size:
        height, width = self.planes[0].shape
        return Size(width, height)

    def luma8(self) -> NDArray[np.uint8]:
        """Luma (height, width) with 8 bits, for motion analysis; the very plane when the clip has 8 bits."""
        if self.layout.family == "rgb":
            weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32) / 2 ** (self.layout.bits - 8)
            gray = cv2.transform(cv2.merge(self.planes[:3]).astype(np.float32), weights)
            return np.asarray(cv2.convertScaleAbs(gray), np.uint8)
        luma = self.planes[0]
        if self.layout.bits == 8:
            return np.asarray(luma, np.uint8)
        return np.asarray(cv2.convertScaleAbs(luma, alpha=2.0 ** (8 - self.layout.bits)), np.uint8)

    def rgb(self, box: Box | None = None) -> NDArray[np.float32]:
        """R'G'B' (height, width, 3) of the whole frame or of the pixels in `box`; not clipped to [0, 1]."""
        return to_rgb(self.planes, self.layout, box or Box.full(self.size))


class Clip:
    """A clip that is open for reading. One thread at a time; `reopen` gives another one its own."""

    def __init__(self, source: Source, info: ClipInfo, orientation: Orientation, coded: PixelLayout) -> None:
        self._source, self.info = source, info
        self._orientation, self._coded = orientation, coded

    @classmethod
    def open(cls, path: Path, image_rate: Fraction = IMAGE_RATE) -> Self:
        """Open a video file, or a folder of numbered images shown at `image_rate`.

        An mp4 or mov tells the times of its frames in its head; other files are read through once. Raises
        `ClipError`, one code for each fault.
        """
        if path.is_dir():
            if not os.access(path, os.R_OK | os.X_OK):
                raise ClipError.permission_denied(path)
            source: Source = ImageFolder(path, image_rate)
        else:
            source = VideoFile(path)
        try:
            return cls(source, *_describe(path, source))
        except BaseException:
            source.close()
            raise

    def reopen(self) -> "Clip":
        """An independent reader of the same clip, without numbering its frames again."""
        return Clip(self._source.reopen(), self.info, self._orientation, self._coded)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return self.info.frames

    def pts(self, index: int) -> int:
        """When frame `index` is shown, in `info.time_base`."""
        self._check(index)
        return int(self.info.pts[index])

    def seconds(self, index: int) -> float:
        """When frame `index` is shown, in seconds on the file's own clock."""
        self._check(index)
        return float(self.info.seconds(index))

    def index_at(self, pts: int) -> int:
        """The frame that is on show at time `pts`; the first or last one outside the clip."""
        at = int(np.searchsorted(self.info.pts, pts, side="right")) - 1
        return min(max(at, 0), self.info.frames - 1)

    def sha256(self) -> str:
        """Hex digest of the file's bytes; of a folder, of its images' names and digests."""
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
        return self._source.sha256()

    def frame(self, index: int) -> Frame:
        """Frame `index`, exactly the one that decoding from the start would give.

        Raises `ClipError` for an index outside the clip, a frame that does not decode, and one of another size.
        """
        self._check(index)
        picture = self._source.decode(index)
        size = self._orientation.size(Size(picture.width, picture.height))
        if size != self.info.size or picture.format.name != self.info.pixel_format:
            raise ClipError.size_changes(self.info.path, index)
        planes = self._orientation.apply(read_planes(picture, self._coded), self._coded)
        return Frame(index, int(self.info.pts[index]), planes, self.info.layout)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames `start` … `stop` − 1, one held at a time."""
        for index in range(start, self.info.frames if stop is None else stop):
            yield self.frame(index)

    def backward(self, start: int, stop: int) -> Iterator[Frame]:
        """Frames `stop` − 1 … `start`, decoded forward in blocks of at most `BLOCK_BYTES`."""
        if stop <= start:
            return
        block = max(1, BLOCK_BYTES // self.info.layout.bytes_of(self.info.size))
        for end in range(stop, start, -block):
            yield from reversed([self.frame(index) for index in range(max(start, end - block), end)])

    def _check(self, index: int) -> None:
        if not 0 <= index < self.info.frames:
            raise ClipError.out_of_range(index, self.info.frames)


def _describe(path: Path, source: Source) -> tuple[ClipInfo, Orientation, PixelLayout]:
    frames = len(source.index)
    if frames < 2:
        raise ClipError.single_frame(path)
    first = source.decode(0)
    orientation = orientation_of(first)
    if orientation is None:
        raise ClipError.orientation_unsupported(path)
    tags = _tags(first, source.color)
    coded_size = Size(first.width, first.height)
    coded = layout_of(first.format.name, tags, first.height, path)
    if coded.family == "yuv" and coded.full_range:
        tags = replace(tags, range=FULL)
    aspect = source.sample_aspect_ratio
    pts = source.index.pts
    fps, nominal, constant = rates(pts, source.time_base, source.rate)
    info = ClipInfo(
        path=path,
        size=orientation.size(coded_size),
        frames=frames,
        fps=fps,
        nominal_fps=nominal,
        constant_rate=constant,
        time_base=source.time_base,
        duration=float(int(pts[-1] - pts[0]) * source.time_base),
        codec=source.codec,
        pixel_format=first.format.name,
        layout=orientation.layout(coded, coded_size),
        tags=tags,
        rotation=orientation.rotation,
        sample_aspect_ratio=1 / aspect if orientation.transpose else aspect,
        interlaced=first.interlaced_frame,
        field_order=orientation.field_order(field_order_of(first), first.height),
        has_audio=source.has_audio,
        audio_note=source.audio_note,
        timecode=source.timecode,
        pts=pts,
    )
    return info, orientation, coded


def _tags(frame: av.VideoFrame, container: tuple[int, int, int, int]) -> ColorTags:
    """What the picture says of its colour, and where it is silent, what the container says."""
    said = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
    unsaid = (2, 2, 2, 0)
    return ColorTags(
        *(mine if mine != none else theirs for mine, none, theirs in zip(said, unsaid, container, strict=True))
    )


_USUAL_RATES = (
    *(Fraction(rate) for rate in (12, 15, 24, 25, 30, 48, 50, 60, 72, 90, 96, 100, 120, 144, 240)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60, 120)),
)


def rates(pts: NDArray[np.int64], time_base: Fraction, told: Fraction | None) -> tuple[Fraction, Fraction, bool]:
    """Mean rate, nominal rate, and whether every frame keeps the nominal rate to one tick of the time base.

    The nominal rate is the one that the container tells when the frames keep it, else that of the median interval,
    else the nearest usual rate within half a percent.
    """
    frames = len(pts) - 1
    steps = np.diff(pts[:-1])
    mean = (frames - 1) / (int(pts[-2] - pts[0]) * time_base)
    median = 1 / (int(np.median(steps)) * time_base)
    candidates = [told] if told else []
    candidates += sorted(_USUAL_RATES, key=lambda rate: abs(rate - mean))[:2]
    candidates.append(mean)
    for rate in candidates:
        ideal = np.arange(frames) * float(1 / (rate * time_base))
        drift = (pts[:-1] - pts[0]) - ideal
        if drift.max() - drift.min() < 1.5 and steps.max() - steps.min() <= 2:
            return rate, rate, True
    nearest = min(_USUAL_RATES, key=lambda rate: abs(rate - median))
    nominal = nearest if abs(nearest - median) < median / 50 else median.limit_denominator(1001)
    return mean.limit_denominator(100_000), nominal, False

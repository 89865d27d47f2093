"""Movie: one encoded video stream and the source's sound, in a file that appears when it is whole."""

import os
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from engine.geometry import Size
from engine.media.audio import Sound
from engine.media.clip import ClipInfo
from engine.media.color import ColorTags
from engine.media.fields import FieldMarker, FieldOrder
from engine.media.matroska import write_pixel_aspect
from engine.media.safe import give_up, replace, writing
from engine.media.timecode import advanced

ENCODER_BYTES = 320_000_000
"""About what the frames that an encoder works on at one time may take."""

_FRAMES_A_THREAD = 3
"""What ProRes was seen to hold for each of its threads, packets included, in the size of a frame."""


def threads_for(size: Size, pixel_format: str) -> int:
    """Threads of an encoder: half as many again as there are processors, few enough for `ENCODER_BYTES`."""
    frame_bytes = size.width * size.height * av.VideoFormat(pixel_format).padded_bits_per_pixel // 8
    affordable = ENCODER_BYTES // (_FRAMES_A_THREAD * frame_bytes)
    return max(2, min((os.cpu_count() or 1) * 3 // 2, affordable, 8))


class Movie:
    """A mov, mp4 or mkv file with the frame range [`start`, `stop`) of a clip; time 0 is the range's first frame.

    `rate` is told to the container, `time_base` is that of the frames' pts. With `fields` they are coded as interlaced.
    Frame size, pixel aspect, timecode and sound come from `info`. Raises `ResourceError.disk_full` and
    `OutputError.not_writable`.
    """

    def __init__(
        self,
        path: Path,
        info: ClipInfo,
        start: int,
        stop: int,
        *,
        codec: str,
        pixel_format: str,
        tags: ColorTags,
        options: dict[str, str],
        rate: Fraction,
        time_base: Fraction,
        fields: FieldOrder | None,
    ) -> None:
        self._path, self._info, self._time_base = path, info, time_base
        self._cleanup = ExitStack()
        with ExitStack() as opening:
            self._temporary = temporary = opening.enter_context(replace(path))
            with writing(path):
                kind = path.suffix[1:]
                form = {"mkv": "matroska"}.get(kind, kind)
                muxing = {"mp4": {"movflags": "+faststart"}, "mkv": {"write_crc32": "0"}}.get(kind, {})
                self._container = av.open(str(temporary), "w", format=form, container_options=muxing)
                opening.callback(self._abandon)
                self._marker = FieldMarker(fields, *info.size, pixel_format) if fields else None
                told = self._marker.options if self._marker else {}
                stream = self._container.add_stream(codec, rate=rate, options=options | told)
                assert isinstance(stream, av.VideoStream)
                self._stream, context = stream, stream.codec_context
                context.width, context.height = info.size
                context.pix_fmt = pixel_format
                context.time_base = time_base
                context.thread_type, context.thread_count = "AUTO", threads_for(info.size, pixel_format)
                context.sample_aspect_ratio = info.sample_aspect_ratio
                context.color_primaries, context.color_trc = tags.primaries, tags.transfer
                context.colorspace, context.color_range = tags.matrix, tags.range
                if self._marker:
                    context.flags |= av.codec.context.Flags.interlaced_dct
                timecode = advanced(info.timecode, start, info.nominal_fps) if info.timecode else None
                if timecode:
                    self._stream.metadata["timecode"] = timecode
                self._sound = None
                if info.has_audio:
                    span = (info.seconds(start), info.seconds(stop))
                    self._sound = opening.enter_context(Sound(info.path, *span, self._container, kind))
            self._cleanup = opening.pop_all()
        self._tags = tags
        self._open = True

    def write(self, picture: av.VideoFrame, pts: int, duration: int) -> None:
        """Encode `picture` at `pts`, in ticks of the time base. Rising order."""
        if self._marker:
            picture = self._marker(picture)
        picture.pts, picture.time_base, picture.duration = pts, self._time_base, duration
        picture.color_primaries, picture.color_trc = self._tags.primaries, self._tags.transfer
        picture.colorspace, picture.color_range = self._tags.matrix, self._tags.range
        with writing(self._path):
            self._container.mux(self._stream.encode(picture))
            if self._sound:
                for packet in self._sound.until((pts + duration) * self._time_base):
                    self._container.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            give_up(self._cleanup)
            return
        with self._cleanup, writing(self._path):
            self._container.mux(self._stream.encode(None))
            if self._sound:
                for packet in self._sound.rest():
                    self._container.mux(packet)
            self._open = False
            self._container.close()
            if self._path.suffix == ".mkv" and self._info.sample_aspect_ratio != 1:
                write_pixel_aspect(self._temporary, self._info.size, self._info.sample_aspect_ratio)

    def _abandon(self) -> None:
        """Let go of an unfinished file; what FFmpeg says about it no longer matters."""
        if getattr(self, "_open", True):
            try:
                self._container.close()
            except (av.error.FFmpegError, OSError):
                return

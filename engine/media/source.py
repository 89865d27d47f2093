"""Sources: where decoded pictures come from, by index. A video file, or a folder of numbered images."""

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol, Self

import av
from av.stream import Discard, Disposition

from engine.errors import ClipError, ResourceError
from engine.media.index import FrameIndex, Keyframe, packets_of
from engine.media.samples import index_of_movie

IMAGE_SUFFIXES = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".dpx", ".bmp", ".webp"}


class Source(Protocol):
    """Pictures by index. `decode` is cheap when the indices rise one by one."""

    index: FrameIndex
    time_base: Fraction
    rate: Fraction | None
    codec: str
    has_audio: bool
    audio_note: str | None
    timecode: str | None
    sample_aspect_ratio: Fraction
    color: tuple[int, int, int, int]
    """Primaries, transfer, matrix and range as the container tells them, for pictures that do not."""

    def decode(self, index: int) -> av.VideoFrame: ...
    def sha256(self) -> str: ...
    def reopen(self) -> Self: ...
    def close(self) -> None: ...


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what FFmpeg and the file system say about `path` into the fault of the clip."""
    try:
        yield
    except FileNotFoundError as error:
        raise ClipError.missing(path) from error
    except PermissionError as error:
        raise ClipError.permission_denied(path) from error
    except (av.error.InvalidDataError, av.error.MemoryError) as error:  # a damaged head claims tables beyond all memory
        raise (ClipError.truncated(path) if _looks_like_video(path) else ClipError.not_video(path)) from error
    except (av.error.DecoderNotFoundError, av.error.PatchWelcomeError) as error:
        raise ClipError.codec_unknown(path, error.strerror or "unknown") from error
    except (av.error.FFmpegError, OSError) as error:
        raise ClipError.not_video(path) from error


def open_media(path: Path) -> av.container.InputContainer:
    """Open a file to be read. Old programs write titles in other alphabets than UTF-8: what is no text is replaced."""
    return av.open(str(path), "r", metadata_errors="replace")


_SIGNATURES = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (0, b"\x1aE\xdf\xa3"), (0, b"RIFF"))


def _looks_like_video(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(16)
    return any(head[at:].startswith(signature) for at, signature in _SIGNATURES)


_TRUSTED_HEAD = 64
"""Frames that must come out of the decoder in the order of their timestamps for those of the rest to be believed."""


class VideoFile:
    """The first video stream of a file that is not a cover picture."""

    def __init__(self, path: Path, index: FrameIndex | None = None) -> None:
        self._path = path
        with reading(path):
            if path.stat().st_size == 0:
                raise ClipError.empty(path)
            self._container = open_media(path)
        try:
            self._stream = self._video_stream()
            self._describe()
            self._pending: deque[av.VideoFrame] = deque()
            self._packets: Iterator[av.Packet[av.VideoStream]] | None = None
            self._next = -1
            self.index = index or self._read_index()
            if index is None:
                self.index = self._as_decoded()
                if not self.index.whole:
                    self.decode(len(self.index) - 1)
        except BaseException:
            self._container.close()
            raise

    def _video_stream(self) -> av.VideoStream:
        videos = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos:
            raise ClipError.no_video_stream(self._path)
        stream = videos[0]
        if stream.codec_context is None:
            raise ClipError.codec_unknown(self._path, "an unknown format")
        stream.thread_type = "AUTO"
        stream.thread_count = min(os.cpu_count() or 1, 8)
        for other in self._container.streams:
            if other is not stream:
                other.discard = Discard.all
        return stream

    def _describe(self) -> None:
        stream, context = self._stream, self._stream.codec_context
        self.time_base = stream.time_base or Fraction(1, 1000)
        self.rate = stream.guessed_rate or stream.average_rate
        self.codec = context.codec.canonical_name
        sounds = [sound.codec_context is not None for sound in self._container.streams.audio]
        self.has_audio = any(sounds)
        self.audio_note: str | None = None
        if not all(sounds):
            which = "A part of the sound" if self.has_audio else "The sound"
            self.audio_note = f"{which} of {self._path.name} is of a kind that cannot be read here; it is left out."
        self.sample_aspect_ratio = stream.sample_aspect_ratio or Fraction(1)
        self.color = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        places = [stream.metadata, *(s.metadata for s in self._container.streams.data), self._container.metadata]
        found = (value for place in places for key, value in place.items() if key.lower() == "timecode")
        self.timecode = next(found, None)

    def _read_index(self) -> FrameIndex:
        if self._container.format.name.startswith("mov,"):
            with suppress(av.error.FFmpegError):  # the pass over all packets then names the fault
                index = index_of_movie(self._container, self._stream, self._path)
                if index is not None:
                    return index
            self._start(None)
        return FrameIndex.read(self._container, self._stream, self._path)

    def _as_decoded(self) -> FrameIndex:
        """The index corrected where the decoder yields other frames than the packets promise.

        Frames at the head whose references lie before the file are never yielded. And a stream may be reordered by
        the decoder although its timestamps rise in storage order; then only decoding tells which frame comes when.
        """
        index = self.index
        if index.in_storage_order and self._stream.codec_context.has_b_frames:
            self._start(None)
            head = [frame.pts for frame in islice(iter(self._advance, None), _TRUSTED_HEAD)]
            if head != index.stamps[: len(head)].tolist():
                return index.in_decoded_order((*head, *(frame.pts for frame in iter(self._advance, None))))
        first_key = min(index.keyframes, key=lambda key: key.order).pts
        if index.pts[0] >= first_key:
            return index
        self._start(None)
        shown: set[int] = set()
        while (frame := self._advance()) is not None and (frame.pts is None or frame.pts < first_key):
            shown.update(() if frame.pts is None else (frame.pts,))
        return index.without_before(first_key, shown)

    def decode(self, index: int) -> av.VideoFrame:
        """The picture of frame `index`: from where the decoder stands if that is near, else from a keyframe before it.

        A keyframe from which the frame does not come out is no clean entry; then an earlier one is tried.
        """
        keyframes = self.index.keyframes_before(index)
        nearest = self.index.position(keyframes[-1].pts) if keyframes else None
        frame = None
        if 0 <= self._next <= index and (nearest is None or nearest <= self._next):
            frame = self._forward_to(index)
        back = 1
        while frame is None:
            keyframe = keyframes[-back] if back <= len(keyframes) else None
            if self._start(keyframe):
                frame = self._forward_to(index)
            if frame is None and keyframe is None:
                self._next = -1
                raise ClipError.frame_damaged(self._path, index)
            back *= 2
        self._next = index + 1
        return frame

    def _start(self, keyframe: Keyframe | None) -> bool:
        """Make the decoder start at a keyframe, or at the very beginning; False when the file has no way in there."""
        self._pending.clear()
        self._packets = None
        if keyframe is None:
            self._container.close()
            with reading(self._path):
                self._container = open_media(self._path)
            self._stream = self._video_stream()
            self._packets = packets_of(self._container, self._stream)
            return True
        try:
            self._container.seek(keyframe.dts, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return False
        packets = packets_of(self._container, self._stream)
        for packet in packets:
            order = self.index.order(packet.pts)
            if order > keyframe.order or packet.size == 0:
                return False
            if order == keyframe.order:
                self._pending.extend(self._decoded(packet))
                self._packets = packets
                return True
        return False

    def _forward_to(self, index: int) -> av.VideoFrame | None:
        """Decode until frame `index` comes; None when a later one comes first."""
        while (frame := self._advance()) is not None:
            position = self.index.position(frame.pts)
            if position is not None and position >= index:
                return frame if position == index else None
        return None

    def _advance(self) -> av.VideoFrame | None:
        """The decoder's next frame; None at the end."""
        while not self._pending:
            packet = next(self._packets, None) if self._packets is not None else None
            if packet is None:
                return None
            self._pending.extend(self._decoded(packet))
        return self._pending.popleft()

    def _decoded(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        try:
            return packet.decode()
        except (av.error.InvalidDataError, av.error.EOFError):
            return []  # the frames that are missing then are noticed by their timestamps
        except av.error.MemoryError as error:
            raise ResourceError.memory_full() from error
        except av.error.FFmpegError as error:
            raise ClipError.codec_unknown(self._path, self.codec) from error

    def sha256(self) -> str:
        with reading(self._path), self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def reopen(self) -> "VideoFile":
        return VideoFile(self._path, self.index)

    def close(self) -> None:
        self._packets = None
        self._pending.clear()
        self._container.close()


class ImageFolder:
    """A folder of numbered images of one name, without gaps: frame 0 is the image with the lowest number."""

    def __init__(self, path: Path, rate: Fraction, images: list[Path] | None = None) -> None:
        self._path = path
        with reading(path):
            self._images = images or numbered_images(path)
        self.rate: Fraction | None = rate
        self.time_base = 1 / rate
        self.codec = "images"
        self.has_audio = False
        self.audio_note: str | None = None
        self.timecode: str | None = None
        self.index = FrameIndex.numbered(len(self._images))
        first = self.decode(0)
        self.sample_aspect_ratio = self._aspect
        self.color = (first.color_primaries, first.color_trc, first.colorspace, first.color_range)

    def decode(self, index: int) -> av.VideoFrame:
        image = self._images[index]
        try:
            with reading(image), open_media(image) as container:
                if not container.streams.video:
                    raise ClipError.frame_damaged(self._path, index)
                aspect = container.streams.video[0].sample_aspect_ratio or Fraction(1)
                # FFmpeg takes a PNG's pixels per unit for the width and height of a pixel, which are their inverse.
                self._aspect = 1 / aspect if image.suffix.lower() == ".png" else aspect
                frame = next(iter(container.decode(container.streams.video[0])), None)
        except ClipError as error:
            raise ClipError.frame_damaged(self._path, index) from error
        if frame is None:
            raise ClipError.frame_damaged(self._path, index)
        frame.pts = index
        return frame

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for image in self._images:
            with reading(image), image.open("rb") as file:
                digest.update(image.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def reopen(self) -> "ImageFolder":
        return ImageFolder(self._path, self.rate or Fraction(25), self._images)

    def close(self) -> None:
        pass


_NUMBERED = re.compile(r"(.*?)(\d+)")


def numbered_images(folder: Path) -> list[Path]:
    """The folder's images by rising number. Raises `ClipError` when there are none, several series or gaps."""
    series: dict[str, dict[int, Path]] = {}
    for file in folder.iterdir():
        match = _NUMBERED.fullmatch(file.stem)
        if match and file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith("."):
            series.setdefault(f"{match[1]}#{file.suffix}", {})[int(match[2])] = file
    if not series:
        raise ClipError.no_images(folder)
    if len(series) > 1:
        raise ClipError.several_sequences(folder, sorted(series))
    (images,) = series.values()
    for number in range(min(images), max(images)):
        if number not in images:
            raise ClipError.number_missing(folder, number)
    return [images[number] for number in sorted(images)]

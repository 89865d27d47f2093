"""Sound: the source's audio, cut to the range of frames, beside the pictures of a new file."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.audio.stream import AudioStream

from engine.media.index import packets_of
from engine.media.source import open_media

_LITTLE_PCM = {"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
_COPIED = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus"},
    "mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16be", "pcm_s24be", *_LITTLE_PCM},
}
"""What hosts read in these containers; Matroska takes whatever it has a name for."""

_ENCODED_WITH = {"mp4": "aac", "mov": "pcm_s16le", "mkv": "flac"}


class Sound:
    """Audio packets of `path` between two times (seconds), for a container that starts at the first of them.

    A stream is copied where the container takes its codec, else encoded: AAC in mp4, PCM in mov, FLAC in mkv. Copied
    audio is cut between packets, so it may begin or end a few milliseconds inside the range.
    """

    def __init__(self, path: Path, start: Fraction, stop: Fraction, output: av.container.OutputContainer, kind: str):
        self._start, self._stop = start, stop
        self._input = open_media(path)
        self._copied: dict[int, AudioStream] = {}
        self._encoded: dict[int, AudioStream] = {}
        for stream in self._input.streams:
            if isinstance(stream, AudioStream) and stream.codec_context is not None:
                self._add(stream, output, kind)
        streams = [self._input.streams[index] for index in (*self._copied, *self._encoded)]
        if start > 0 and streams:
            with suppress(av.error.FFmpegError):  # a container that cannot seek is read from its start
                self._input.seek(int((start - 1) * av.time_base))
        self._packets: Iterator[Any] = packets_of(self._input, streams) if streams else iter(())
        self._held: Any = None

    def _add(self, stream: AudioStream, output: av.container.OutputContainer, kind: str) -> None:
        name = stream.codec_context.codec.canonical_name
        copied = _COPIED.get(kind)
        if name in copied if copied else name in output.supported_codecs:
            self._copied[stream.index] = output.add_stream_from_template(stream)
            return
        rate = stream.codec_context.sample_rate
        encoder = output.add_stream(_ENCODED_WITH[kind], rate=rate)
        assert isinstance(encoder, AudioStream)
        encoder.codec_context.layout = stream.codec_context.layout
        self._encoded[stream.index] = encoder

    def until(self, seconds: Fraction) -> Iterator[Any]:
        """The packets to mux beside pictures up to `seconds` of the new file, in order."""
        limit = min(self._start + seconds, self._stop)
        while True:
            packet = self._held if self._held is not None else next(self._packets, None)
            self._held = None
            if packet is None:
                return
            if packet.pts is None or packet.size == 0:
                continue
            begins = packet.pts * packet.time_base
            if begins >= limit:
                self._held = packet
                return
            if begins + (packet.duration or 0) * packet.time_base > self._start:
                yield from self._moved(packet, begins)

    def rest(self) -> Iterator[Any]:
        """The packets up to the end of the range, and what the encoders still hold."""
        yield from self.until(self._stop - self._start)
        for encoder in self._encoded.values():
            yield from encoder.encode(None)

    def _moved(self, packet: Any, begins: Fraction) -> Iterator[Any]:
        index = packet.stream.index
        if index in self._copied:
            if begins < self._start and self._start > 0:
                return
            offset = round(self._start / packet.time_base)
            packet.pts -= offset
            if packet.dts is not None:
                packet.dts -= offset
            packet.stream = self._copied[index]
            yield packet
            return
        for frame in packet.decode():
            if frame.time is not None and self._start <= Fraction(frame.time).limit_denominator(10**7) < self._stop:
                frame.pts -= round(self._start / frame.time_base)
                yield from self._encoded[index].encode(frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._input.close()

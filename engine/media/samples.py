"""Sample tables of mp4 and mov: the frames of a movie known from its head, however large its media are."""

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.index import IndexEntry
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.errors import ClipError
from engine.media.index import FrameIndex, Sample, packets_of

_TAIL = 64
"""Packets at the end of a stream among which its last frame is stored; in a stream that reorders more it is not."""


def index_of_movie(container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> FrameIndex | None:
    """The index of an mp4 or mov from its sample tables, proved on its first and last packets.

    FFmpeg's own index gives, edit list applied, the decoding time and place of every sample; the table in the file
    tells how long after its decoding a sample is shown. None where they do not tell everything: in fragmented files,
    and where packets come with other times than these. `container` must be freshly opened, and is read from.

    Raises `ClipError.truncated` when samples lie beyond the end of the file, and `ClipError.encrypted`.
    """
    head = read_head(path)
    table = None if head is None else sample_table(head, stream.id)
    entries = list(stream.index_entries)
    if table is None or not entries:
        return None
    if max(entry.pos + entry.size for entry in entries) > path.stat().st_size:
        raise ClipError.truncated(path)
    delays = _delays(table, [entry.size for entry in entries])
    first = next(packets_of(container, stream))
    if first.has_sidedata("encryption_info"):
        raise ClipError.encrypted(path)
    if delays is None or first.pts is None or first.dts != entries[0].timestamp:
        return None
    shift = first.pts - first.dts - int(delays[0])
    return _proved(_samples(entries, (delays + shift).tolist()), container, stream)


def _samples(entries: list[IndexEntry], delays: list[int]) -> list[Sample]:
    return [
        Sample(entry.timestamp + delay, entry.timestamp, entry.is_keyframe, not entry.is_discard)
        for entry, delay in zip(entries, delays, strict=True)
        if entry.size
    ]


def _proved(samples: list[Sample], container: av.container.InputContainer, stream: av.VideoStream) -> FrameIndex | None:
    """The index of samples whose last packets come as told, from the one that is shown last to the end."""
    shown = [number for number, sample in enumerate(samples) if sample.shown]
    last = max(shown, key=lambda number: samples[number].pts, default=0)
    tail = samples[max(0, min(last, len(samples) - 4)) :]
    playable = bool(shown) and any(sample.is_keyframe for sample in samples)
    if not playable or len(tail) > _TAIL or len({sample.pts for sample in samples}) < len(samples):
        return None
    container.seek(tail[0].dts, stream=stream, any_frame=True)
    packets = [packet for packet in packets_of(container, stream) if packet.size and (packet.dts or 0) >= tail[0].dts]
    found = [Sample(p.pts or 0, p.dts or 0, p.is_keyframe, not p.is_discard) for p in packets]
    if found != tail or any(packet.is_corrupt for packet in packets):
        return None
    (duration,) = (packet.duration or 0 for packet in packets if packet.pts == samples[last].pts)
    # A copy that broke off in a file of full length has zeros where its last bytes should be.
    return FrameIndex.of(samples, samples[last].pts + duration, whole=bool(bytes(packets[-1]).strip(b"\0")))


_MANY = 1 << 24
"""Frames of three days at 60 a second: a table that claims more is damaged."""


class SampleTable(NamedTuple):
    """Of every sample of a track, as stored: its bytes, and the ticks from its decoding to its showing, less a constant
    of the track. `delays` is None when all are the same."""

    sizes: NDArray[np.int64]
    delays: NDArray[np.int64] | None


def _delays(table: SampleTable, sizes: list[int]) -> NDArray[np.int64] | None:
    """The delays of the samples with these sizes: all of the track, or the run of them that an edit list leaves."""
    if table.delays is None:
        return np.zeros(len(sizes), np.int64)
    if len(sizes) > len(table.sizes):
        return None
    runs = sliding_window_view(table.sizes, len(sizes))
    fitting = (start for start in np.flatnonzero(runs[:, 0] == sizes[0]) if np.array_equal(runs[start], sizes))
    begins = list(islice(fitting, 2))
    return table.delays[begins[0] :][: len(sizes)] if len(begins) == 1 else None


def read_head(path: Path) -> bytes | None:
    """The content of the file's `moov` box; None when there is none, or the samples are told elsewhere too."""
    with path.open("rb") as file:
        for kind, start, stop in _file_boxes(file, path.stat().st_size):
            if kind == b"moov":
                file.seek(start)
                head = file.read(stop - start)
                kinds = {kind for kind, _ in _boxes(head)}
                return None if kinds & {b"mvex", b"cmov"} else head
    return None


def sample_table(head: bytes, track: int) -> SampleTable | None:
    """The sample table of the track with this number in the content of a `moov` box; None when it is unusual."""
    try:
        for kind, trak in _boxes(head):
            if kind == b"trak" and _track_number(trak) == track:
                table = dict(_boxes(_within(trak, b"mdia", b"minf", b"stbl")))
                return _read_table(table[b"stsz"], table.get(b"ctts"))
    except (struct.error, KeyError, IndexError, ValueError):
        return None
    return None


def _read_table(stsz: bytes, ctts: bytes | None) -> SampleTable:
    _, size, count = struct.unpack_from(">III", stsz)
    if count > _MANY:
        raise ValueError("no movie has so many frames")
    sizes = np.full(count, size, np.int64) if size else np.frombuffer(stsz, ">u4", count, 12).astype(np.int64)
    if ctts is None:
        return SampleTable(sizes, None)
    _, runs = struct.unpack_from(">II", ctts)
    lengths, delays = np.frombuffer(ctts, ">i4", 2 * runs, 8).reshape(-1, 2).T.astype(np.int64)
    if lengths.sum() != count or lengths.min(initial=0) < 0:
        raise ValueError("the table of delays has another length than that of sizes")
    return SampleTable(sizes, np.repeat(delays, lengths))


def _track_number(trak: bytes) -> int:
    header = _within(trak, b"tkhd")
    (number,) = struct.unpack_from(">I", header, 20 if header[0] else 12)
    return int(number)


def _within(box: bytes, *path: bytes) -> bytes:
    for kind in path:
        box = dict(_boxes(box))[kind]
    return box


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and content of each box in `data`."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:  # the zeros that end a list, or a box too large to be in a head
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _file_boxes(file: BinaryIO, length: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each box of a file, the first byte of its content and the byte after it."""
    at = 0
    while at + 8 <= length:
        file.seek(at)
        header = file.read(16)
        size, kind = struct.unpack_from(">I4s", header)
        body = 8
        if size == 1 and len(header) == 16:
            (size,), body = struct.unpack_from(">Q", header, 8), 16
        stop = min(at + size, length) if size else length
        if stop < at + body:
            return
        yield kind, at + body, stop
        at = stop

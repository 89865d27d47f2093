"""Index: frame number <-> presentation time, from what a container tells of its packets."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import av
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError


def packets_of(
    container: av.container.InputContainer, streams: av.VideoStream | Sequence[av.stream.Stream]
) -> Iterator[Any]:
    """The packets of streams as stored, and an empty one of each at the end.

    Some containers show further streams only while they are read; over these PyAV stumbles after the last packet.
    """
    with suppress(IndexError):
        yield from container.demux(streams)


@dataclass(frozen=True)
class Keyframe:
    """Where decoding can start. Times in the stream's time base; `order` counts packets as they are stored."""

    pts: int
    dts: int
    order: int


class Sample(NamedTuple):
    """A coded frame as it is stored: its times in the stream's time base, and whether it is shown at all."""

    pts: int
    dts: int
    is_keyframe: bool
    shown: bool


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a clip in presentation order.

    `pts` (frames + 1,) int64, strictly rising: the time of each frame, and last the end of the last frame.
    `stamps` (frames,): the timestamp that the decoder's frame carries. The same as `pts`, except in files that store
    reordered frames with timestamps in storage order. `orders` tells the storage order of every packet by its
    timestamp, also of packets that are decoded but never shown. `whole` when the container itself shows that the last
    frame is all there, so that it need not be decoded to see it.
    """

    pts: NDArray[np.int64]
    stamps: NDArray[np.int64]
    keyframes: tuple[Keyframe, ...] = ()
    orders: dict[int, int] | None = None
    whole: bool = False

    def __len__(self) -> int:
        return len(self.stamps)

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {stamp: index for index, stamp in enumerate(self.stamps.tolist())}

    @cached_property
    def _entries(self) -> tuple[list[int], list[Keyframe]]:
        """Keyframes with the index of the first frame shown at or after each, by rising index."""
        times = self.pts.tolist()
        placed = [(self._positions.get(key.pts, bisect_left(times, key.pts)), key) for key in self.keyframes]
        placed.sort(key=lambda entry: (entry[0], entry[1].order))
        return [index for index, _ in placed], [key for _, key in placed]

    def position(self, stamp: int | None) -> int | None:
        """The index of the frame that carries `stamp`; None when it is not shown."""
        return None if stamp is None else self._positions.get(stamp)

    def order(self, stamp: int | None) -> int:
        """Storage order of the packet that carries `stamp`; −1 when it is unknown."""
        return -1 if stamp is None or self.orders is None else self.orders.get(stamp, -1)

    def keyframes_before(self, index: int) -> list[Keyframe]:
        """The keyframes shown at or before frame `index`, the nearest last."""
        positions, keyframes = self._entries
        return keyframes[: bisect_right(positions, index)]

    @property
    def in_storage_order(self) -> bool:
        """Whether every packet is shown after the one stored before it."""
        return self.orders is None or list(self.orders) == sorted(self.orders)

    def without_before(self, pts: int, shown: set[int]) -> Self:
        """This index without the frames before `pts` that are not in `shown`."""
        kept = np.array([time >= pts or time in shown for time in self.pts.tolist()])
        return replace(self, pts=self.pts[kept], stamps=self.stamps[kept[:-1]])

    def in_decoded_order(self, stamps: Iterable[int | None]) -> Self:
        """This index for frames that come out of the decoder in the order of `stamps`, whatever their value."""
        known = [stamp for stamp in stamps if stamp is not None and stamp in self._positions]
        end = self.pts[-1:]
        return replace(self, pts=np.append(np.sort(np.array(known, np.int64)), end), stamps=np.array(known, np.int64))

    @classmethod
    def numbered(cls, frames: int) -> Self:
        """The index of images that are shown one tick each."""
        return cls(np.arange(frames + 1, dtype=np.int64), np.arange(frames, dtype=np.int64))

    @classmethod
    def of(cls, samples: Sequence[Sample], end: int, whole: bool) -> Self:
        """The index of samples, given in storage order, of which the last to be shown ends at `end`."""
        stamps = np.array(sorted(sample.pts for sample in samples if sample.shown), np.int64)
        if end <= stamps[-1]:
            end = int(stamps[-1] + (stamps[-1] - stamps[-2] if len(stamps) > 1 else 1))
        keys = tuple(Keyframe(s.pts, s.dts, order) for order, s in enumerate(samples) if s.is_keyframe)
        orders = {sample.pts: order for order, sample in enumerate(samples)}
        return cls(np.append(stamps, np.int64(end)), stamps, keys, orders, whole)

    @classmethod
    def read(cls, container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> Self:
        """Demux the whole stream, without decoding.

        Packets that an edit list hides carry a discard flag; they are no frames of the clip. Raises `ClipError`:
        truncated, encrypted, no frames, or no usable timestamps.
        """
        samples: list[Sample] = []
        times: set[int] = set()
        end, cut = (-(1 << 63), 0), False
        try:
            for packet in packets_of(container, stream):
                if packet.size == 0:
                    continue
                if packet.has_sidedata("encryption_info"):
                    raise ClipError.encrypted(path)
                cut, pts = packet.is_corrupt, packet.pts
                if pts is None or pts in times:
                    raise ClipError.no_timestamps(path)
                times.add(pts)
                shown = not packet.is_discard
                samples.append(Sample(pts, pts if packet.dts is None else packet.dts, packet.is_keyframe, shown))
                if shown:
                    end = max(end, (pts, pts + (packet.duration or 0)))
        except av.error.FFmpegError as error:
            raise ClipError.truncated(path) from error
        # A movie counts its frames before its edit list leaves some out, and its index lists what is left.
        movie = container.format.name.startswith("mov,")
        if cut or len(samples) < (len(stream.index_entries) if movie else stream.frames):
            raise ClipError.truncated(path)
        if not any(sample.shown for sample in samples) or not any(sample.is_keyframe for sample in samples):
            raise ClipError.no_frames(path)
        promised = _promised_end(container, stream)
        index = cls.of(samples, end[1], whole=promised > 0)
        last, stop = (int(time) * (stream.time_base or 0) for time in index.pts[-2:])
        if promised - stop > Fraction(3, 2) * (stop - last):
            raise ClipError.truncated(path)
        return index


def _promised_end(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """When the head of a Matroska file says that the stream ends, in seconds; 0 where it does not say."""
    if not container.format.name.startswith("matroska"):
        return Fraction(0)
    told = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", ""))
    if told:
        return int(told[1]) * 3600 + int(told[2]) * 60 + Fraction(told[3])
    return Fraction(container.duration or 0, av.time_base) if len(container.streams) == 1 else Fraction(0)

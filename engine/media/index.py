"""Index: frame number <-> presentation time, from the packets of one demuxing pass."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError


@dataclass(frozen=True)
class Keyframe:
    """Where decoding can start. Times in the stream's time base; `order` counts packets as they are stored."""

    pts: int
    dts: int
    order: int


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a clip in presentation order.

    `pts` (frames + 1,) int64, strictly rising: the time of each frame, and last the end of the last frame.
    `stamps` (frames,): the timestamp that the decoder's frame carries. The same as `pts`, except in files that store
    reordered frames with timestamps in storage order. `orders` tells the storage order of every packet by its
    timestamp, also of packets that are decoded but never shown.
    """

    pts: NDArray[np.int64]
    stamps: NDArray[np.int64]
    keyframes: tuple[Keyframe, ...] = ()
    orders: dict[int, int] | None = None

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
    def read(cls, container: av.container.InputContainer, stream: av.VideoStream, path: Path) -> Self:
        """Demux the whole stream, without decoding.

        Packets that an edit list hides carry a discard flag; they are no frames of the clip. Raises `ClipError`:
        truncated, encrypted, no frames, or no usable timestamps.
        """
        shown: dict[int, int] = {}
        keyframes: list[Keyframe] = []
        orders: dict[int, int] = {}
        cut = False
        try:
            for packet in container.demux(stream):
                if packet.size == 0:
                    continue
                if packet.has_sidedata("encryption_info"):
                    raise ClipError.encrypted(path)
                cut = packet.is_corrupt
                pts = packet.pts
                if pts is None or pts in orders:
                    raise ClipError.no_timestamps(path)
                if packet.is_keyframe:
                    keyframes.append(Keyframe(pts, pts if packet.dts is None else packet.dts, len(orders)))
                orders[pts] = len(orders)
                if not packet.is_discard:
                    shown[pts] = pts + (packet.duration or 0)
        except av.error.FFmpegError as error:
            raise ClipError.truncated(path) from error
        if cut or len(orders) < stream.frames:
            raise ClipError.truncated(path)
        if not shown or not keyframes:
            raise ClipError.no_frames(path)
        times = sorted(shown)
        end = shown[times[-1]]
        if end <= times[-1]:
            end = times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1)
        missing = _promised_end(container, stream) - end * (stream.time_base or 0)
        if missing > Fraction(3, 2) * (end - times[-1]) * (stream.time_base or 0):
            raise ClipError.truncated(path)
        stamps = np.array(times, np.int64)
        return cls(np.append(stamps, np.int64(end)), stamps, tuple(keyframes), orders)


def _promised_end(container: av.container.InputContainer, stream: av.VideoStream) -> Fraction:
    """When the head of a Matroska file says that the stream ends, in seconds; 0 where it does not say."""
    if not container.format.name.startswith("matroska"):
        return Fraction(0)
    told = re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", stream.metadata.get("DURATION", ""))
    if told:
        return int(told[1]) * 3600 + int(told[2]) * 60 + Fraction(told[3])
    return Fraction(container.duration or 0, av.time_base) if len(container.streams) == 1 else Fraction(0)

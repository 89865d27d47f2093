"""The files of a result, each written by a thread of its own, so that encoders work beside the method."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from types import TracebackType
from typing import Literal, Self

from engine.geometry import Size
from engine.media.clip import ClipInfo, Frame
from engine.media.color import PixelLayout
from engine.media.writer import FLAT_FORMATS, LAYER_FORMATS, open_flat, open_layer
from engine.method import Painted
from engine.request import Format

Kind = Literal["layer", "flat"]

QUEUED_BYTES = 32 << 20
"""Frames that wait for one writer may hold this much memory; one frame may always wait."""


@dataclass(frozen=True)
class Composite:
    """A finished frame: the paint alone, and the clip's frame with the paint laid over it."""

    painted: Painted
    flat: Frame

    @property
    def nbytes(self) -> int:
        paint = self.painted.rgb.nbytes + self.painted.matte.nbytes
        return paint + sum(plane.nbytes for plane in self.flat.planes)


@dataclass(frozen=True)
class Target:
    """One file, or folder of frames, to write; `name` is its place in the output folder."""

    kind: Kind
    format: Format

    @property
    def name(self) -> str:
        return self.kind if self.format == "png" else f"{self.kind}.{self.format}"


Write = Callable[[Composite], None]


def targets(formats: Sequence[Format]) -> tuple[Target, ...]:
    """What the formats ask for, layers first; each once."""
    once = dict.fromkeys(formats)
    layers = [Target("layer", name) for name in once if name in LAYER_FORMATS]
    return (*layers, *(Target("flat", name) for name in once if name in FLAT_FORMATS))


class Outputs:
    """Writers of all targets, in threads. A context manager: left on an exception, every unfinished file is given up.

    Raises what a writer raised, out of `put` or `finish`.
    """

    def __init__(self, wanted: Sequence[Target], folder: Path, info: ClipInfo, start: int, stop: int) -> None:
        self._frames = stop - start
        self._queues = [_Queue(QUEUED_BYTES) for _ in wanted]
        self._pool = ThreadPoolExecutor(max(len(wanted), 1), thread_name_prefix="writer")
        self._jobs: list[Future[None]] = [
            self._pool.submit(_write_all, _opened(target, folder, info, start, stop), queue)
            for target, queue in zip(wanted, self._queues, strict=True)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for queue in self._queues:
            queue.give_up()
        self._pool.shutdown(wait=True)

    def put(self, composite: Composite) -> None:
        """Hand a frame to every writer; waits while one of them is far behind."""
        for queue, job in zip(self._queues, self._jobs, strict=True):
            queue.put(composite)
            if job.done():
                job.result()

    def finish(self, on_progress: Callable[[int, int], None]) -> None:
        """Wait until every file is complete, telling how many of the frames the slowest writer has taken."""
        for queue in self._queues:
            queue.close()
        waiting: set[Future[None]] = set(self._jobs)
        while waiting:
            done, waiting = wait(waiting, timeout=0.1)
            for job in done:
                job.result()
            on_progress(min((queue.taken for queue in self._queues), default=self._frames), self._frames)


def bytes_needed(wanted: Sequence[Target], frames: int, size: Size, layout: PixelLayout, edit_area: int) -> int:
    """About how much room the result takes on disk: what such files take of ordinary footage, rounded up."""
    frame = size.width * size.height
    samples = {"yuv": 1 + 2 / (1 << (layout.log2_chroma_w + layout.log2_chroma_h)), "rgb": 3.0, "gray": 1.0}
    raw = samples[layout.family] * layout.bits
    deep = 16 if layout.bits > 8 else 8
    bits = {
        ("layer", "mov"): 6.0 * edit_area + 0.3 * frame,
        ("layer", "png"): 3.0 * deep * edit_area + 0.2 * frame,
        ("flat", "mp4"): 0.3 * frame,
        ("flat", "mkv"): 0.6 * raw * frame,
        ("flat", "png"): 2.0 * deep * frame,
    }
    return round(frames * sum(bits[target.kind, target.format] for target in wanted) / 8)


class _GivenUp(BaseException):
    """Makes a writer clean up as after an error; never leaves its thread."""


class _Queue:
    """Frames between the job and one writer, bounded in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held, self.taken = limit, 0, 0
        self._items: deque[Composite] = deque()
        self._changed = Condition()
        self._closed = self._given_up = False

    def put(self, item: Composite) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or not self._items or self._held + item.nbytes <= self._limit)
            if not self._given_up:
                self._items.append(item)
                self._held += item.nbytes
                self._changed.notify_all()

    def close(self) -> None:
        """No more frames will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def give_up(self) -> None:
        """Nobody puts or takes any more; what waits is dropped."""
        with self._changed:
            self._given_up = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Composite]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._closed or self._given_up)
                if self._given_up:
                    raise _GivenUp
                if not self._items:
                    return
                item = self._items.popleft()
                self._held -= item.nbytes
                self._changed.notify_all()
            yield item
            self.taken += 1


def _write_all(opened: AbstractContextManager[Write], queue: _Queue) -> None:
    try:
        with opened as write:
            for composite in queue:
                write(composite)
    except _GivenUp:
        pass
    finally:
        queue.give_up()


@contextmanager
def _opened(target: Target, folder: Path, info: ClipInfo, start: int, stop: int) -> Iterator[Write]:
    """The target's writer, opened and closed by the thread that uses it."""
    if target.kind == "layer":
        with open_layer(target.format, folder, info, start, stop) as layer:
            yield lambda made: layer.write(made.painted.index, made.painted.box, made.painted.rgb, made.painted.matte)
    else:
        with open_flat(target.format, folder, info, start, stop) as flat:
            yield lambda made: flat.write(made.flat)

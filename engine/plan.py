"""From keyframes and a range to spans: which frames follow which keyframe, in which direction, at what cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Frames that follow one keyframe. Runs from `first` to `last`, both included, forward or (last < first) backward.

    `first` is the neighbour of `keyframe` in the direction of the span.
    """

    keyframe: int
    first: int
    last: int

    @property
    def step(self) -> int:
        return 1 if self.first > self.keyframe else -1

    @property
    def frames(self) -> range:
        return range(self.first, self.last + self.step, self.step)


@dataclass(frozen=True)
class Window:
    """Frames of a span that a method takes in one pass, `first` to `last` in the span's direction, both included."""

    span: Span
    first: int
    last: int

    @property
    def frames(self) -> range:
        return range(self.first, self.last + self.span.step, self.span.step)


@dataclass(frozen=True)
class Cost:
    """What a method needs on the machine at hand.

    `seconds_per_frame` is paid for every frame, `seconds_per_pixel` for every pixel of the edit's area in it;
    `bytes_per_pixel` of working memory for every pixel of the edit's area, beside `base_bytes`.
    `window` is the most frames of one pass (None: any number), neighbouring windows share `overlap` frames.
    """

    seconds_per_frame: float
    seconds_per_pixel: float
    bytes_per_pixel: float = 0
    base_bytes: int = 0
    window: int | None = None
    overlap: int = 0


@dataclass(frozen=True)
class Estimate:
    """What a run should take: frames that the method has to make, seconds of it, bytes of memory beside the frames."""

    frames: int
    seconds: float
    memory: int


@dataclass(frozen=True)
class Plan:
    """How the frames [start, stop) are reached from the keyframes.

    A frame that is no keyframe is in one span when it lies before the first or after the last keyframe, and in two
    between two keyframes: forward from the one before it and backward from the one after it.
    """

    start: int
    stop: int
    spans: tuple[Span, ...]
    windows: tuple[Window, ...]
    estimate: Estimate


def plan(keyframes: Sequence[int], start: int, stop: int, edit_area: int, cost: Cost) -> Plan:
    """Plan the frames [start, stop) around `keyframes`, which rise and lie within it; `edit_area` in pixels a frame."""
    reached = tuple(spans(keyframes, start, stop))
    windows = tuple(window for span in reached for window in windowed(span, cost.window, cost.overlap))
    passed = sum(len(window.frames) for window in windows)
    estimate = Estimate(
        frames=sum(len(span.frames) for span in reached),
        seconds=passed * (cost.seconds_per_frame + cost.seconds_per_pixel * edit_area),
        memory=cost.base_bytes + round(cost.bytes_per_pixel * edit_area),
    )
    return Plan(start, stop, reached, windows, estimate)


def spans(keyframes: Sequence[int], start: int, stop: int) -> Iterator[Span]:
    """Spans before the first keyframe, between neighbours in both directions, after the last; by rising keyframe."""
    edges = [start - 1, *keyframes, stop]
    for before, keyframe, after in zip(edges, edges[1:], edges[2:], strict=False):
        if before + 1 < keyframe:
            yield Span(keyframe, keyframe - 1, before + 1)
        if keyframe + 1 < after:
            yield Span(keyframe, keyframe + 1, after - 1)


def windowed(span: Span, length: int | None, overlap: int) -> Iterator[Window]:
    """Cut `span` into windows of at most `length` frames, each sharing `overlap` (< length) or more with the last."""
    frames = span.frames
    if length is None or len(frames) <= length:
        yield Window(span, frames[0], frames[-1])
        return
    starts = [*range(0, len(frames) - length, length - overlap), len(frames) - length]
    for begin in starts:
        yield Window(span, frames[begin], frames[begin + length - 1])


def weight_before(index: int, before: int, after: int, confidence_before: float, confidence_after: float) -> float:
    """Weight in [0, 1] of what came from keyframe `before` at frame `index` between two keyframes.

    Each side weighs its confidence over its distance; where neither is confident the distances decide alone.
    """
    near, far = confidence_before / (index - before), confidence_after / (after - index)
    if near + far <= 0:
        near, far = 1 / (index - before), 1 / (after - index)
    return near / (near + far)

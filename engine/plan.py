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
    """Frames that a method makes in one pass, every `spacing`-th from `first` to `last` in the span's direction.

    Where a pass has a largest number of frames the keyframe is the first one's first.
    """

    span: Span
    first: int
    last: int
    spacing: int = 1

    @property
    def frames(self) -> range:
        return range(self.first, self.last + self.span.step, self.span.step * self.spacing)


@dataclass(frozen=True)
class Cost:
    """What a method needs on the machine at hand.

    `seconds_per_frame` is paid for every frame of a pass, `seconds_per_pixel` for every pixel of the edit's area in it;
    `bytes_per_pixel` of working memory for every pixel of the edit's area, beside `base_bytes`.
    `window` is the most frames of one pass (None: any number), neighbouring windows share `overlap` frames. Where a
    span takes more than one pass only every second, third … up to every `spacing`-th frame is made in passes, and the
    frames between are filled in for `seconds_between` each.
    """

    seconds_per_frame: float
    seconds_per_pixel: float
    bytes_per_pixel: float = 0
    base_bytes: int = 0
    window: int | None = None
    overlap: int = 0
    spacing: int = 1
    seconds_between: float = 0


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
    windows = tuple(window for span in reached for window in windowed(span, cost))
    passed = sum(len(window.frames) for window in windows)
    painted = sum(len(span.frames) for span in reached)
    between = painted - len({(window.span, frame) for window in windows for frame in window.frames[1:]})
    estimate = Estimate(
        frames=painted,
        seconds=passed * (cost.seconds_per_frame + cost.seconds_per_pixel * edit_area)
        + (0 if cost.window is None else between * cost.seconds_between),
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


def windowed(span: Span, cost: Cost) -> Iterator[Window]:
    """The passes that make `span`: one of all its frames, or several of at most `cost.window` frames, of the smallest
    spacing with which one pass is enough, or else the largest.

    Each window shares `cost.overlap` frames or more with the last. Less than a spacing is left after the last frame.
    """
    if cost.window is None:
        yield Window(span, span.first, span.last)
        return
    reach = len(span.frames)
    spacings = range(1, cost.spacing + 1)
    spacing = next((n for n in spacings if reach // n < cost.window), cost.spacing)
    made = range(span.keyframe, span.last + span.step, span.step * spacing)
    beyond = len(made) - cost.window
    starts = [*range(0, beyond, cost.window - cost.overlap), max(0, beyond)]
    for begin in starts:
        yield Window(span, made[begin], made[min(begin + cost.window, len(made)) - 1], spacing)


def weight_before(index: int, before: int, after: int, confidence_before: float, confidence_after: float) -> float:
    """Weight in [0, 1] of what came from keyframe `before` at frame `index` between two keyframes.

    Each side weighs its confidence over its distance; where neither is confident the distances decide alone.
    """
    near, far = confidence_before / (index - before), confidence_after / (after - index)
    if near + far <= 0:
        near, far = 1 / (index - before), 1 / (after - index)
    return near / (near + far)

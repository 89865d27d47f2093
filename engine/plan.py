"""From keyframes and a range to spans: which frames follow which keyframe, and in which direction."""

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
        return 1 if self.last >= self.first else -1

    @property
    def frames(self) -> range:
        return range(self.first, self.last + self.step, self.step)

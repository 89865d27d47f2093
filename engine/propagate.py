"""The main job: a clip, an edit and settings go in; files and a report come out.

Frames before a keyframe are painted backward and spooled; then the range runs once, forward: frames after a keyframe
are painted as they are decoded, spooled ones join in, and every finished frame goes to the writers.
"""

import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from time import monotonic
from typing import TypeVar

import numpy as np

from engine import report as reports
from engine.composite import flatten, fuse, keyframe_painted, outside_difference, trimmed
from engine.edit import Edit, Keyframe
from engine.errors import ResourceError
from engine.media.clip import Clip, ClipInfo, Frame
from engine.method import Method, Painted, Step
from engine.methods import chosen
from engine.outputs import Composite, Outputs, Target, bytes_needed, targets
from engine.plan import Plan, Span, Window, plan, weight_before
from engine.preview import Previews
from engine.report import Report
from engine.request import Event, OnEvent, Request
from engine.resolve import bounds, resolve
from engine.spool import Spool, bytes_of
from engine.staging import REPORT, Staging

Item = TypeVar("Item")


def propagate(request: Request, on_event: OnEvent, *, method: Method | None = None) -> Report:
    """Run `request` and return what `report.json` says; `method` None: the one that the request names.

    `on_event` is called at least once a frame; what it raises (`Cancelled`) stops the job. Whatever stops it, no
    unfinished file stays, and a previous result in the output folder is as it was. Raises EngineError.
    """
    try:
        return _propagate(request, on_event, method or chosen(request))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ResourceError.disk_full(request.output) from error
        raise
    except MemoryError as error:
        raise ResourceError.memory_full() from error


def _propagate(request: Request, on_event: OnEvent, method: Method) -> Report:
    clock = Stopwatch()
    with ExitStack() as stack:
        with clock("probe"):
            clip = stack.enter_context(Clip.open(request.clip))
            on_event(Event(stage="probe", done=1, total=1))
        with clock("resolve"):
            edit = resolve(request, clip, on_event)
        painted = [trimmed(keyframe_painted(keyframe)) for keyframe in edit.keyframes]
        steps = _planned(request, clip, edit, painted, method)
        start, stop = steps.start, steps.stop
        staging = stack.enter_context(Staging(request.output))
        wanted = targets(request.formats)
        _check_room(staging, wanted, steps, painted, clip.info)
        on_event(Event(stage="plan", done=1, total=1, message=_told(steps)))
        job = Job(clip, edit, steps, method, staging, on_event, clock)
        with Outputs(wanted, staging.folder, clip.info, start, stop) as outputs:
            for composite in job.composites():
                with clock("write"):
                    outputs.put(composite)
            with clock("write"):
                outputs.finish(lambda done, total: on_event(Event(stage="write", done=done, total=total)))
        with clock("sha256"):
            sha256 = clip.sha256()
        report = _report(request, clip.info, sha256, edit, steps, wanted, job, clock)
        reports.write(report, staging.folder / REPORT)
        on_event(Event(stage="write", done=stop - start, total=stop - start))
        staging.publish([*(target.name for target in wanted), REPORT])
        return report


def estimate(request: Request, on_event: OnEvent, *, method: Method | None = None) -> tuple[Plan, Edit]:
    """What running `request` would take, and its edit, with the edited frames found. Writes nothing.

    Raises EngineError.
    """
    method = method or chosen(request)
    with Clip.open(request.clip) as clip:
        edit = resolve(request, clip, on_event)
        painted = [trimmed(keyframe_painted(keyframe)) for keyframe in edit.keyframes]
        return _planned(request, clip, edit, painted, method), edit


def _planned(request: Request, clip: Clip, edit: Edit, painted: Sequence[Painted], method: Method) -> Plan:
    start, stop = bounds(request.range, clip.info.frames)
    area = max(paint.box.area for paint in painted)
    return plan([keyframe.index for keyframe in edit.keyframes], start, stop, area, method.cost(clip.info))


@dataclass
class Job:
    """The frames of one run, in the range's order, and what was measured on the way."""

    clip: Clip
    edit: Edit
    plan: Plan
    method: Method
    staging: Staging
    on_event: OnEvent
    clock: "Stopwatch"
    confident: dict[int, float] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    outside: int = 0

    def __post_init__(self) -> None:
        backward = sum(len(span.frames) for span in self.plan.spans if span.step < 0)
        self._done, self._total = 0, backward + self.plan.stop - self.plan.start
        self._previews = Previews(self.staging.folder)

    def composites(self) -> Iterator[Composite]:
        """Every frame of the range, finished, by rising index."""
        first, source = self.edit.keyframes[0], self.edit.sources[0]
        self._show(flatten(source, keyframe_painted(first)))
        with ExitStack() as stack:
            spools = {
                span.keyframe: stack.enter_context(Spool(self.staging.folder / f"{span.keyframe}.spool"))
                for span in self.plan.spans
                if span.step < 0
            }
            for span in self.plan.spans:
                if span.step < 0:
                    self._fill(spools[span.keyframe], span)
            for frame, painted in self._ascending(spools):
                with self.clock("composite"):
                    painted = trimmed(painted)
                    flat = flatten(frame, painted)
                    self.outside = max(self.outside, outside_difference(frame, flat, painted))
                self.confident[frame.index] = painted.confident_fraction
                self.warnings.update(dict.fromkeys(painted.warnings))
                self._count(flat)
                yield Composite(painted, flat)

    def _ascending(self, spools: dict[int, Spool]) -> Iterator[tuple[Frame, Painted]]:
        frames = self.clip.frames(self.plan.start, self.plan.stop)
        backward = {keyframe: spool.last_first() for keyframe, spool in spools.items()}
        forward = {span.keyframe: span for span in self.plan.spans if span.step > 0}
        keyframes = self.edit.keyframes
        if before := backward.get(keyframes[0].index):
            yield from ((next(frames), painted) for painted in before)
        for number, keyframe in enumerate(keyframes):
            yield next(frames), keyframe_painted(keyframe)
            if span := forward.get(keyframe.index):
                painted_forward = self._painted(span, islice(frames, len(span.frames)))
                if number + 1 == len(keyframes):
                    yield from painted_forward
                else:
                    after = keyframes[number + 1]
                    for (frame, near), far in zip(painted_forward, backward[after.index], strict=True):
                        yield frame, _fused(keyframe, near, after, far)

    def _fill(self, spool: Spool, span: Span) -> None:
        """Paint the whole of a backward span into `spool`."""
        for frame, painted in self._painted(span, self._decoded(span)):
            spool.append(trimmed(painted))
            self._count(frame, painted)

    def _painted(self, span: Span, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Painted]]:
        """The method's work on a span, with the frame that each belongs to."""
        number = next(n for n, keyframe in enumerate(self.edit.keyframes) if keyframe.index == span.keyframe)
        keyframe, source = self.edit.keyframes[number], self.edit.sources[number]
        windows = tuple(window for window in self.plan.windows if window.span == span)
        fed = Fed(frames, windows, lambda skip: self._decoded(span, skip))
        work = self.clock.around("propagate", self.method.propagate(keyframe, source, fed, self._step))
        for index, painted in zip(span.frames, work, strict=True):
            if painted.index != index:
                raise ValueError(f"the method painted frame {painted.index} where frame {index} was due")
            yield fed.take(), painted

    def _decoded(self, span: Span, skip: int = 0) -> Iterator[Frame]:
        """The frames of a span in its order, without the first `skip`."""
        if span.step < 0:
            return self.clip.backward(span.last, span.keyframe - skip)
        return self.clip.frames(span.first + skip, span.last + 1)

    def _step(self, step: Step) -> None:
        """A method that makes many frames at once is one step further."""
        path = None
        if step.preview is not None and self._previews.due():
            path = self._previews.write_rgb(step.preview())
        frame = None if path is None else step.frame
        self.on_event(Event(stage=step.stage, done=step.done, total=step.total, frame=frame, preview=path))

    def _count(self, frame: Frame, painted: Painted | None = None) -> None:
        """One step is done; a preview of it is made when one is due. `painted` is still to be laid over `frame`."""
        self._done += 1
        if self._previews.due():
            self._show(frame if painted is None else flatten(frame, painted))
        else:
            self.on_event(Event(stage="propagate", done=self._done, total=self._total, frame=frame.index))

    def _show(self, flat: Frame) -> None:
        with self.clock("preview"):
            path = self._previews.write(flat)
        self.on_event(Event(stage="propagate", done=self._done, total=self._total, frame=flat.index, preview=path))


class Fed:
    """Frames on their way to a method (see `Footage`), which are kept until the method has painted them."""

    def __init__(
        self, frames: Iterable[Frame], windows: Sequence[Window], decoded: Callable[[int], Iterator[Frame]]
    ) -> None:
        self.windows, self._decoded = windows, decoded
        self._frames = iter(frames)
        self._kept: deque[Frame] = deque()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        frame = next(self._frames)
        self._kept.append(frame)
        return frame

    def ahead(self, skip: int = 0) -> Iterator[Frame]:
        return self._decoded(skip)

    def take(self) -> Frame:
        """The oldest frame that was not taken yet."""
        if not self._kept:
            next(self)
        return self._kept.popleft()


class Stopwatch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = monotonic()
        try:
            yield
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + monotonic() - began

    def around(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """`items`, with the time that making each takes counted to `stage`."""
        source = iter(items)
        while True:
            with self(stage):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item

    def read(self) -> dict[str, float]:
        return {
            stage: round(spent, 3) for stage, spent in (*self._seconds.items(), ("total", monotonic() - self._began))
        }


def _fused(before: Keyframe, near: Painted, after: Keyframe, far: Painted) -> Painted:
    weight = weight_before(near.index, before.index, after.index, near.confident_fraction, far.confident_fraction)
    return fuse(near, far, weight)


def _check_room(
    staging: Staging, wanted: Sequence[Target], steps: Plan, painted: Sequence[Painted], info: ClipInfo
) -> None:
    box = max((paint.box for paint in painted), key=lambda box: box.area)
    needed = bytes_needed(wanted, steps.stop - steps.start, info.size, info.layout, box.area)
    needed += bytes_of(sum(len(span.frames) for span in steps.spans if span.step < 0), box)
    staging.check_room(needed)


def _told(steps: Plan) -> str:
    estimate = steps.estimate
    return f"{estimate.frames} frames to paint, about {estimate.seconds:.0f} s and {estimate.memory / 1e6:.0f} MB"


def _report(
    request: Request,
    info: ClipInfo,
    sha256: str,
    edit: Edit,
    steps: Plan,
    wanted: Sequence[Target],
    job: Job,
    clock: Stopwatch,
) -> Report:
    edited = tuple(
        reports.EditedFrame(frame=keyframe.index, mask_area=float(np.mean(keyframe.mask, dtype=np.float64)))
        for keyframe in edit.keyframes
    )
    sound = [info.audio_note] if info.audio_note else []
    warnings = (*edit.warnings, *job.warnings, *reports.low_confidence(job.confident), *sound, *job.method.notes)
    return Report(
        source=reports.Source(
            sha256=sha256,
            frames=info.frames,
            fps=str(info.fps),
            width=info.size.width,
            height=info.size.height,
            pixel_format=info.pixel_format,
        ),
        range=(steps.start, steps.stop),
        edit=reports.EditSummary(frame=edited[0].frame, mask_area=edited[0].mask_area, keyframes=edited),
        method=request.method,
        settings=request.settings,
        seed=request.seed,
        weights=None if request.weights is None else request.weights.name,
        version=reports.engine_version(),
        timings=clock.read(),
        passes=reports.Passes(**asdict(job.method.passes)),
        quality=reports.Quality(outside_max_abs_diff=job.outside, confident_fraction=job.confident, warnings=warnings),
        outputs=tuple(reports.Output(kind=target.kind, format=target.format, path=target.name) for target in wanted),
    )

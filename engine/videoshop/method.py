"""The `videoshop` method: the edit goes through the video model's own noise (arXiv 2403.14617)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from engine.composite import keyframe_painted
from engine.edit import Keyframe
from engine.errors import ResourceError
from engine.geometry import Box, Size
from engine.media.clip import ClipInfo, Frame
from engine.method import Footage, Method, OnStep, Painted, Step
from engine.plan import Cost, Window, windowed
from engine.request import VideoshopSettings
from engine.videoshop import memory, placement, weights
from engine.videoshop.between import Anchor, woven
from engine.videoshop.cache import TrajectoryCache
from engine.videoshop.chain import chained
from engine.videoshop.devices import resources
from engine.videoshop.pipeline import Micro
from engine.videoshop.region import Region
from engine.videoshop.render import kept_by, over, untouched
from engine.videoshop.run import Made, Run
from engine.videoshop.run import Window as Task
from engine.videoshop.schedule import SIGMA_MAX, Schedule
from engine.videoshop.trace import Trace, traced
from engine.videoshop.viewer import Viewer

CACHE_BYTES = 4 << 30
"""What stored trajectories may take on disk."""

OVERLAP = 4
"""The part of a window's frames, one in this many, that the next one takes over."""

FLOPS_PER_FRAME, SVD_PARAMETERS, SVD_AREA = 3.2e12, 1.52e9, 576 * 1024
"""Operations of one pass for one frame of SVD at its own size, counted on its modules."""

SECONDS_BETWEEN = 0.2
"""Of a frame that is filled in, on two cores."""

RATES = {"cuda": 1e14, "xpu": 2e13, "mps": 5e12, "cpu": 1e11}
"""Operations a second that a device of its kind reaches, to the nearest half order of magnitude."""


class VideoshopMethod(Method):
    """Edits that flow cannot carry: what is new in the frame, changes its shape, casts a shadow."""

    def __init__(self, settings: VideoshopSettings, *, model: Path | None, seed: int, cache: Path) -> None:
        """Raises WeightsError when the model cannot be found or is none of Stable Video Diffusion's."""
        super().__init__()
        self._settings, self._seed = settings, seed
        self._weights = weights.locate(model)
        self._cache = TrajectoryCache(cache, CACHE_BYTES)
        self._loaded: tuple[tuple[int, ...], memory.MemoryPlan, Run] | None = None
        """For windows of a shape (frames, height, width): the plan, and the model laid out by it."""

    def cost(self, info: ClipInfo) -> Cost:
        """Of a first edit at the model's own area; a second one of the same clip takes two thirds of it."""
        free, size = resources(), self._weights.size
        side = max(1, round(self._weights.area**0.5 / self._weights.multiple)) * self._weights.multiple
        plan = memory.plan(free, size, self._weights.frames, side, side)
        work = _passes(self._settings) * FLOPS_PER_FRAME * size.network / SVD_PARAMETERS * self._weights.area / SVD_AREA
        usual = Micro().fps + 1
        return Cost(
            seconds_per_frame=work / RATES[plan.device.type],
            seconds_per_pixel=0,
            base_bytes=plan.estimate.peak,
            window=self._weights.frames,
            overlap=self._overlap,
            spacing=self._settings.spacing or max(1, round(info.nominal_fps / usual)),
            seconds_between=SECONDS_BETWEEN,
        )

    @property
    def _overlap(self) -> int:
        """Frames that a window takes over from the one before."""
        return max(1, self._weights.frames // OVERLAP)

    def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
        """See `Method.propagate`. A scene cut ends the propagation: frames beyond it stay as they are."""
        span = frames.windows[0].span
        trace = traced(keyframe, source, frames.ahead(), len(span.frames), on_step)
        reached = len(trace.outlines) - 1
        windows = frames.windows
        if reached < len(span.frames):
            shorter = replace(span, last=span.keyframe + reached * span.step)
            pace = Cost(0, 0, window=self._weights.frames, overlap=self._overlap, spacing=windows[0].spacing)
            windows = tuple(windowed(shorter, pace)) if reached else ()
        painted = self._painted(keyframe, source, frames, windows, trace, on_step)
        for number, index in enumerate(span.frames):
            made = next(painted) if number < reached else untouched(index)
            yield replace(made, warnings=(*made.warnings, *trace.warnings[number]))
        if self._cache.trouble and self._cache.trouble not in self.notes:
            self.notes.append(self._cache.trouble)

    def _painted(
        self,
        keyframe: Keyframe,
        source: Frame,
        frames: Footage,
        windows: Sequence[Window],
        trace: Trace,
        on_step: OnStep,
    ) -> Iterator[Painted]:
        """The frames up to a cut: those that the model makes, and between them those that are filled in."""
        region = self._region(trace.reach, source.size)
        progress = Progress(on_step, len(windows))
        carries = region.localised and self._settings.free_from < SIGMA_MAX
        links = chained(
            lambda task: self._made(task, progress),
            windows,
            Viewer(keyframe, source, frames, trace, region, carries=carries),
            region.fit.to_model(keyframe.rgb[region.box.slices]),
            region,
        )
        first, kept = Anchor(source, keyframe_painted(keyframe)), kept_by(keyframe, source, region, next(links))
        made = ((abs(link.seen.index - keyframe.index), link) for link in links)
        reached = islice(frames, len(trace.outlines) - 1)
        yield from woven(first, reached, made, lambda frame, link: over(frame, link, region, kept))

    def _region(self, reach: Box, frame: Size) -> Region:
        model = self._weights
        localised = self._settings.region == "mask"
        return Region.around(
            reach, frame, model.area, multiple=model.multiple, factor=model.size.factor, localised=localised
        )

    def _made(self, task: Task, progress: "Progress") -> Made:
        """A window; with less memory at a time where the first plan runs out of it."""
        shape = (task.pixels.shape[0], *task.pixels.shape[2:])
        plan: memory.MemoryPlan | None
        if self._loaded is not None and self._loaded[0] == shape:
            plan = self._loaded[1]
        else:
            plan, self._loaded = memory.plan(resources(), self._weights.size, *shape), None
            self._note(f"Ran on {plan.told}.")
        tried = ""
        while plan is not None:
            tried = plan.told
            try:
                made = self._run(shape, plan).made(task, progress)
                progress.window += 1
                return made
            except Exception as error:
                if not placement.is_out_of_memory(error):
                    raise
            # Outside the handler: the error would keep alive what ran out of room.
            self._note(f"Ran out of memory on {tried}, and went on with less.")
            plan, self._loaded = memory.lighter(plan), None
            placement.release()
        raise ResourceError.device_full(tried)

    def _run(self, shape: tuple[int, ...], plan: memory.MemoryPlan) -> Run:
        """The model, loaded and laid out as `plan` says; for each plan anew, since offloading cannot be undone."""
        if self._loaded is None:
            pipeline = weights.load(self._weights, plan.dtype)
            pipeline.passes = self.passes
            placement.apply(pipeline, plan)
            run = Run(pipeline, self._settings, self._seed, self._weights.identity, plan, self._cache)
            self._loaded = (shape, plan, run)
        return self._loaded[2]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


class Progress:
    """Steps of one window after another, told as those of all."""

    def __init__(self, on_step: OnStep, windows: int) -> None:
        self._on_step, self._windows = on_step, windows
        self.window = 0

    def __call__(self, step: Step) -> None:
        done, total = self.window * step.total + step.done, self._windows * step.total
        self._on_step(replace(step, done=min(done, total), total=total))


def _passes(settings: VideoshopSettings) -> int:
    """Network passes of a first edit."""
    schedule = Schedule.karras(settings.steps, settings.strength)
    guided = 0
    if (settings.guidance_first, settings.guidance_last) != (1, 1):
        guided = sum(settings.guidance_from <= sigma <= settings.guidance_to for sigma in schedule.sigmas[:-1])
    return 2 * schedule.steps + guided

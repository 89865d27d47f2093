"""The `videoshop` method: the edit goes through the video model's own noise (arXiv 2403.14617)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.edit import Keyframe
from engine.errors import EditError, ResourceError, SettingsError
from engine.geometry import Box
from engine.media.clip import Frame
from engine.method import Method, OnStep, Painted
from engine.plan import Cost, Plan
from engine.request import VideoshopSettings
from engine.videoshop import memory, placement, weights
from engine.videoshop.cache import TrajectoryCache
from engine.videoshop.devices import resources
from engine.videoshop.fit import Fit
from engine.videoshop.run import Run

CACHE_BYTES = 4 << 30
"""What stored trajectories may take on disk."""

PASSES = 39
FLOPS_PER_FRAME, SVD_PARAMETERS, SVD_AREA = 3.2e12, 1.52e9, 576 * 1024
"""Operations of one pass for one frame of SVD at its own size, counted on its modules."""

RATES = {"cuda": 1e14, "xpu": 2e13, "mps": 5e12, "cpu": 1e11}
"""Operations a second that a device of its kind reaches, to the nearest half order of magnitude."""


class VideoshopMethod(Method):
    """For ranges of at most the model's frames, edited at their first."""

    def __init__(self, settings: VideoshopSettings, *, model: Path | None, seed: int, cache: Path) -> None:
        """Raises WeightsError when the model cannot be found or is none of Stable Video Diffusion's."""
        super().__init__()
        self._settings, self._seed = settings, seed
        self._weights = weights.locate(model)
        self._cache = TrajectoryCache(cache, CACHE_BYTES)

    @property
    def cost(self) -> Cost:
        """Of a first edit at the model's own area; a second one of the same clip takes two thirds of it."""
        free, size = resources(), self._weights.size
        side = max(1, round(self._weights.area**0.5 / self._weights.multiple)) * self._weights.multiple
        plan = memory.plan(free, size, self._weights.frames, side, side)
        work = PASSES * FLOPS_PER_FRAME * size.network / SVD_PARAMETERS * self._weights.area / SVD_AREA
        return Cost(
            seconds_per_frame=work / RATES[plan.device.type],
            seconds_per_pixel=0,
            base_bytes=plan.estimate.peak,
            window=self._weights.frames,
        )

    def check(self, steps: Plan) -> None:
        """Raises EditError or SettingsError when the keyframe is not the range's first, or the range is too long."""
        if any(span.step < 0 or span.keyframe != steps.start for span in steps.spans):
            raise EditError.keyframe_not_first(steps.start)
        frames = steps.stop - steps.start
        if frames > self._weights.frames:
            raise SettingsError.range_too_long(frames, self._weights.frames)

    def propagate(
        self, keyframe: Keyframe, source: Frame, frames: Iterable[Frame], on_step: OnStep
    ) -> Iterator[Painted]:
        """See `Method.propagate`. The model changes the whole frame, so the matte is 1 everywhere."""
        clip = [np.clip(frame.rgb(), 0, 1) for frame in (source, *frames)]
        fit = Fit.of(source.size, self._weights.area, self._weights.multiple)
        pixels = torch.cat([fit.to_model(rgb) for rgb in clip])
        edited = fit.to_model(keyframe.rgb)
        images = self._made(pixels, edited, on_step)
        matte = np.ones((source.size.height, source.size.width), np.float32)
        if self._cache.trouble:
            self.notes.append(self._cache.trouble)
        for number, image in enumerate(images[1:], start=1):
            yield Painted(source.index + number, Box.full(source.size), fit.to_frame(image), matte, 1.0)

    def _made(self, pixels: Tensor, edited: Tensor, on_step: OnStep) -> list[Tensor]:
        """The edited clip, frame by frame; with less memory at a time where the first plan runs out of it."""
        plan: memory.MemoryPlan | None = memory.plan(resources(), self._weights.size, *_shape(pixels))
        tried = ""
        while plan is not None:
            tried = plan.told
            self.notes.append(f"Ran on {tried}.")
            try:
                return self._run(plan, on_step).made(pixels, edited)
            except Exception as error:
                if not placement.is_out_of_memory(error):
                    raise
            # Outside the handler: the error would keep alive what ran out of room.
            self.notes[-1] = f"Ran out of memory on {tried}, and went on with less."
            plan = memory.lighter(plan)
            placement.release()
        raise ResourceError.device_full(tried)

    def _run(self, plan: memory.MemoryPlan, on_step: OnStep) -> Run:
        """The model, loaded and laid out as `plan` says; for each plan anew, since offloading cannot be undone."""
        pipeline = weights.load(self._weights, plan.dtype)
        pipeline.passes = self.passes
        placement.apply(pipeline, plan)
        return Run(pipeline, self._settings, self._seed, self._weights.identity, plan, self._cache, on_step)


def _shape(pixels: Tensor) -> tuple[int, int, int]:
    """Frames, height, width of (frames, 3, height, width)."""
    frames, _, height, width = pixels.shape
    return frames, height, width

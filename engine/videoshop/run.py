"""One run of Videoshop: resumed where it was stopped, told step by step."""

import hashlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from engine.errors import WeightsError
from engine.method import OnStep, Step
from engine.request import VideoshopSettings
from engine.videoshop.cache import Entry, TrajectoryCache, key_of
from engine.videoshop.fit import LatentView
from engine.videoshop.memory import MemoryPlan
from engine.videoshop.pipeline import Condition, Micro, VideoshopPipeline
from engine.videoshop.stages import Noise, Prepared, Videoshop

TRAJECTORY = ("steps", "threshold", "proxy", "normalisation")
"""Settings that an inversion depends on. Not the strength: a weaker run is the beginning of a stronger one."""


class Run:
    """An edit of one clip with one model and one set of settings.

    Every step of inversion and denoising is stored under a key of all that it depends on, so a second run on the same
    clip finds its inversion, and a run that was stopped goes on where it was.
    """

    def __init__(
        self,
        pipeline: VideoshopPipeline,
        settings: VideoshopSettings,
        seed: int,
        model: str,
        plan: MemoryPlan,
        cache: TrajectoryCache,
        on_step: OnStep,
    ) -> None:
        self._work = Videoshop(
            pipeline, settings, encode_chunk=plan.encode_chunk, batched_guidance=plan.batched_guidance
        )
        self._settings, self._seed, self._model = settings, seed, model
        self._pipeline, self._plan, self._cache, self._on_step = pipeline, plan, cache, on_step
        self._latest = Step("encode", 0, 1)
        pipeline.between = lambda: on_step(self._latest)

    def made(self, pixels: Tensor, edited: Tensor) -> list[Tensor]:
        """The edited clip: images (3, height, width) in [0, 1], from `pixels` (frames, 3, height, width) and the edited
        first frame `edited` (1, 3, height, width)."""
        frames, _, height, width = pixels.shape
        grid = self._pipeline.latent_shape(height, width)
        noise = Noise.drawn(self._seed, frames, height, width, grid)
        chosen = {name: getattr(self._settings, name) for name in TRAJECTORY}
        micro = (Micro().fps, Micro().motion_bucket, Micro().noise_augmentation)
        clip = key_of(
            model=self._model, clip=_digest(pixels), seed=self._seed, micro=micro, dtype=str(self._plan.dtype), **chosen
        )
        edit = key_of(clip=clip, edited=_digest(edited), **self._settings.model_dump())
        with self._cache.entry(clip) as inversion, self._cache.entry(edit) as generation:
            prepared = self._prepared(inversion, pixels, noise)
            view = LatentView(prepared.latents, pixels)
            inverted = self._inverted(inversion, prepared, noise, view)
            generated = self._generated(generation, inverted, edited, noise, view)
        finished = self._work.finish(generated, edited)
        images: list[Tensor] = []
        for part in self._pipeline.decode(finished, chunk=self._plan.decode_chunk):
            images += part
            self._tell(Step("decode", len(images), frames))
        return images

    def _prepared(self, entry: Entry, pixels: Tensor, noise: Noise) -> Prepared:
        names = ("encoded", "latents", "embedding", "condition")
        encoded, latents, embedding, condition = (entry.get(name) for name in names)
        if encoded is None or latents is None or embedding is None or condition is None:
            prepared = self._work.prepare(pixels, noise)
            _finite(prepared.latents, "encode", 0)
            told = prepared.condition
            for name, value in zip(
                names, (prepared.encoded, prepared.latents, told.embedding, told.latents), strict=True
            ):
                entry.put(name, value)
        else:
            prepared = Prepared(encoded, latents, Condition(embedding, condition))
        self._tell(Step("encode", 1, 1))
        return prepared

    def _inverted(self, entry: Entry, clip: Prepared, noise: Noise, view: LatentView) -> Tensor:
        schedule = self._work.schedule
        known = entry.known()[: schedule.steps]
        latents = [clip.latents, *known]
        for x in self._stored(entry, len(known), "invert", self._work.invert(clip, noise, known)):
            latents.append(x)
            self._tell(self._seen("invert", latents[-2:], schedule.sigmas[::-1], len(latents) - 1, view))
        return latents[schedule.steps]

    def _generated(self, entry: Entry, inverted: Tensor, edited: Tensor, noise: Noise, view: LatentView) -> Tensor:
        schedule = self._work.schedule
        known = entry.known()[: schedule.steps]
        latents = [inverted, *known]
        if len(known) < schedule.steps:
            steps = self._work.generate(inverted, edited, noise, known)
            for x in self._stored(entry, len(known), "generate", steps):
                latents.append(x)
                self._tell(self._seen("generate", latents[-2:], schedule.sigmas, len(latents) - 1, view))
        return latents[schedule.steps]

    def _stored(self, entry: Entry, done: int, stage: str, steps: Iterable[Tensor]) -> Iterator[Tensor]:
        for number, x in enumerate(steps, start=done):
            _finite(x, stage, number)
            entry.append(number, x)
            yield x

    def _seen(self, stage: str, pair: list[Tensor], sigmas: tuple[float, ...], done: int, view: LatentView) -> Step:
        """The step, with a picture of the clean latent that the line through the last two latents leads to."""
        before, x = pair
        sigma, reached = sigmas[done - 1], sigmas[done]
        middle = len(x) // 2
        clean = x[middle] - (x[middle] - before[middle]) * (reached / (reached - sigma))
        return Step("invert" if stage == "invert" else "generate", done, len(sigmas) - 1, view(clean))

    def _tell(self, step: Step) -> None:
        self._latest = Step(step.stage, step.done, step.total)
        self._on_step(step)


def _digest(pixels: Tensor) -> str:
    return hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()


def _finite(x: Tensor, stage: str, step: int) -> None:
    if not bool(torch.isfinite(x).all()):
        raise WeightsError.not_finite(stage, step)

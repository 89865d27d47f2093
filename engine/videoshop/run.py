"""One run of Videoshop: resumed where it was stopped, told step by step."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import WeightsError
from engine.method import OnStep, Step
from engine.request import VideoshopSettings
from engine.videoshop.cache import Entry, TrajectoryCache, key_of
from engine.videoshop.fit import Image, LatentView
from engine.videoshop.latents import recoloured
from engine.videoshop.memory import MemoryPlan
from engine.videoshop.pipeline import Condition, Micro, VideoshopPipeline
from engine.videoshop.sampling import Pin
from engine.videoshop.signs import InvertedNoise, of_inversion
from engine.videoshop.stages import Noise, Prepared, Videoshop

TRAJECTORY = ("steps", "threshold", "proxy", "normalisation")
"""Settings that an inversion depends on. Not the strength: a weaker run is the beginning of a stronger one."""


@dataclass(frozen=True)
class Lead:
    """What a window takes over from the one before it: `frames` of latents at every level, the noisiest first."""

    path: tuple[Tensor, ...]
    frames: int

    def pin(self, frames: int) -> Pin:
        """Holds the first of a window's `frames`: the very first wholly, those after it less and less."""
        share = torch.zeros(frames, 1, 1, 1)
        share[: self.frames, 0, 0, 0] = 1 - torch.arange(self.frames) / self.frames
        beyond = (0, 0, 0, 0, 0, 0, 0, frames - self.frames)
        return Pin(share, [torch.nn.functional.pad(x, beyond) for x in self.path])


@dataclass(frozen=True)
class Window:
    """Pictures of a clip to be remade after its first. Those are in [0, 1], sides that the model takes.

    `pixels` (frames, 3, height, width), `edited` (1, 3, height, width) the edited first frame; `inside` (frames, 1, h,
    w) the latents that may change, None for all; `lead` what the window before has made of its first frames. `base`
    are the pictures with the edit as it was carried, if it was, and `held` (frames, 1, h, w) how far they are trusted.
    """

    pixels: Tensor
    edited: Tensor
    inside: Tensor | None = None
    lead: Lead | None = None
    base: Tensor | None = None
    held: Tensor | None = None


@dataclass(frozen=True)
class Made:
    """A window, remade. Images (3, height, width) in [0, 1].

    `images` and what the VAE gives back of those that they began with, `plain`, and of the edited frame, `edited`, to
    tell what it loses of each; these two only where not all latents may change. `path` are the latents at every level,
    the noisiest first; `inverted` is what the clip's own noise looked like.
    """

    images: tuple[Tensor, ...]
    plain: tuple[Tensor, ...]
    edited: Tensor | None
    path: tuple[Tensor, ...]
    inverted: InvertedNoise

    def lead(self, first: int) -> Lead:
        """For a window that begins at this one's frame `first`."""
        return Lead(tuple(x[first:] for x in self.path), len(self.images) - first)


class Run:
    """Windows of one clip, with one model and one set of settings.

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
    ) -> None:
        self._work = Videoshop(
            pipeline, settings, encode_chunk=plan.encode_chunk, batched_guidance=plan.batched_guidance
        )
        self._settings, self._seed, self._model = settings, seed, model
        self._pipeline, self._plan, self._cache = pipeline, plan, cache
        self._on_step: OnStep = lambda step: None
        self._latest = Step("encode", 0, 1)
        pipeline.between = lambda: self._on_step(self._latest)

    def made(self, window: Window, on_step: OnStep) -> Made:
        """The edited window."""
        self._on_step, self._latest = on_step, Step("encode", 0, 1)
        pixels, edited = window.pixels, window.edited
        frames, _, height, width = pixels.shape
        noise = Noise.drawn(self._seed, frames, height, width, self._pipeline.latent_shape(height, width))
        chosen = {name: getattr(self._settings, name) for name in TRAJECTORY}
        micro = (Micro().fps, Micro().motion_bucket, Micro().noise_augmentation)
        clip = key_of(
            model=self._model, clip=_digest(pixels), seed=self._seed, micro=micro, dtype=str(self._plan.dtype), **chosen
        )
        edit = key_of(
            clip=clip,
            edited=_digest(edited),
            inside=None if window.inside is None else _digest(window.inside),
            lead=None if window.lead is None else [_digest(x) for x in window.lead.path],
            base=None if window.base is None or window.held is None else [_digest(window.base), _digest(window.held)],
            **self._settings.model_dump(),
        )
        with self._cache.entry(clip) as inversion, self._cache.entry(edit) as generation:
            prepared = self._prepared(inversion, pixels, noise)
            view = LatentView(prepared.encoded, pixels)
            rising = self._inverted(inversion, prepared, noise, view)
            base = prepared.encoded if window.base is None else self._work.encode(window.base)
            carried = self._work.normalised(base) - prepared.latents
            path = self._generated(generation, rising[::-1], carried, window, noise, view)
        inverted = of_inversion(prepared.latents, rising[-1], self._work.schedule.sigmas[0])
        target = self._pipeline.encode(edited)
        finished = self._work.finish(path[-1], target, window.inside)
        if window.inside is None:
            return Made(self._decoded(finished, frames), (), None, path, inverted)
        if window.held is not None:
            finished = recoloured(finished, base, window.held.to(finished))
        finished = torch.lerp(prepared.encoded, finished, window.inside)
        total = 2 * frames + 1
        images = self._decoded(finished, total)
        plain = self._decoded(base, total, frames)
        (back,) = self._decoded(target, total, 2 * frames)
        return Made(images, plain, back, path, inverted)

    def _decoded(self, latents: Tensor, total: int, done: int = 0) -> tuple[Tensor, ...]:
        images: list[Tensor] = []
        for part in self._pipeline.decode(latents, chunk=self._plan.decode_chunk):
            images += part
            self._tell(Step("decode", done + len(images), total))
        return tuple(images)

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

    def _inverted(self, entry: Entry, clip: Prepared, noise: Noise, view: LatentView) -> tuple[Tensor, ...]:
        """The clip's latents at every level, noise rising."""
        schedule = self._work.schedule
        known = entry.known()[: schedule.steps]
        latents = [clip.latents, *known]
        for x in self._stored(entry, len(known), "invert", self._work.invert(clip, noise, known)):
            latents.append(x)
            self._tell(self._seen("invert", latents[-2:], schedule.sigmas[::-1], len(latents) - 1, view))
        return tuple(latents[: schedule.steps + 1])

    def _generated(
        self,
        entry: Entry,
        falling: tuple[Tensor, ...],
        carried: Tensor,
        window: Window,
        noise: Noise,
        view: LatentView,
    ) -> tuple[Tensor, ...]:
        """The edited latents at every level, from `falling`, the clip's own, to which the base adds `carried`."""
        schedule = self._work.schedule
        known = entry.known()[: schedule.steps]
        pins = [] if window.inside is None else [Pin(1 - window.inside, falling)]
        if window.held is not None:
            free = sum(sigma > self._settings.free_from for sigma in schedule.sigmas)
            pins.append(Pin(window.held, [x + carried for x in falling[:free]]))
        if window.lead is not None:
            pins.append(window.lead.pin(len(window.pixels)))
        start = self._work.start(falling[0], noise, window.inside)
        for pin in pins:
            start = pin(start, 0)
        latents = [start, *known]
        if len(known) < schedule.steps:
            steps = self._work.generate(start, window.edited, noise, known, pins)
            for x in self._stored(entry, len(known), "generate", steps):
                latents.append(x)
                self._tell(self._seen("generate", latents[-2:], schedule.sigmas, len(latents) - 1, view))
        return tuple(latents)

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

        def clean() -> Image:
            return view(x[middle] - (x[middle] - before[middle]) * (reached / (reached - sigma)))

        return Step("invert" if stage == "invert" else "generate", done, len(sigmas) - 1, clean)

    def _tell(self, step: Step) -> None:
        self._latest = Step(step.stage, step.done, step.total)
        self._on_step(step)


def _digest(pixels: Tensor) -> str:
    return hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()


def _finite(x: Tensor, stage: str, step: int) -> None:
    if not bool(torch.isfinite(x).all()):
        raise WeightsError.not_finite(stage, step)

"""Ways to carry an edit through a procedural clip, made of the product's own stages, each measured beside the truth."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from engine.evaluate.metrics.inversion import Noise as Found
from engine.evaluate.metrics.inversion import adjacent_cosine, directions, pair_cosine, round_trip
from engine.evaluate.metrics.likeness import Images, Likeness, psnr
from engine.request import VideoshopSettings
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.region import MARGIN
from engine.videoshop.sampling import Pin, denoise
from engine.videoshop.stages import Noise, Prepared, Videoshop
from tests.benchmarks.inversion import naive
from tests.world.carried import carried, motion, origins
from tests.world.edits import Case


@dataclass(frozen=True)
class Mix:
    """Noise inside the edit: `kept` of what inversion found and √(1 − kept²) of new noise, drawn for each frame or
    carried from the keyframe along the edit's true motion."""

    kept: float
    new: Literal["fresh", "carried"]


@dataclass(frozen=True)
class Variant:
    """A way to carry an edit."""

    settings: VideoshopSettings
    naive: bool = False
    """Whether inversion evaluates the network at the latent at hand, in place of a proxy of the one it seeks."""
    mix: Mix | None = None
    """In place of the settings' noise."""
    anchored: bool = False
    """Whether the keyframe's latents are the edited image's, with the noise of the clip's, at every step."""

    def but(self, **changed: object) -> "Variant":
        """The same with other settings."""
        return replace(self, settings=self.settings.model_copy(update=changed))

    @property
    def held(self) -> bool:
        """Whether latents outside the edit are the clip's own at every step."""
        return self.settings.region == "mask"

    @property
    def inverts(self) -> bool:
        """Whether anything of the inversion is used."""
        return self.held or self.anchored or self.mix is not None or self.settings.noise == "inverted"

    @property
    def inversion(self) -> tuple[object, ...]:
        """What the inversion depends on."""
        s = self.settings
        return (s.steps, s.strength, s.threshold, s.proxy, s.normalisation, self.naive)


@dataclass(frozen=True)
class Rise:
    """An inversion's figures. Round trip and cosines are of latents without guidance."""

    round_trip: float
    """dB, of what denoising makes of its end."""
    std: float
    """Of its noise."""
    alike: float
    """Correlation of its noise with the clip."""
    adjacent: float
    """Mean cosine of a step's direction with the next one's, on the way down."""
    pairs: float
    """The same of all pairs."""
    rising: float
    """That of adjacent ones, on the way up."""


@dataclass(frozen=True)
class Risen:
    """An inversion: its path, rising from the clean latents, and what it took."""

    clip: Prepared
    path: tuple[Tensor, ...]
    passes: int
    seconds: float
    rise: Rise


@dataclass(frozen=True)
class Outcome:
    """What one way made of one case. Figures of pictures leave the keyframe out: it comes back as painted anyway."""

    edit: Likeness
    identity: float
    """PSNR, dB, where the unedited frame is the edit; the VAE alone reaches `Trial.ceiling`."""
    identity_inside: float
    passes: tuple[int, int]
    """Of the network: a first edit's, and a second one's of the same clip."""
    seconds: tuple[float, float]
    """Of one core, the same."""
    rise: Rise | None
    pictures: Tensor


class Trial:
    """One case on one model; inversions are kept for all the variants that share them."""

    def __init__(self, pipeline: VideoshopPipeline, case: Case, seed: int) -> None:
        self.pipeline, self.case = pipeline, case
        self.source, self.truth = (_pictures(torch.from_numpy(clip)) for clip in (case.frames, case.edited))
        self.matte, self.whole = (torch.from_numpy(matte)[:, None] for matte in (case.matte, case.whole))
        frames, _, height, width = self.source.shape
        self.noise = Noise.drawn(seed, frames, height, width, pipeline.latent_shape(height, width))
        self._risen: dict[tuple[object, ...], Risen] = {}

    @cached_property
    def inside(self) -> Tensor:
        """The mask (frames, 1, h, w), 0 or 1: latents under the true matte, and the margin that the product gives."""
        factor = self.pipeline.factor
        covered = max_pool2d((self.whole > 0).float(), factor)
        return max_pool2d(covered, 2 * MARGIN + 1, stride=1, padding=MARGIN)

    @cached_property
    def seen(self) -> Tensor:
        """The clip as the VAE alone gives it back."""
        return self._decoded(self.pipeline.encode(self.source))

    @cached_property
    def best(self) -> Tensor:
        """The truth as the VAE alone gives it back."""
        return self._decoded(self.pipeline.encode(self.truth))

    @property
    def ceiling(self) -> tuple[float, float]:
        """PSNR, dB, that an identity edit cannot pass: whole, and inside."""
        return self._identity(self.seen)

    def judged(self, pictures: Tensor) -> Likeness:
        after = slice(self.case.keyframe + 1, None)
        found, truth, source, seen = (images(clip[after]) for clip in (pictures, self.truth, self.source, self.seen))
        return Likeness.of(found, truth, source, seen, self.case.matte[after])

    def run(self, variant: Variant, *, identity: bool = True) -> Outcome:
        work = Videoshop(self.pipeline, variant.settings)
        risen = self._inverted(work, variant) if variant.inverts else None
        began, before = time.process_time(), self.pipeline.passes.network
        pictures = self._generated(work, variant, risen, self.truth[:1])
        seconds, passes = time.process_time() - began, self.pipeline.passes.network - before
        kept = self._identity(self._generated(work, variant, risen, self.source[:1])) if identity else (0.0, 0.0)
        up = (risen.passes, risen.seconds) if risen else (0, 0.0)
        return Outcome(
            self.judged(pictures),
            *kept,
            (up[0] + passes, passes),
            (up[1] + seconds, seconds),
            risen.rise if risen else None,
            pictures,
        )

    def _identity(self, pictures: Tensor) -> tuple[float, float]:
        found, source, edit = images(pictures[1:]), self.case.frames[1:], (self.case.matte[1:] > 0).astype(np.float32)
        return psnr(found, source), psnr(found, source, edit)

    def _inverted(self, work: Videoshop, variant: Variant) -> Risen:
        if variant.inversion not in self._risen:
            self._risen[variant.inversion] = self._inverting(work, variant)
        return self._risen[variant.inversion]

    def _inverting(self, work: Videoshop, variant: Variant) -> Risen:
        clip = work.prepare(self.source, self.noise)
        network = self.pipeline.network(clip.condition, work.micro)
        began, before = time.process_time(), self.pipeline.passes.network
        steps = naive(network, clip.latents, work.schedule) if variant.naive else work.invert(clip, self.noise)
        path = (clip.latents, *steps)
        seconds, passes = time.process_time() - began, self.pipeline.passes.network - before
        down = (path[-1], *denoise(network, path[-1], work.schedule))
        x0, falling, rising = clip.latents.numpy(), [x.numpy() for x in down], [x.numpy() for x in path]
        found = Found.of(rising[-1], x0, work.schedule.sigmas[0])
        ways = directions(falling, work.schedule.sigmas)
        rise = Rise(
            round_trip(falling[-1], x0),
            found.std,
            found.clip,
            adjacent_cosine(ways),
            pair_cosine(ways),
            adjacent_cosine(directions(rising, work.schedule.sigmas[::-1])),
        )
        return Risen(clip, path, passes, seconds, rise)

    def _generated(self, work: Videoshop, variant: Variant, risen: Risen | None, edited: Tensor) -> Tensor:
        latents = risen.path[-1] if risen else self.noise.fresh
        inside = self.inside if variant.held else None
        start = self._start(work, variant, latents, inside)
        pins = tuple(self._pins(variant, risen, edited)) if risen else ()
        *_, generated = work.generate(start, edited, self.noise, pins=pins)
        finished = work.finish(generated, self.pipeline.encode(edited), inside)
        if inside is not None and risen is not None:
            finished = torch.lerp(risen.clip.encoded, finished, inside)
        return self._decoded(finished)

    def _start(self, work: Videoshop, variant: Variant, latents: Tensor, inside: Tensor | None) -> Tensor:
        if variant.mix is None:
            return work.start(latents, self.noise, inside)
        new = self.noise.fresh
        if variant.mix.new == "carried":
            frames, _, height, width = new.shape
            key = self.case.keyframe
            new = carried(new, origins(motion(self.case), frames, key, height, width), key)
        kept = variant.mix.kept
        mixed = kept * latents + sqrt(1 - kept * kept) * work.schedule.sigmas[0] * new
        return mixed if inside is None else torch.lerp(latents, mixed, inside)

    def _pins(self, variant: Variant, risen: Risen, edited: Tensor) -> Iterator[Pin]:
        falling = risen.path[::-1]
        if variant.held:
            yield Pin(1 - self.inside, falling)
        if variant.anchored:
            first = torch.zeros(len(risen.path[0]), 1, 1, 1)
            first[self.case.keyframe] = 1
            moved = self.pipeline.encode(edited) - risen.clip.encoded[self.case.keyframe]
            yield Pin(first, [latents + moved for latents in falling])

    def _decoded(self, latents: Tensor) -> Tensor:
        return torch.cat(list(self.pipeline.decode(latents, chunk=len(latents))))


def _pictures(clip: Tensor) -> Tensor:
    """(frames, height, width, 3) as (frames, 3, height, width)."""
    return clip.permute(0, 3, 1, 2).contiguous()


def images(pictures: Tensor) -> Images:
    """(frames, 3, height, width) as (frames, height, width, 3)."""
    return pictures.permute(0, 2, 3, 1).numpy()


def held_still(trial: Trial) -> Tensor:
    """The painted keyframe in every frame, where the edit is: what an edit that does not move is worth."""
    painted = trial.truth[trial.case.keyframe : trial.case.keyframe + 1]
    return torch.where(trial.matte > 0, painted, trial.seen)

"""One clip with its edit on one model, edited in many ways that share their inversions, each measured."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import nan
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from engine.evaluate.metrics import inversion as runs
from engine.evaluate.metrics.likeness import Images, Likeness, Mattes, psnr
from engine.request import VideoshopSettings
from engine.videoshop.inversion import Network, euler_up
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.region import MARGIN
from engine.videoshop.sampling import Pin, denoise
from engine.videoshop.schedule import Schedule
from engine.videoshop.stages import Noise, Prepared, Videoshop


@dataclass(frozen=True)
class Subject:
    """A clip that begins at its edited frame. Pictures (frames, 3, height, width) in [0, 1], sides that a model takes.

    `edited` (1, 3, height, width) is the painted first frame, `truth` what a perfect propagation makes of all, where
    that is known. `matte` (frames, 1, height, width) is where the edit is seen, `whole` the same were nothing in front.
    """

    name: str
    source: Tensor
    edited: Tensor
    truth: Tensor | None
    matte: Tensor
    whole: Tensor


@dataclass(frozen=True)
class Variant:
    """A way to carry an edit."""

    settings: VideoshopSettings
    naive: bool = False
    """Whether inversion evaluates the network at the latent at hand, in place of a proxy of the one it seeks."""

    def but(self, **changed: object) -> Self:
        """The same with other settings."""
        return replace(self, settings=self.settings.model_copy(update=changed))

    @property
    def held(self) -> bool:
        """Whether latents outside the edit are the clip's own at every step."""
        return self.settings.region == "mask"

    @property
    def inverts(self) -> bool:
        """Whether anything of the inversion is used."""
        return self.held or self.settings.noise == "inverted"

    @property
    def inversion(self) -> tuple[object, ...]:
        """What the inversion depends on."""
        s = self.settings
        return (s.steps, s.strength, s.threshold, s.proxy, s.normalisation, self.naive)

    def start(self, trial: "Trial", work: Videoshop, inverted: Tensor, inside: Tensor | None) -> Tensor:
        """Where denoising starts; `inside` is what of it may differ from `inverted`, None for all."""
        return work.start(inverted, trial.noise, inside)

    def pins(self, trial: "Trial", risen: "Risen", edited: Tensor) -> Iterator[Pin]:
        """What denoising is held to; `edited` (1, 3, height, width) is the keyframe that guides it."""
        if self.held:
            yield Pin(1 - trial.inside, risen.path[::-1])


@dataclass(frozen=True)
class Rise:
    """An inversion's figures. Round trip and cosines are of latents without guidance."""

    round_trip: float
    """dB, of what denoising makes of its end."""
    std: float
    """Of its noise."""
    alike: float
    """Correlation of its noise with the clip."""
    still: float
    """The same of each frame's noise with the next one's."""
    adjacent: float
    """Mean cosine of a step's direction with the next one's, on the way down."""
    pairs: float
    """The same of all pairs."""
    rising: float
    """That of adjacent ones, on the way up."""


@dataclass(frozen=True)
class Risen:
    """An inversion: its path, rising from the clean latents, and what it took; and the path back down."""

    clip: Prepared
    path: tuple[Tensor, ...]
    network: Network
    schedule: Schedule
    passes: int
    seconds: float

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The levels of `down`, falling."""
        return self.schedule.sigmas

    @cached_property
    def down(self) -> tuple[Tensor, ...]:
        return (self.path[-1], *denoise(self.network, self.path[-1], self.schedule))

    @cached_property
    def rise(self) -> Rise:
        x0, noisy = self.clip.latents.numpy(), self.path[-1].numpy()
        falling, rising = ([x.numpy() for x in way] for way in (self.down, self.path))
        ways = runs.directions(falling, self.sigmas)
        noise = runs.Noise.of(noisy, x0, self.sigmas[0])
        return Rise(
            runs.round_trip(falling[-1], x0),
            noise.std,
            noise.clip,
            noise.frames,
            runs.adjacent_cosine(ways),
            runs.pair_cosine(ways),
            runs.adjacent_cosine(runs.directions(rising, self.sigmas[::-1])),
        )


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
    """The same, on the clock."""
    rise: Rise | None
    pictures: Tensor


def naive(network: Network, x0: Tensor, schedule: Schedule) -> Iterator[Tensor]:
    """Inversion with the network evaluated at the latent at hand: what noise extrapolation replaced."""
    x = x0
    for sigma, above in schedule.rising():
        x = euler_up(x, network(x, above), sigma, above)
        yield x


def images(pictures: Tensor) -> Images:
    """Pictures (frames, 3, height, width) as metrics take them."""
    return pictures.permute(0, 2, 3, 1).contiguous().numpy()


def mattes(masks: Tensor) -> Mattes:
    """Masks (frames, 1, height, width) as metrics take them."""
    return masks[:, 0].numpy()


def judged(subject: Subject, found: Images, seen: Images) -> Likeness:
    """`found`, the whole clip, beside the truth, the keyframe left out; `seen` is what it would be without an edit.

    Where the truth is not known, only what is outside the edit is a number.
    """
    source, matte = images(subject.source[1:]), mattes(subject.matte[1:])
    if subject.truth is None:
        return Likeness(nan, nan, psnr(found[1:], source, (matte == 0).astype(np.float32)), nan)
    return Likeness.of(found[1:], images(subject.truth[1:]), source, seen[1:], matte)


def kept(subject: Subject, found: Images) -> tuple[float, float]:
    """PSNR, dB, of `found` beside the source, the keyframe left out: whole, and inside the edit."""
    source = images(subject.source[1:])
    edit = (mattes(subject.matte[1:]) > 0).astype(np.float32)
    return psnr(found[1:], source), psnr(found[1:], source, edit)


class Trial:
    """One subject on one model; inversions are kept for all the variants that share them."""

    def __init__(
        self, pipeline: VideoshopPipeline, subject: Subject, seed: int, *, decode_chunk: int | None = None
    ) -> None:
        """`decode_chunk` None: all frames go through the VAE's decoder at once."""
        self.pipeline, self.subject = pipeline, subject
        self._decode_chunk = decode_chunk
        self.source = subject.source
        frames, _, height, width = self.source.shape
        self.noise = Noise.drawn(seed, frames, height, width, pipeline.latent_shape(height, width))
        self._risen: dict[tuple[object, ...], Risen] = {}

    @cached_property
    def inside(self) -> Tensor:
        """The mask (frames, 1, h, w), 0 or 1: latents under the whole matte, and the margin that the product gives."""
        factor = self.pipeline.factor
        covered = max_pool2d((self.subject.whole > 0).float(), factor)
        return max_pool2d(covered, 2 * MARGIN + 1, stride=1, padding=MARGIN)

    @cached_property
    def seen(self) -> Tensor:
        """The clip as the VAE alone gives it back."""
        return self._decoded(self.pipeline.encode(self.source))

    @property
    def best(self) -> Likeness:
        """What the truth is worth that went through the VAE alone; where it is not known, what the clip is."""
        truth = self.subject.truth
        return self.judged(self.seen if truth is None else self._decoded(self.pipeline.encode(truth)))

    @property
    def ceiling(self) -> tuple[float, float]:
        """PSNR, dB, that an identity edit cannot pass: whole, and inside."""
        return kept(self.subject, images(self.seen))

    def judged(self, pictures: Tensor) -> Likeness:
        """`pictures` beside the truth. Where that is not known, only what is outside the edit is a number."""
        return judged(self.subject, images(pictures), images(self.seen))

    def run(self, variant: Variant, *, identity: bool = True, rise: bool = True) -> Outcome:
        """Edit the clip as `variant` does; `identity`: and once more with the unedited frame as the edit; `rise`: and
        denoise without guidance what it inverted, for the inversion's figures."""
        work = Videoshop(self.pipeline, variant.settings)
        risen = self.inverted(variant) if variant.inverts else None
        began, before = time.perf_counter(), self.pipeline.passes.network
        pictures = self._generated(work, variant, risen, self.subject.edited)
        seconds, passes = time.perf_counter() - began, self.pipeline.passes.network - before
        same = (nan, nan)
        if identity:
            same = kept(self.subject, images(self._generated(work, variant, risen, self.source[:1])))
        up = (risen.passes, risen.seconds) if risen else (0, 0.0)
        return Outcome(
            self.judged(pictures),
            *same,
            (up[0] + passes, passes),
            (up[1] + seconds, seconds),
            risen.rise if risen and rise else None,
            pictures,
        )

    def inverted(self, variant: Variant) -> Risen:
        """The inversion of `variant`, made once."""
        if variant.inversion not in self._risen:
            self._risen[variant.inversion] = self._inverting(Videoshop(self.pipeline, variant.settings), variant)
        return self._risen[variant.inversion]

    def identity(self, variant: Variant) -> float:
        """PSNR, dB, of the clip where the unedited frame is the edit."""
        risen = self.inverted(variant) if variant.inverts else None
        work = Videoshop(self.pipeline, variant.settings)
        return kept(self.subject, images(self._generated(work, variant, risen, self.source[:1])))[0]

    def _inverting(self, work: Videoshop, variant: Variant) -> Risen:
        clip = work.prepare(self.source, self.noise)
        network = self.pipeline.network(clip.condition, work.micro)
        began, before = time.perf_counter(), self.pipeline.passes.network
        steps = naive(network, clip.latents, work.schedule) if variant.naive else work.invert(clip, self.noise)
        path = (clip.latents, *steps)
        seconds, passes = time.perf_counter() - began, self.pipeline.passes.network - before
        return Risen(clip, path, network, work.schedule, passes, seconds)

    def _generated(self, work: Videoshop, variant: Variant, risen: Risen | None, edited: Tensor) -> Tensor:
        latents = risen.path[-1] if risen else self.noise.fresh
        inside = self.inside if variant.held else None
        start = variant.start(self, work, latents, inside)
        pins = tuple(variant.pins(self, risen, edited)) if risen else ()
        *_, generated = work.generate(start, edited, self.noise, pins=pins)
        finished = work.finish(generated, self.pipeline.encode(edited), inside)
        if inside is not None and risen is not None:
            finished = torch.lerp(risen.clip.encoded, finished, inside)
        return self._decoded(finished)

    def _decoded(self, latents: Tensor) -> Tensor:
        return torch.cat(list(self.pipeline.decode(latents, chunk=self._decode_chunk or len(latents))))

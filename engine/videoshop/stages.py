"""Videoshop from pixels to pixels, in stages that a caller drives step by step (paper, figure 2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.request import VideoshopSettings
from engine.videoshop.inversion import invert
from engine.videoshop.latents import normalised, rescaled
from engine.videoshop.pipeline import Condition, Micro, VideoshopPipeline
from engine.videoshop.sampling import Pin, denoise, guided
from engine.videoshop.schedule import Schedule


@dataclass(frozen=True)
class Noise:
    """All that is left to chance: on the conditioning images (1, 3, height, width), the latents' direction, and noise
    (frames, channels, h, w) of deviation 1 to start from in place of what inversion found."""

    source: Tensor
    edited: Tensor
    direction: Tensor
    fresh: Tensor

    @classmethod
    def drawn(cls, seed: int, frames: int, height: int, width: int, latents: tuple[int, int, int]) -> "Noise":
        """Drawn on the CPU from generators of their own, so that devices and resolutions of work do not change it."""

        def normal(stream: int, *shape: int) -> Tensor:
            return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed * 4 + stream))

        image = (1, 3, height, width)
        return cls(normal(0, *image), normal(1, *image), normal(2, frames, *latents), normal(3, frames, *latents))


@dataclass(frozen=True)
class Prepared:
    """A clip ready for inversion: latents (frames, channels, h, w) as they are encoded and as they are normalised, and
    what the network is told of it."""

    encoded: Tensor
    latents: Tensor
    condition: Condition


class Videoshop:
    """One set of settings on one model."""

    def __init__(
        self,
        pipeline: VideoshopPipeline,
        settings: VideoshopSettings,
        micro: Micro | None = None,
        *,
        encode_chunk: int = 4,
        batched_guidance: bool = False,
    ) -> None:
        self.pipeline, self.settings, self.micro = pipeline, settings, micro or Micro()
        self._encode_chunk, self._batched = encode_chunk, batched_guidance
        self.schedule = Schedule.karras(settings.steps, settings.strength, *pipeline.sigmas)

    def prepare(self, frames: Tensor, noise: Noise) -> Prepared:
        """Encode and normalise `frames` (frames, 3, height, width) in [0, 1] (section 3.5)."""
        over = self.settings.normalisation
        condition = self.pipeline.condition(frames[:1], noise.source, self.micro, over=over)
        encoded = self.encode(frames)
        return Prepared(encoded, self.normalised(encoded), condition)

    def encode(self, frames: Tensor) -> Tensor:
        """Latents (frames, channels, h, w) of `frames` (frames, 3, height, width) in [0, 1]."""
        return self.pipeline.encode(frames, chunk=self._encode_chunk)

    def normalised(self, encoded: Tensor) -> Tensor:
        return normalised(encoded, self.settings.normalisation)

    def invert(self, clip: Prepared, noise: Noise, known: Sequence[Tensor] = ()) -> Iterator[Tensor]:
        """The latent after each step of rising noise, without guidance, those after `known`."""
        return invert(
            self.pipeline.network(clip.condition, self.micro),
            clip.latents,
            self.schedule,
            direction=noise.direction.to(clip.latents),
            threshold=self.settings.threshold,
            proxy=self.settings.proxy,
            known=known,
        )

    def start(self, inverted: Tensor, noise: Noise, inside: Tensor | None = None) -> Tensor:
        """Where denoising starts: at `inverted`, or `inside` (frames, 1, h, w) at fresh noise when that is asked."""
        if self.settings.noise == "inverted":
            return inverted
        fresh = self.schedule.sigmas[0] * noise.fresh.to(inverted)
        return fresh if inside is None else torch.lerp(inverted, fresh, inside.to(inverted))

    def generate(
        self, start: Tensor, edited: Tensor, noise: Noise, known: Sequence[Tensor] = (), pins: Sequence[Pin] = ()
    ) -> Iterator[Tensor]:
        """The latent after each step of falling noise, guided by `edited` (1, 3, height, width), held by `pins`."""
        condition = self.pipeline.condition(edited, noise.edited, self.micro)
        settings = self.settings
        scales = torch.linspace(settings.guidance_first, settings.guidance_last, len(start))[:, None, None, None]
        network = guided(
            self.pipeline.network(condition, self.micro),
            self.pipeline.guiding(condition, self.micro, batched=self._batched),
            scales,
            (settings.guidance_from, settings.guidance_to),
        )
        return denoise(network, start, self.schedule, known=known, pins=pins)

    def finish(self, generated: Tensor, edited: Tensor, inside: Tensor | None = None) -> Tensor:
        """Latents with the colours of `edited`, an image's latents (1, channels, h, w), `inside` (frames, 1, h, w)
        or everywhere (section 3.6)."""
        return rescaled(generated, edited, inside) if self.settings.rescale else generated

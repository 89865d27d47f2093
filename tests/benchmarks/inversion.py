"""What inversion loses beside the exact ODE, in worlds whose denoiser is known in closed form.

Errors are root mean squares over the standard deviation of what should have come out. Means over clips ± their spread.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt, tau
from statistics import fmean

import torch
from torch import Tensor

from engine.evaluate.metrics.inversion import correlation, round_trip
from engine.evaluate.trial import naive
from engine.videoshop.inversion import Network, Proxy, invert
from engine.videoshop.latents import Normalisation, normalised, rescaled
from engine.videoshop.sampling import denoise
from engine.videoshop.schedule import Schedule, c_in
from tests.benchmarks.figures import Figures, head, row, told
from tests.engine.videoshop.mixture import STILL, Mixture, carried, scenes

CLIPS = 8
REFERENCE = Schedule.karras(25, 0.55)
"""The released code's: 13 passes up to σ = 15.6."""

NORMALISATIONS: tuple[Normalisation, ...] = ("none", "reference", "paper", "clip")


@dataclass(frozen=True)
class Clip:
    """Latents (frames, channels, height, width), the world that they are of, and chance for the steps that go by it."""

    world: Mixture
    latents: Tensor
    chance: Tensor

    @classmethod
    def drawn(cls, seed: int) -> "Clip":
        """Of a world of its own, and of another kind than the seeds before it."""
        world = scenes(seed)
        latents = world.clips(len(world.means), seed)[seed % len(world.means)]
        generator = torch.Generator().manual_seed(seed)
        return cls(world, latents, torch.randn(latents.shape, generator=generator, dtype=latents.dtype))

    def exact(self, x0: Tensor, schedule: Schedule) -> list[Tensor]:
        """Where the ODE carries `x0`, at each noise level of the schedule, rising."""
        x, below, found = x0, STILL, []
        for sigma in schedule.sigmas[-2::-1]:
            x, below = carried(self.world.denoised, x, below, sigma), sigma
            found.append(x)
        return found

    def astray(self, amount: float) -> Network:
        """The world's network with an error of this root mean square, another one wherever it is evaluated."""
        phase = tau * torch.rand(self.latents.shape, generator=torch.Generator().manual_seed(99)).to(self.latents)
        return lambda x, sigma: (
            self.world.network(x, sigma) + amount * sqrt(2) * torch.sin(20 * c_in(sigma) * x + phase)
        )


@dataclass(frozen=True)
class Way:
    """How inversion guesses the latent that it seeks; without a proxy it takes the one at hand."""

    proxy: Proxy | None
    threshold: float = 0.0

    def __str__(self) -> str:
        return f"{self.proxy}, {self.threshold:g}" if self.proxy else "naive"

    def up(self, network: Network, x0: Tensor, schedule: Schedule, chance: Tensor) -> list[Tensor]:
        """The latent after each step of rising noise."""
        if self.proxy is None:
            return list(naive(network, x0, schedule))
        return list(invert(network, x0, schedule, direction=chance, threshold=self.threshold, proxy=self.proxy))


WAYS = (Way(None), *(Way(proxy, level) for proxy in ("chord", "slope") for level in (1.0, 0.3, 0.06, 0.0)))
RELEASED = Way("chord", 1.0)


def error(found: Tensor, exact: Tensor) -> float:
    """Root mean square of the difference over the standard deviation of `exact`."""
    return float((found - exact).square().mean().sqrt() / exact.std())


@dataclass(frozen=True)
class Loss:
    """Of one inversion and the denoising after it: the latent's error, the error of what comes back, the same in dB."""

    up: float
    back: float
    psnr: float

    @classmethod
    def of(cls, noisy: Tensor, exact: Tensor, clean: Tensor, wanted: Tensor) -> "Loss":
        return cls(error(noisy, exact), error(clean, wanted), round_trip(clean.numpy(), wanted.numpy()))


def cell(losses: list[Loss]) -> str:
    back = told(loss.back for loss in losses)
    return f"{told(loss.up for loss in losses)}; {back}, {fmean(loss.psnr for loss in losses):.1f} dB"


def last(steps: Iterable[Tensor]) -> Tensor:
    *_, x = steps
    return x


def by_steps(clips: list[Clip], strength: float, counts: tuple[int, ...]) -> None:
    schedules = [Schedule.karras(steps, strength) for steps in counts]
    exact = [[clip.exact(clip.latents, schedule)[-1] for clip in clips] for schedule in schedules]
    head(
        f"Strength {strength}: error of the inverted latent; error of the clip that comes back.",
        "proxy, threshold",
        *(
            f"{steps} steps ({schedule.steps} passes, σ {schedule.sigmas[0]:.1f})"
            for steps, schedule in zip(counts, schedules, strict=True)
        ),
    )

    def loss(way: Way | None, clip: Clip, schedule: Schedule, end: Tensor) -> Loss:
        noisy = end if way is None else way.up(clip.world.network, clip.latents, schedule, clip.chance)[-1]
        return Loss.of(noisy, end, last(denoise(clip.world.network, noisy, schedule)), clip.latents)

    for way in (None, *WAYS):
        cells = [
            cell([loss(way, clip, schedule, end) for clip, end in zip(clips, ends, strict=True)])
            for schedule, ends in zip(schedules, exact, strict=True)
        ]
        row(way or "exact ODE", *cells)


def by_noise(clips: list[Clip], exact: list[list[Tensor]]) -> None:
    levels = [(step, sigma) for step, sigma in enumerate(REFERENCE.sigmas[-2::-1]) if sigma > 0.05]
    head(
        "The noise (x − x₀)/σ: standard deviation at each σ, of each channel at the last, correlation with the clip.",
        "proxy, threshold",
        *(f"{sigma:.2g}" for _, sigma in levels),
        "channels",
        "correlation",
    )

    def show(name: object, runs: list[list[Tensor]]) -> None:
        noises = [
            [(run[step] - clip.latents) / sigma for step, sigma in levels]
            for run, clip in zip(runs, clips, strict=True)
        ]
        channels = torch.stack([noise[-1].std((0, 2, 3)) for noise in noises]).mean(0)
        alike = told(
            (correlation(noise[-1].numpy(), clip.latents.numpy()) for noise, clip in zip(noises, clips, strict=True)), 2
        )
        spread = (f"{fmean(float(noise[level].std()) for noise in noises):.2f}" for level in range(len(levels)))
        row(name, *spread, " ".join(f"{float(value):.2f}" for value in channels), alike)

    show("exact ODE", exact)
    for way in WAYS:
        show(way, [way.up(clip.world.network, clip.latents, REFERENCE, clip.chance) for clip in clips])


def by_normalisation(clips: list[Clip]) -> None:
    """Normalised clips are not of the world that the network knows; the exact ODE starts from them all the same."""
    ways = (RELEASED, Way("chord", 0.06), Way("slope", 0.06), Way("slope", 0.0))
    head(
        "Normalised: error of the inverted latent; error of the clip that comes back, rescaled to its own first frame.",
        "normalisation",
        *ways,
    )
    for over in NORMALISATIONS:
        starts = [normalised(clip.latents, over) for clip in clips]
        ends = [clip.exact(start, REFERENCE)[-1] for clip, start in zip(clips, starts, strict=True)]

        def loss(way: Way, clip: Clip, start: Tensor, end: Tensor) -> Loss:
            noisy = way.up(clip.world.network, start, REFERENCE, clip.chance)[-1]
            clean = last(denoise(clip.world.network, noisy, REFERENCE))
            return Loss.of(noisy, end, rescaled(clean, clip.latents[:1]), clip.latents)

        row(over, *(cell([loss(way, *three) for three in zip(clips, starts, ends, strict=True)]) for way in ways))


def by_fault(clips: list[Clip], ends: list[Tensor], amounts: tuple[float, ...]) -> None:
    head(
        "A network that errs, by the root mean square of its error: the same two errors.",
        "proxy, threshold",
        *amounts,
    )

    def loss(way: Way, clip: Clip, end: Tensor, amount: float) -> Loss:
        network = clip.astray(amount)
        noisy = way.up(network, clip.latents, REFERENCE, clip.chance)[-1]
        return Loss.of(noisy, end, last(denoise(network, noisy, REFERENCE)), clip.latents)

    for way in WAYS:
        row(
            way,
            *(
                cell([loss(way, clip, end, amount) for clip, end in zip(clips, ends, strict=True)])
                for amount in amounts
            ),
        )


def ode_errors(clip: Clip, sigma: float) -> tuple[float, float]:
    """Of the reference itself: its change with a quarter of its step, and what these lose up and down again."""
    high = carried(clip.world.denoised, clip.latents, STILL, sigma)
    fine = carried(clip.world.denoised, clip.latents, STILL, sigma, step=0.05)
    return error(high, fine), error(carried(clip.world.denoised, fine, sigma, STILL, step=0.05), clip.latents)


def run() -> int:
    torch.set_num_threads(1)
    began, figures = time.process_time(), Figures()
    clips = [Clip.drawn(seed) for seed in range(CLIPS)]
    exact = [clip.exact(clip.latents, REFERENCE) for clip in clips]
    print(f"{CLIPS} clips of latents {tuple(clips[0].latents.shape)}, each of a world of its own")
    by_steps(clips, 0.55, (10, 13, 15, 25))
    by_steps(clips, 0.75, (15, 25))
    by_noise(clips, exact)
    by_normalisation(clips)
    by_fault(clips, [latents[-1] for latents in exact], (0.05, 0.2))
    print(f"\n{time.process_time() - began:.0f} s of one core\n")
    fine, returned = ode_errors(clips[0], REFERENCE.sigmas[0])
    figures.show("error of the ODE's latent, by its own steps", 1e4 * fine, "e-4", most=1)
    figures.show("error of the ODE, up and down again", 1e4 * returned, "e-4", most=10)
    return figures.end()

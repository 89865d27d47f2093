"""What inversion loses beside the exact ODE, in a world whose denoiser is known in closed form.

Errors are root mean squares over the standard deviation of what should have come out. Means over clips ± their spread.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor

from engine.videoshop.inversion import Network, Proxy, euler_up, invert
from engine.videoshop.latents import Normalisation, normalised, rescaled
from engine.videoshop.sampling import denoise
from engine.videoshop.schedule import Schedule
from tests.benchmarks.figures import Figures
from tests.engine.videoshop.mixture import STILL, Mixture, carried, scenes

CLIPS = 8
STEPS = (10, 11, 15, 25)
STRENGTHS = (0.55, 0.75)
NORMALISATIONS: tuple[Normalisation, ...] = ("none", "reference", "paper", "clip")


@dataclass(frozen=True)
class Way:
    """How inversion guesses the latent that it seeks; `naive` takes the one at hand."""

    proxy: Proxy | None
    threshold: float = 0.0

    def __str__(self) -> str:
        return f"{self.proxy} {self.threshold:g}" if self.proxy else "naive"

    def up(self, network: Network, x0: Tensor, schedule: Schedule, direction: Tensor) -> list[Tensor]:
        """The latent after each step of rising noise."""
        if self.proxy is None:
            return list(naive(network, x0, schedule))
        return list(invert(network, x0, schedule, direction=direction, threshold=self.threshold, proxy=self.proxy))


RELEASED = Way("chord", 1.0)
WAYS = (Way(None), *(Way(proxy, level) for proxy in ("chord", "slope") for level in (1.0, 0.3, 0.06, 0.0)))


@dataclass(frozen=True)
class Clip:
    """A clip's latents, normalised or not, and a Gaussian for the steps that go by chance."""

    latents: Tensor
    direction: Tensor


def naive(network: Network, x0: Tensor, schedule: Schedule) -> Iterator[Tensor]:
    """Inversion with the network evaluated at the latent at hand: what noise extrapolation replaced."""
    x = x0
    for sigma, above in schedule.rising():
        x = euler_up(x, network(x, above), sigma, above)
        yield x


def error(found: Tensor, exact: Tensor) -> float:
    """Root mean square of the difference over the standard deviation of `exact`."""
    return float((found - exact).square().mean().sqrt() / exact.std())


def decibels(found: Tensor, exact: Tensor) -> float:
    """Peak signal-to-noise ratio; the peak is the range of `exact`, as latents have none of their own."""
    return float(20 * torch.log10((exact.max() - exact.min()) / (found - exact).square().mean().sqrt()))


def exact_latents(world: Mixture, x0: Tensor, schedule: Schedule) -> list[Tensor]:
    """Where the ODE carries `x0`, at each noise level of the schedule, rising."""
    x, below, found = x0, STILL, []
    for sigma in schedule.sigmas[-2::-1]:
        x, below = carried(world.denoised, x, below, sigma), sigma
        found.append(x)
    return found


def told(values: list[float], digits: int = 3) -> str:
    return f"{fmean(values):.{digits}f} ± {stdev(values):.{digits}f}"


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(*cells: object) -> None:
    row(*cells)
    row(*["---"] * len(cells))


def by_steps(world: Mixture, clips: list[Clip], strength: float) -> None:
    """Inverted latent against the ODE's, and the clip that the same schedule brings back, for each way and count."""
    schedules = [Schedule.karras(steps, strength) for steps in STEPS]
    exact = [[exact_latents(world, clip.latents, schedule)[-1] for clip in clips] for schedule in schedules]
    print(f"\nstrength {strength}: error of the inverted latent; error of the clip that comes back, and dB\n")
    head(
        "proxy, threshold",
        *(
            f"{steps} steps: {schedule.steps} passes to σ {schedule.sigmas[0]:.1f}"
            for steps, schedule in zip(STEPS, schedules, strict=True)
        ),
    )
    for way in WAYS:
        cells = []
        for schedule, ends in zip(schedules, exact, strict=True):
            up, back, psnr = [], [], []
            for clip, end in zip(clips, ends, strict=True):
                noisy = way.up(world.network, clip.latents, schedule, clip.direction)[-1]
                *_, clean = denoise(world.network, noisy, schedule)
                up.append(error(noisy, end))
                back.append(error(clean, clip.latents))
                psnr.append(decibels(clean, clip.latents))
            cells.append(f"{told(up)}; {told(back)}, {fmean(psnr):.1f} dB")
        row(way, *cells)


def by_noise(world: Mixture, clips: list[Clip], schedule: Schedule) -> None:
    """The noise (x − x₀)/σ: its standard deviation, level by level and by channel, and its likeness to the clip."""
    levels = [sigma for sigma in schedule.sigmas[-2::-1] if sigma > 0.05]
    print("\nstandard deviation of the noise at each σ; at the last by channel, and its correlation with the clip\n")
    head("proxy, threshold", *(f"{sigma:.2g}" for sigma in levels), "channels", "correlation")

    def show(name: object, runs: list[list[Tensor]]) -> None:
        noises = [
            [(x - clip.latents) / sigma for x, sigma in zip(run[-len(levels) :], levels, strict=True)]
            for run, clip in zip(runs, clips, strict=True)
        ]
        last = [run[-1] for run in noises]
        alike = [
            float(torch.corrcoef(torch.stack([noise.flatten(), clip.latents.flatten()]))[0, 1])
            for noise, clip in zip(last, clips, strict=True)
        ]
        channels = torch.stack([noise.std((0, 2, 3)) for noise in last]).mean(0)
        row(
            name,
            *(f"{fmean(float(run[level].std()) for run in noises):.2f}" for level in range(len(levels))),
            " ".join(f"{float(value):.2f}" for value in channels),
            told(alike, 2),
        )

    show("exact ODE", [exact_latents(world, clip.latents, schedule) for clip in clips])
    for way in WAYS:
        show(way, [way.up(world.network, clip.latents, schedule, clip.direction) for clip in clips])


def by_normalisation(world: Mixture, clips: list[Clip], schedule: Schedule) -> None:
    """The same for normalised clips, which are not the world's own; what comes back is rescaled to frame 0 as it was."""
    ways = (RELEASED, Way("chord", 0.06), Way("slope", 0.06), Way("slope", 0.0))
    print("\nnormalised clips: error of the inverted latent; error of the clip that comes back, rescaled, and dB\n")
    head("normalisation", *ways)
    for over in NORMALISATIONS:
        starts = [normalised(clip.latents, over) for clip in clips]
        ends = [exact_latents(world, start, schedule)[-1] for start in starts]
        cells = []
        for way in ways:
            up, back, psnr = [], [], []
            for clip, start, end in zip(clips, starts, ends, strict=True):
                noisy = way.up(world.network, start, schedule, clip.direction)[-1]
                *_, clean = denoise(world.network, noisy, schedule)
                finished = rescaled(clean, clip.latents[:1])
                up.append(error(noisy, end))
                back.append(error(finished, clip.latents))
                psnr.append(decibels(finished, clip.latents))
            cells.append(f"{told(up)}; {told(back)}, {fmean(psnr):.1f} dB")
        row(over, *cells)


def ode_errors(world: Mixture, x0: Tensor, sigma: float) -> tuple[float, float]:
    """Of the reference itself: its change when its steps are halved, and what it loses up to `sigma` and down again."""
    high = carried(world.denoised, x0, STILL, sigma)
    halved = carried(world.denoised, x0, STILL, sigma, step=0.05)
    return error(high, halved), error(carried(world.denoised, high, sigma, STILL), x0)


def run() -> int:
    torch.set_num_threads(1)
    began = time.perf_counter()
    figures, world = Figures(), scenes()
    clips = [
        Clip(x, torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype))
        for seed, x in enumerate(world.clips(CLIPS, seed=1))
    ]
    print(f"{CLIPS} clips of latents {tuple(clips[0].latents.shape)}, one of each kind")
    for strength in STRENGTHS:
        by_steps(world, clips, strength)
    schedule = Schedule.karras(25, 0.55)
    by_noise(world, clips, schedule)
    by_normalisation(world, clips, schedule)
    print()
    halved, returned = ode_errors(world, clips[0].latents, schedule.sigmas[0])
    figures.show("error of the ODE itself, by halving its steps", halved, most=1e-4)
    figures.show("error of the ODE itself, up and down", returned, most=1e-3)
    print(f"{time.perf_counter() - began:.0f} s")
    return figures.end()

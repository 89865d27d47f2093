"""Inversion: from a clip's latents up to noise (paper, section 3.5)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal

from torch import Tensor

from engine.videoshop.schedule import Schedule, c_out, c_skip

Network = Callable[[Tensor, float], Tensor]
"""F: the v-prediction for a latent (frames, channels, height, width) at noise level σ. It scales its input by c_in."""

Proxy = Literal["chord", "slope"]
"""Stand-in for the latent of the next step: on the line through x₀, or on the line of the last step."""


def chord(x0: Tensor, x: Tensor, sigma: float, above: float) -> Tensor:
    """The point at noise level `above` of the straight line from x₀ through x (noise extrapolation)."""
    return x0 + (x - x0) * (above / sigma)


def slope(before: Tensor, x: Tensor, below: float, sigma: float, above: float) -> Tensor:
    """The point at noise level `above` of the straight line through the last two latents."""
    return x + (x - before) * ((above - sigma) / (sigma - below))


def euler_up(x: Tensor, v: Tensor, sigma: float, above: float) -> Tensor:
    """The latent from which the sampler's Euler step, with the network's output `v`, comes down to `x`."""
    step = sigma - above
    return (above * x + step * c_out(above) * v) / (above + step * (1 - c_skip(above)))


def invert(
    network: Network,
    x0: Tensor,
    schedule: Schedule,
    *,
    direction: Tensor,
    threshold: float,
    proxy: Proxy = "chord",
    known: Sequence[Tensor] = (),
) -> Iterator[Tensor]:
    """Yield the latent after each step of rising noise, those after `known`, the first steps' results.

    The sampler's step is implicit when it is run backward, so the network is evaluated at a proxy of the latent that is
    sought. At or below `threshold` the trajectory has no direction yet: the proxy is x₀ with noise along `direction`, a
    Gaussian shaped like x₀, scaled by the spread of x₀.
    """
    trajectory = [x0, *known]
    sigmas = schedule.sigmas[::-1]
    for step, (sigma, above) in islice(enumerate(schedule.rising()), len(known), None):
        x = trajectory[step]
        if sigma <= threshold:
            guess = x0 + above * x0.std() * direction
        elif proxy == "slope" and step > 0:
            guess = slope(trajectory[step - 1], x, sigmas[step - 1], sigma, above)
        else:
            guess = chord(x0, x, sigma, above)
        trajectory.append(euler_up(x, network(guess, above), sigma, above))
        yield trajectory[-1]

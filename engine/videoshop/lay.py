"""The model's pixels over the clip's: at the clip's resolution, with the detail that the VAE loses given back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.image import box_mean

Image = NDArray[np.float32]

UNSEEN, SEEN = 1.5 / 255, 6 / 255
"""Changes up to the first are none, those from the second on are all there."""

LIKE, UNLIKE = 0.06, 0.2
"""What the model makes of carried paint: up to the first difference the same thing, from the second on another."""


@dataclass(frozen=True)
class Remade:
    """One frame of the model's, scaled to the clip's resolution (height, width, 3) R'G'B' in [0, 1].

    `base` is what the model began with, the clip's own frame or that with the edit as it was carried, and `plain` what
    the VAE gives back of it; `image` is what the model made. `matte` (height, width) is where the edit is, `held` where
    it was carried, `soft` how far the model's pixels replace the clip's.
    """

    base: Image
    plain: Image
    image: Image
    matte: Image
    held: Image
    soft: Image


def laid(source: Image, made: Remade, kept: float) -> tuple[Image, Image]:
    """Pixels and matte to lay over `source`. `kept`: the part of the source's fine detail that the edit keeps.

    What the VAE loses of the base, the difference to `plain`, comes on top of the model's pixels: wholly where they
    change nothing, so that grain survives beside the edit; where the model made carried paint into much the same, so
    that the paint stays sharp; and elsewhere within the edit as far as `kept` says.
    """
    change = _difference(made.image, made.plain)
    changed = _ramp(change, UNSEEN, SEEN)
    lost = np.float32(1 - kept) * np.maximum(1 - made.held, _ramp(change, LIKE, UNLIKE))
    share = 1 - made.matte * changed * lost
    rgb = made.image + share[..., None] * (made.base - made.plain)
    carried = _ramp(_difference(made.base, source), UNSEEN, SEEN)
    return np.clip(rgb, 0, 1), made.soft * np.maximum(changed, carried)


def _difference(one: Image, other: Image) -> Image:
    """Of the channel that differs most, around every pixel."""
    return box_mean(np.abs(one - other).max(axis=2), 5)


def _ramp(values: Image, low: float, high: float) -> Image:
    """0 up to `low`, 1 from `high` on."""
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


def detail_kept(source: Image, plain: Image, edited: Image, back: Image, mask: Image) -> float:
    """The part of the source's fine detail that the artist kept, in [0, 1]: all of a recoloured wall's, none of one
    that was painted over.

    Fine detail is what the VAE loses: of `source` beside `plain`, of the `edited` frame beside `back`; images (height,
    width, 3) and the edit's `mask` (height, width). It is the slope of the second on the first, by least squares.
    """
    theirs, own = source - plain, edited - back
    theirs, own = (detail - box_mean(detail, 9) for detail in (theirs, own))
    weight = mask[..., None]
    return float(np.clip((theirs * own * weight).sum() / max(float((theirs**2 * weight).sum()), 1e-9), 0, 1))

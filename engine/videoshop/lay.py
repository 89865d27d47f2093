"""The model's pixels over the clip's: at the clip's resolution, with the detail that the VAE loses given back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.image import box_mean

Image = NDArray[np.float32]

UNSEEN, SEEN = 1.5 / 255, 6 / 255
"""Changes up to the first are none, those from the second on are all there."""


@dataclass(frozen=True)
class Remade:
    """One frame of the model's, scaled to the clip's resolution (height, width, 3) R'G'B' in [0, 1].

    `image` is the edited frame and `plain` the clip's own frame as the VAE gives it back. `matte` (height, width) is
    where the edit is, `soft` how far the model's pixels replace the clip's.
    """

    image: Image
    plain: Image
    matte: Image
    soft: Image


def laid(source: Image, made: Remade, kept: float) -> tuple[Image, Image]:
    """Pixels and matte to lay over `source`. `kept`: the part of the source's fine detail that the edit keeps.

    What the VAE loses of the source, the difference to `plain`, comes on top of the model's pixels: wholly where they
    change nothing, so that grain survives beside the edit, and as far as `kept` says within it.
    """
    change = box_mean(np.abs(made.image - made.plain).max(axis=2), 5)
    changed = np.clip((change - UNSEEN) / (SEEN - UNSEEN), 0, 1)
    share = 1 - made.matte * changed * np.float32(1 - kept)
    rgb = made.image + share[..., None] * (source - made.plain)
    return np.clip(rgb, 0, 1), made.soft * changed


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

"""A span longer than the model: windows one after the other, each taking over the last frames of the one before."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from engine.plan import Window
from engine.videoshop.base import Base
from engine.videoshop.lay import Remade, detail_kept, laid
from engine.videoshop.region import Region
from engine.videoshop.run import Made
from engine.videoshop.run import Window as Task
from engine.videoshop.signs import of_pictures
from engine.videoshop.trace import SURE, Outline

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """A frame of the clip as the model sees it: `pixels` (3, height, width) in [0, 1], and where the edit is: its
    `outline`, and on the same pixels its matte (height, width) and its slack. `base` is the frame with the edit as it
    was carried, None where it was not."""

    index: int
    pixels: Tensor
    outline: Outline
    matte: Image
    slack: float
    base: Base | None = None


@dataclass(frozen=True)
class Link:
    """A frame that the model made: `image`, and `plain`, what the VAE gives back of its base; (3, height, width).

    `plain` is None where all of the frame may change. `back` is, at the keyframe, what the VAE gives back of the edit.
    """

    seen: Seen
    image: Tensor
    plain: Tensor | None
    back: Tensor | None = None
    warnings: tuple[str, ...] = ()
    """Signs that something went wrong, with the first new frame of a window."""


Show = Callable[[Sequence[int], Link | None], Iterable[Seen]]
"""Gives frames of a window by their indices, after the last frame of the window before as it was made."""


def chained(
    make: Callable[[Task], Made], windows: Sequence[Window], show: Show, edited: Tensor, region: Region
) -> Iterator[Link]:
    """Make the frames of `windows`, in order, each once; the first is the keyframe.

    `show` gives those frames of the clip, `edited` (1, 3, height, width) is the edited keyframe. A window begins with
    frames that the one before has made: it is told the first of them for its edited frame, and its latents go over from
    those of the window before to its own.
    """
    known: list[Seen] = []
    before: Made | None = None
    kept = 0.0
    for window, following in zip(windows, [*windows[1:], None], strict=True):
        taken_over = len(known)
        last = None
        if before is not None:
            last = Link(known[-1], before.images[-1], before.plain[-1] if before.plain else None)
        known += show(window.frames[taken_over:], last)
        places = [(seen.matte, seen.slack) for seen in known]
        lead = None
        if before is not None:
            first = len(before.images) - taken_over
            lead, edited = before.lead(first), _condition(known[0], before, first, region, kept)
        pixels = torch.stack([seen.pixels for seen in known])
        made = make(Task(pixels, edited, region.latents(places), lead, *_bases(known, region)))
        if before is None and made.edited is not None:
            original, plain, own, lost = (_image(x) for x in (known[0].pixels, made.plain[0], edited[0], made.edited))
            kept = detail_kept(original, plain, own, lost, known[0].matte)
        shared = 0 if following is None else len(set(window.frames) & set(following.frames))
        signs = _signs(made, known, edited if before is None else None)
        for number, seen in enumerate(known[: len(known) - shared]):
            back = made.edited if before is None and number == 0 else None
            plain_image = made.plain[number] if made.plain else None
            yield Link(seen, made.images[number], plain_image, back, signs if number == 1 else ())
        known, before = known[len(known) - shared :], made


def _bases(known: Sequence[Seen], region: Region) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """The frames of a window with the edit carried over them, and how far their latents are held to that."""
    if not region.localised or all(seen.base is None for seen in known):
        return None, None
    pixels = torch.stack([seen.pixels if seen.base is None else seen.base.pixels for seen in known])
    held = np.stack([_held(seen, region) for seen in known])
    return pixels, avg_pool2d(torch.from_numpy(held)[:, None], region.factor)


def _held(seen: Seen, region: Region) -> Image:
    """How far a frame is held to its base: where the edit was carried, and around it, where it surely is not."""
    if seen.base is None:
        return np.zeros_like(seen.matte)
    near = seen.matte if seen.outline.confident >= SURE else region.near(seen.matte, seen.slack)
    return np.asarray(np.minimum(seen.base.held + 1 - near, 1), np.float32)


def _signs(made: Made, known: Sequence[Seen], edited: Tensor | None) -> tuple[str, ...]:
    """What went wrong with a window, for the artist; `edited` is the keyframe where the window begins with it."""
    pictures = of_pictures(
        list(made.images),
        [seen.pixels for seen in known],
        None if edited is None else edited[0],
        [seen.matte for seen in known],
        [seen.index for seen in known],
    )
    return (*made.inverted.warnings, *pictures.warnings)


def _condition(seen: Seen, made: Made, number: int, region: Region, kept: float) -> Tensor:
    """The edited frame that a window is told of: what the one before made of it, over the clip."""
    if not made.plain:
        return made.images[number][None]
    source, matte = _image(seen.pixels), seen.matte
    base, held = (source, np.zeros_like(matte)) if seen.base is None else (_image(seen.base.pixels), seen.base.held)
    plain, image = _image(made.plain[number]), _image(made.images[number])
    remade = Remade(base, plain, image, matte, held, region.soft(matte, seen.slack))
    rgb, opacity = laid(source, remade, kept)
    whole = source + opacity[..., None] * (rgb - source)
    return torch.from_numpy(whole.astype(np.float32)).permute(2, 0, 1)[None]


def _image(pixels: Tensor) -> Image:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())

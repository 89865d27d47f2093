"""The signs by which a result of Videoshop has failed, measured, and told to the artist (paper, limitations).

A number that is no number at all stops a run where it arises (`WeightsError.not_finite`); what is here lets it go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import WeightsError
from engine.image import Image, box_mean, channels, dilated, mixed, ratio, sample, shrunk, slopes, square, stacked
from engine.motion.fields import DenseFlow
from engine.motion.maps import grid
from engine.motion.picture import Luma

Picture = Image | Tensor
"""R'G'B' in [0, 1]: an array (height, width, 3), or what a model makes, a tensor (3, height, width)."""

Pictures = Sequence[Picture] | Image
"""Frame by frame; also an array (frames, height, width, 3)."""

Mattes = Sequence[Image] | Image
"""The same, (height, width) in [0, 1]."""

JUDGED = 3.0
"""The noise level from which inverted noise is held to its bars: at lower ones the exact one is not white either."""

THIN, THICK = 0.75, 1.25
"""The standard deviations that inverted noise keeps between. In worlds whose ODE is known (tests/benchmarks) the exact
noise has 0.9 to 1, the proxies 0.65 to 1.1, naive inversion 0.5 to 0.8; latents that do not fit the model up to 1.6."""

ALIKE = 0.65
"""The cosine of inverted noise and clip that is too much. In the same worlds it is 0.2 to 0.6 for the exact noise and
0.45 to 0.75 for naive inversion."""

SHIFTED = 4.0
"""Offset of a channel's mean, in 8-bit levels, that is seen as a jump."""

LONG = 384
"""Long side of the pictures that motion and flicker are measured on, pixels."""

STRAY, STRAY_SHARE = 0.3, 0.1
"""How far a background goes astray until it is told: pixels of those pictures, and a part of its own motion."""

FAINT = 1.5
"""The difference in 8-bit levels, of neighbouring pixels or of two pictures, that is taken for nothing."""

SPREAD = 1 / (0.6745 * sqrt(6))
"""The standard deviation of values without memory, to the median size of their second differences."""

TELLING = 0.01
"""The part of a picture that must show something that could be seen to move."""

FLICKER, FLICKER_SHARE = 1.5, 1.5
"""How much brightness flickers until it is told: 8-bit levels beyond the source, and times the source's."""

PATCH = 8
"""Patches of brightness to a short side."""

LEAST = 64
"""The pixels of an edit whose motion can be found: those of one patch that the search compares."""

REACH = 13
"""Side of the window in which one thing's motion may be taken for another's, pixels."""


@dataclass(frozen=True)
class InvertedNoise:
    """The noise (x_T − x₀)/σ that inversion ended at: its size, and what it still knows of the clip."""

    sigma: float
    std: float
    likeness: float
    """Cosine with the clip's latents, the mean over frames, each channel of each frame less its mean."""
    steadiness: float
    """The same of each frame's noise with the next one's: 0 where it is white."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the artist, what is seen and what to do; none where the noise is as it should be."""
        if self.sigma < JUDGED:
            return ()
        said = []
        if self.std < THIN:
            said.append(
                f"The clip left too little noise to work with ({self.std:.2f} of 1), so the result may be dull or"
                " smeared: try `--set proxy=slope` or `--set threshold=0.06`."
            )
        if self.std > THICK:
            said.append(
                f"The clip became more noise than the model expects ({self.std:.2f} of 1), so the result may be harsh"
                " or grainy: try `--set normalisation=none`, or more steps."
            )
        if self.likeness > ALIKE:
            said.append(
                f"The noise still shows the source ({self.likeness:.2f} of 1), so what was there may shine through the"
                " edit: try `--set proxy=slope`, or a higher `--set strength`."
            )
        return tuple(said)


@dataclass(frozen=True)
class ColourShift:
    """What the model made of the edited frame, less what was painted: red, green, blue, in 8-bit levels."""

    offset: tuple[float, float, float]

    @property
    def warnings(self) -> tuple[str, ...]:
        if max(map(abs, self.offset)) <= SHIFTED:
            return ()
        told = ", ".join(
            f"{name} {value:+.0f}" for name, value in zip(("red", "green", "blue"), self.offset, strict=True)
        )
        return (
            f"The edited frame came back with other colours than were painted ({told} of 255), so the edit may jump"
            " beside it: lower the guidance with `--set guidance_first=2`, or keep `--set rescale=true`.",
        )


@dataclass(frozen=True)
class BackgroundMotion:
    """How the result's background moves against the source's, both in pixels of the pictures that were given."""

    astray: float
    """Mean end-point error where it can be told, over all places whose motion could be seen."""
    own: float
    """The source's mean motion there."""
    worst: int
    """The frame after which it is largest."""
    bar: float
    """What `astray` may be at most."""

    @property
    def share(self) -> float:
        """Of the source's own motion; infinite where a still background moves."""
        return self.astray / self.own if self.own else (float("inf") if self.astray else 0.0)

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.astray <= self.bar:
            return ()
        return (
            f"Behind the edit the picture moves otherwise than the source, by {self.astray:.1f} pixels a frame, most at"
            f" frame {self.worst}: give a mask, so that the source stays outside it, or lower the guidance with"
            " `--set guidance_last=2` or the strength with `--set strength=0.4`.",
        )


@dataclass(frozen=True)
class Flicker:
    """How much the brightness of small patches jumps from frame to frame, followed along their motion.

    In 8-bit levels, as the standard deviation of a brightness that has no memory.
    """

    result: float
    source: float
    worst: int
    """The frame at which the result's is largest."""

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.result <= max(self.source + FLICKER, self.source * FLICKER_SHARE):
            return ()
        return (
            f"The edit flickers by {self.result:.1f} levels of 255, the source by {self.source:.1f}, most at frame"
            f" {self.worst}: lower the guidance with `--set guidance_last=2`, or edit one more frame there.",
        )


@dataclass(frozen=True)
class Seen:
    """The signs in a window's pictures. None: nothing there that it could be measured on."""

    colour: ColourShift | None
    background: BackgroundMotion | None
    flicker: Flicker | None

    @property
    def warnings(self) -> tuple[str, ...]:
        signs = (self.colour, self.background, self.flicker)
        return tuple(sentence for sign in signs if sign for sentence in sign.warnings)


def of_inversion(x0: Tensor, noisy: Tensor, sigma: float) -> InvertedNoise:
    """The noise by which `noisy`, the latents (frames, channels, h, w) inverted to noise level `sigma`, leaves `x0`."""
    noise = (noisy.float() - x0.float()) / sigma
    steadiness = _cosine(noise[:-1], noise[1:]) if len(noise) > 1 else 0.0
    return InvertedNoise(sigma, float(noise.std()), _cosine(noise, x0.float()), steadiness)


def of_pictures(
    result: Pictures,
    source: Pictures,
    edited: Picture | None,
    mattes: Mattes | None,
    numbers: Sequence[int] | None = None,
) -> Seen:
    """The signs in one window: `result` as the model made it, before it is laid over `source`, frame by frame.

    `edited` is the painted first frame, None where the window begins elsewhere. `mattes` (height, width) in [0, 1] are
    1 where the edit is; without them the whole picture is taken for edit and background alike. `numbers` are
    the frames' own, in the clip. Raises WeightsError.not_finite for a picture that has no numbers.
    """
    own = range(len(result)) if numbers is None else numbers
    made, given = [_reduced(picture) for picture in result], [_reduced(picture) for picture in source]
    for step, picture in enumerate(made):
        if not np.isfinite(picture).all():
            raise WeightsError.not_finite("decode", step)
    height, width = made[0].shape[:2]
    inside = [_matte(matte, width, height) for matte in mattes] if mattes is not None else None
    ones = np.ones((height, width), np.float32)
    colour = None if edited is None else colour_shift(made[0], _reduced(edited), inside[0] if inside else ones)
    lumas, before = [_luma(picture) for picture in made], [_luma(picture) for picture in given]
    flows, paths = motion(lumas), motion(before)
    scale = width / _width(result[0])
    outside = [1 - matte for matte in inside] if inside else [ones] * len(made)
    return Seen(
        colour,
        background_motion((lumas, flows), (before, paths), outside, own, scale),
        flicker((lumas, flows), (before, paths), inside or [ones] * len(made), own),
    )


def colour_shift(made: Image, painted: Image, weight: Image) -> ColourShift | None:
    """Of two R'G'B' pictures (h, w, 3) in [0, 1], counted where `weight` (h, w) is; None where it is nowhere."""
    total = float(weight.sum(dtype=np.float64))
    if total < 1:
        return None
    r, g, b = ((made - painted).astype(np.float64) * weight[..., None]).sum(axis=(0, 1)) * (255 / total)
    return ColourShift((float(r), float(g), float(b)))


Moving = tuple[Sequence[Image], Sequence[Image]]
"""Luma (h, w) of frames in 8-bit levels, and the motion (h, w, 2) from each to the next in pixels."""


def motion(lumas: Sequence[Image]) -> list[Image]:
    """The motion (h, w, 2) from each of `lumas` (h, w) to the next, blind to light that changes over wide places.

    Where a picture is smooth, a search that saw it would take flicker for motion.
    """
    search = DenseFlow(finest=1)
    side = min(lumas[0].shape) // 4 * 2 + 1
    eight = [cast(Luma, cv2.convertScaleAbs(np.clip(luma - box_mean(luma, side) + 128, 0, 255))) for luma in lumas]
    return [search(previous, current) for previous, current in pairwise(eight)]


def background_motion(
    result: Moving, source: Moving, outside: Sequence[Image], numbers: Sequence[int], scale: float = 1.0
) -> BackgroundMotion | None:
    """Where `outside` (h, w) is 1 in both frames of a pair, and a motion can be seen in result and source.

    Two motions differ only if neither explains the other's picture: where there is nothing to be seen, or only an edge
    along which both lead, any motion is as good as another. `scale` are the pixels of these pictures to one of those
    that figures and sentences are in.
    """
    (lumas, flows), (before, paths) = result, source
    areas, strays, owns = [], [], []
    for step, (found, true) in enumerate(zip(flows, paths, strict=True)):
        seen = _clear(outside[step]) * _clear(outside[step + 1])
        seen *= _textured(lumas[step]) * _textured(before[step])
        off = cv2.magnitude(*channels(found - true))
        told = _worse(lumas[step], lumas[step + 1], true, found) * _worse(before[step], before[step + 1], found, true)
        areas.append(float(seen.sum()))
        strays.append(float((seen * told * off).sum()))
        owns.append(float((seen * cv2.magnitude(*channels(true))).sum()))
    if sum(areas) < TELLING * sum(flow[..., 0].size for flow in flows) or not flows:
        return None
    worst = max(range(len(areas)), key=lambda step: strays[step] / max(areas[step], 1.0))
    astray, own = sum(strays) / sum(areas), sum(owns) / sum(areas)
    bar = max(STRAY, STRAY_SHARE * own)
    return BackgroundMotion(astray / scale, own / scale, numbers[worst], bar / scale)


def flicker(result: Moving, source: Moving, inside: Sequence[Image], numbers: Sequence[int]) -> Flicker | None:
    """Where `inside` (h, w) is 1 in three frames on end along the motion."""
    found, there = _jumps(*result, inside), _jumps(*source, inside)
    if not found or not there:
        return None
    worst = max(found, key=lambda step: found[step])
    # Medians over frames too: a flash is no flicker, nor are two frames whose motion was not found.
    return Flicker(median(found.values()), median(there.values()), numbers[worst])


def _jumps(lumas: Sequence[Image], flows: Sequence[Image], inside: Sequence[Image]) -> dict[int, float]:
    """By middle frame: the second difference of patches' brightness over three frames, as a standard deviation.

    The frames are laid over each other before patches are averaged, so that what is covered in one of them counts in
    none. The median over patches: where the motion is not found it is not taken for flicker.
    """
    height, width = lumas[0].shape
    side = max(4, round(min(height, width) / PATCH / 2)) * 2 + 1
    first = grid(width, height)
    jumps = {}
    for step in range(1, len(lumas) - 1):
        second = first + flows[step - 1]
        third = second + sample(flows[step], second)
        seen = inside[step - 1] * sample(inside[step], second, outside=0) * sample(inside[step + 1], third, outside=0)
        there = seen > 0.5
        if there.sum() < LEAST:
            continue
        bend = lumas[step - 1] - 2 * sample(lumas[step], second) + sample(lumas[step + 1], third)
        cover = there.astype(np.float32)
        patches = ratio(box_mean(bend * cover, side)[there], box_mean(cover, side)[there])
        jumps[step] = float(np.median(np.abs(patches))) * SPREAD
    return jumps


def _cosine(a: Tensor, b: Tensor) -> float:
    """The mean over frames, each channel of each frame less its mean; 0 where there is nothing but the mean."""
    a, b = ((x - x.mean((2, 3), keepdim=True)).flatten(1) for x in (a, b))
    return float(torch.nn.functional.cosine_similarity(a, b).mean())


def _reduced(picture: Picture) -> Image:
    """`picture` as R'G'B' (h, w, 3), its long side at most `LONG`."""
    if isinstance(picture, Tensor):
        planes: Sequence[Image] = [plane.numpy() for plane in picture.detach().float().cpu()]
    else:
        planes = channels(picture)
    height, width = planes[0].shape
    scale = min(1.0, LONG / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return stacked([shrunk(plane, *size) for plane in planes])


def _width(picture: Picture) -> int:
    return picture.shape[2] if isinstance(picture, Tensor) else picture.shape[1]


def _matte(matte: Image, width: int, height: int) -> Image:
    return shrunk(matte, width, height)


def _luma(rgb: Image) -> Image:
    """In 8-bit levels, with Rec. 709's weights."""
    return mixed(rgb, 255 * np.array([[0.2126, 0.7152, 0.0722]]))


def _clear(outside: Image) -> NDArray[np.float32]:
    """1 where nothing of the edit is near enough to lend its motion."""
    return (dilated(1 - outside, square(REACH)) < 0.05).astype(np.float32)


def _textured(luma: Image) -> Image:
    """1 where a motion of a pixel would be seen, else 0; grain is no texture."""
    x, y = slopes(box_mean(luma, 3))
    return (box_mean(x * x + y * y, REACH) > FAINT**2).astype(np.float32)


def _worse(previous: Image, current: Image, this: Image, than: Image) -> Image:
    """1 where the motion `this` leads to another picture and the motion `than` does not, else 0."""
    positions = grid(previous.shape[1], previous.shape[0])
    one, other = (box_mean((sample(current, positions + flow) - previous) ** 2, REACH) for flow in (this, than))
    return (one > 2 * other + FAINT**2).astype(np.float32)

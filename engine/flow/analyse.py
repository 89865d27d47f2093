"""What kind of edit is it, and where: the mask's parts, each carried in its own way."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.flow.transfer import fit_grade
from engine.geometry import Box, Size
from engine.image import box_mean, dilated, eroded, square
from engine.request import Transfer

Image = NDArray[np.float32]
Kind = Literal["appearance", "opaque", "removal"]

APART = 24
"""Painted places closer than this, in pixels of a 1080-line frame, are one part."""

MOST = 6
"""Parts followed one by one; the smallest beyond join their nearest."""


@dataclass(frozen=True)
class Part:
    """A connected place of the edit: its mask (height, width) inside `box` of the keyframe, and its kind."""

    box: Box
    mask: Image
    kind: Kind

    def mask_in(self, box: Box) -> Image:
        """The mask on the grid of a box that holds the part's, 0 around it."""
        mask = np.zeros((box.height, box.width), np.float32)
        left, top = self.box.x - box.x, self.box.y - box.y
        mask[top : top + self.box.height, left : left + self.box.width] = self.mask
        return mask


def parts(edited: Image, source: Image, mask: Image, transfer: Transfer) -> list[Part]:
    """The parts of an edit, the largest first. Images (height, width, 3), mask (height, width), all whole frames."""
    height, width = mask.shape
    reach = max(1, round(APART * height / 1080 / 2)) * 2 + 1
    joined = dilated((mask > 0).astype(np.uint8), square(reach))
    _, labels, stats, centres = cv2.connectedComponentsWithStats(joined, connectivity=8)
    order = sorted(range(1, len(stats)), key=lambda label: -int(stats[label][cv2.CC_STAT_AREA]))
    groups = [[label] for label in order[:MOST]]
    for label in order[MOST:]:
        nearest = min(groups, key=lambda group: float(np.hypot(*(centres[group[0]] - centres[label]))))
        nearest.append(label)
    found = []
    for group in groups:
        own = np.where(np.isin(labels, group), mask, np.float32(0))
        ys, xs = np.flatnonzero(own.max(axis=1)), np.flatnonzero(own.max(axis=0))
        if len(ys) == 0:
            continue
        box = Box.around(int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1, Size(width, height))
        kind = kind_of(edited, source, own, box) if transfer == "auto" else transfer
        found.append(Part(box, np.ascontiguousarray(own[box.slices]), kind))
    return found


def kind_of(edited: Image, source: Image, mask: Image, box: Box) -> Kind:
    """Which kind of change turned `source` into `edited` inside `mask`.

    Appearance when one grade explains nine tenths of the change and half of the result; else removal when the paint
    continues its surroundings and the source did not; else opaque.
    """
    inner = mask[box.slices]
    chosen = inner > 0.5
    if not chosen.any():
        chosen = inner > 0
    before, after = source[box.slices][chosen], edited[box.slices][chosen]
    step = max(1, len(before) // 20000)
    before, after = before[::step], after[::step]
    grade, explained = fit_grade(before, after, np.ones(len(before), np.float32))
    # A flat colour is a grade too, one that leaves nothing of what was there: it explains the change, not the picture.
    left = float(np.square(after - grade(before[None])[0]).mean(axis=0).sum())
    if explained > 0.9 and left < 0.5 * float(after.var(axis=0, dtype=np.float64).sum()):
        return "appearance"
    height, width = mask.shape
    around = box.grown(8, Size(width, height))
    changed = np.abs(edited - source)[around.slices].max(axis=2) * (mask[around.slices] > 0) > 0.04
    inside = eroded(changed.astype(np.uint8), square(3))
    outside = dilated(changed.astype(np.uint8), square(7)) - dilated(changed.astype(np.uint8), square(3))
    jump_edited = _jump(edited[around.slices], inside, outside)
    jump_source = _jump(source[around.slices], inside, outside)
    return "removal" if jump_source > 0.03 and jump_edited < 0.5 * jump_source else "opaque"


def _jump(picture: Image, inside: NDArray[np.uint8], outside: NDArray[np.uint8]) -> float:
    """Mean colour step across the border of a region: local mean just inside against local mean just outside."""
    means = []
    for region in (inside, outside):
        weight = region.astype(np.float32)
        total = box_mean(weight, 9)
        means.append((box_mean(picture * weight[..., None], 9) / np.maximum(total, 1e-3)[..., None], total > 0.02))
    both = means[0][1] & means[1][1] & (outside > 0)
    if not both.any():
        return 0.0
    return float(np.abs(means[0][0] - means[1][0])[both].mean())

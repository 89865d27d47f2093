"""Noise that goes along with an edit's true motion, as paint would (Burgert et al. 2025, by nearest cells)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.world.edits import Case, Insert
from tests.world.scene import Motion

OUT_OF_SIGHT = -1


def motion(case: Case) -> Motion:
    """Of the body that the edit is about."""
    return case.edit.body.motion if isinstance(case.edit, Insert) else case.scene.bodies[case.edit.level].motion


def origins(moved: Motion, frames: int, keyframe: int, height: int, width: int) -> NDArray[np.int64]:
    """For each cell of a grid (frames, height, width), the keyframe's cell, counted in rows, that moved there with the
    body; `OUT_OF_SIGHT` where that lies outside the picture."""
    short = min(height, width)
    room = (width / short, height / short)
    x, y = np.meshgrid((np.arange(width) + 0.5) / short, (np.arange(height) + 0.5) / short)
    there = moved.pose(float(keyframe), room)
    found = np.empty((frames, height, width), np.int64)
    for number in range(frames):
        here = moved.pose(float(number), room)
        turn, grown = there.angle - here.angle, there.radius / here.radius
        dx, dy = (x - here.x) * grown, (y - here.y) * grown
        column = np.floor((there.x + np.cos(turn) * dx - np.sin(turn) * dy) * short + 1e-6).astype(np.int64)
        line = np.floor((there.y + np.sin(turn) * dx + np.cos(turn) * dy) * short + 1e-6).astype(np.int64)
        seen = (column >= 0) & (column < width) & (line >= 0) & (line < height)
        found[number] = np.where(seen, line * width + column, OUT_OF_SIGHT)
    return found


def carried(noise: Tensor, cells: NDArray[np.int64], keyframe: int) -> Tensor:
    """The noise (frames, channels, h, w) of the keyframe carried to every frame; where it comes from outside the
    picture, the frame's own."""
    frames, channels = noise.shape[:2]
    index = torch.from_numpy(cells.reshape(frames, 1, -1))
    moved = noise[keyframe].flatten(1).expand(frames, -1, -1).gather(2, index.clamp(min=0).expand(-1, channels, -1))
    return torch.where(index == OUT_OF_SIGHT, noise.flatten(2), moved).reshape(noise.shape)

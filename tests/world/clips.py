"""Clips of the procedural world for training, each a function of a seed, a stage, a step and its number alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from engine.videoshop.pipeline import Micro
from tests.world.model import Recipe
from tests.world.objectives import Batch
from tests.world.scene import Temper, drawn, frames, speed

TYPICAL_SPEED = 0.028
"""How far things move a frame on average, in short sides: where the motion bucket is the one Videoshop tells."""
RATES = (4, 14)
"""Frames a second of the clips. The world is made for seven, so that things move twice as far between two at 3.5."""
USUAL_RATE = Micro().fps + 1
UNTOLD = 0.5
"""How often the rate and the motion are Videoshop's own numbers, whatever moves: it never tells others."""

HELD_BACK = 99
"""In the place of a stage."""

Key = tuple[int, int, int, int]
"""Step, number of the clip in it, side, frames."""


@dataclass(frozen=True)
class World(Dataset[tuple[Any, ...]]):
    """Clips by key: (frames, 3, side, side) float32 in [0, 1], fps less one, motion bucket."""

    seed: int
    stage: int
    temper: Temper

    def __getitem__(self, key: Key) -> tuple[Any, ...]:
        rng = np.random.default_rng([self.seed, self.stage, *key])
        scene = drawn(rng, temper=self.temper)
        if rng.random() < UNTOLD:
            rate, bucket = USUAL_RATE, Micro().motion_bucket
        else:
            rate = int(rng.integers(RATES[0], RATES[1] + 1))
            moved = speed(scene) * USUAL_RATE / rate
            bucket = round(min(255.0, Micro().motion_bucket * moved / TYPICAL_SPEED))
        times = [number * USUAL_RATE / rate for number in range(key[3])]
        images = frames(scene, times, key[2], key[2]).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(images), np.float32(rate - 1), np.float32(bucket)


def batches(
    recipe: Recipe, seed: int, stage: int, clips: int, first: int, workers: int, lengths: Sequence[int]
) -> Iterator[Batch]:
    """One batch for each step from `first` on, without end, of as many pixels as `clips` of the recipe's have.

    `lengths` are those of the clips, taken in turn, as the recipe's sides are: shorter ones are more.
    """

    def keys() -> Iterator[list[Key]]:
        step = first
        while True:
            side = recipe.sides[step % len(recipe.sides)]
            length = lengths[step % len(lengths)]
            count = max(1, round(clips * recipe.frames / length * (recipe.sides[0] / side) ** 2))
            yield [(step, number, side, length) for number in range(count)]
            step += 1

    sampler: Any = keys()  # keys in the place of indices
    loader = DataLoader(World(seed, stage, recipe.temper), batch_sampler=sampler, num_workers=workers)
    for images, fps, bucket in loader:
        yield Batch(images, fps, bucket)


def held_back(recipe: Recipe, seed: int, count: int, side: int) -> torch.Tensor:
    """Clips that no step trains on: (count, frames, 3, side, side)."""
    world = World(seed, HELD_BACK, recipe.temper)
    return torch.stack([torch.from_numpy(world[(0, number, side, recipe.frames)][0]) for number in range(count)])

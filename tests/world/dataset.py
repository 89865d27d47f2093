"""Held-back cases of the procedural world as a data set with truth: `python -m tests.world.dataset DIR --cases N`.

For the small trained model, which knows this world alone:
`videoshop evaluate ablation --dataset DIR --model tests/assets/world/model`.
"""

import argparse
from pathlib import Path

import numpy as np

from engine.evaluate.suite.build import write
from engine.evaluate.suite.cases import Made
from engine.evaluate.suite.scenes import Edit
from tests.world.edits import KINDS, Case, Kind, drawn_case
from tests.world.scene import CALM

FIRST = 2000
"""The first seed: neither the benchmark's cases, from 0, nor its sweep's, from 1000."""
FRAMES = 24
SAID: dict[Kind, tuple[Edit, str]] = {
    "insert": ("add", "a new body that rides on what is behind it"),
    "recolour": ("appearance", "a body in another ink"),
    "reshape": ("replace", "a body in another shape"),
}
"""The built-in set's name of each kind, and what a person reads of it."""


def made(number: int, side: int, frames: int = FRAMES) -> Case:
    """Case `number`, of each kind in turn, rounded to 8 bits."""
    kind = KINDS[number % len(KINDS)]
    return drawn_case(FIRST + number, kind, frames, side, side, rounded=True, temper=CALM)


def of(case: Case, name: str) -> Made:
    """`case` as the built-in set's are."""
    mask = (np.abs(case.painted - case.frames[0]).max(axis=2) > 0).astype(np.float32)
    edit, says = SAID[case.kind]
    return Made(name, edit, says, tuple(case.frames), {0: case.painted}, {0: mask}, tuple(case.edited))


def write_cases(folder: Path, count: int, side: int) -> None:
    """Write the first `count` cases into `folder`, one folder each."""
    for number in range(count):
        case = made(number, side)
        name = f"{number:03}-{case.kind}"
        write(of(case, name), folder / name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.world.dataset", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--side", type=int, choices=(32, 64), default=32)
    told = parser.parse_args()
    write_cases(told.folder, told.cases, told.side)


if __name__ == "__main__":
    main()

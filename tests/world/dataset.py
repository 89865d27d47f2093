"""Held-back cases of the procedural world as a data set with truth: `python -m tests.world.dataset DIR --cases N`.

For the small trained model, which knows this world alone: `videoshop evaluate ablation --model … --dataset DIR`.
"""

import argparse
from pathlib import Path

from engine.evaluate.suite.build import write
from engine.evaluate.suite.cases import Made
from tests.world.edits import KINDS, Case, Kind, drawn_case
from tests.world.scene import CALM

FIRST = 2000
"""The first seed: neither the benchmark's cases, from 0, nor its sweep's, from 1000."""
FRAMES = 24
SAID: dict[Kind, str] = {
    "insert": "a new body that rides on what is behind it",
    "recolour": "a body in another ink",
    "reshape": "a body in another shape",
}


def made(number: int, side: int, frames: int = FRAMES) -> Case:
    """Case `number`, of each kind in turn, rounded to 8 bits."""
    kind = KINDS[number % len(KINDS)]
    return drawn_case(FIRST + number, kind, frames, side, side, rounded=True, temper=CALM)


def of(case: Case, name: str) -> Made:
    """`case` as the built-in set's are."""
    mask = (abs(case.painted - case.frames[0]).max(axis=2) > 0).astype("float32")
    edit = {"insert": "add", "recolour": "appearance", "reshape": "replace"}[case.kind]
    return Made(name, edit, SAID[case.kind], tuple(case.frames), {0: case.painted}, {0: mask}, tuple(case.edited))  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.world.dataset", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--side", type=int, choices=(32, 64), default=32)
    told = parser.parse_args()
    for number in range(told.cases):
        case = made(number, told.side)
        name = f"{number:03}-{case.kind}"
        write(of(case, name), told.folder / name)


if __name__ == "__main__":
    main()

"""Clips as an attacker, or a broken disk, would have them: of every kind that the engine reads, cut or overwritten."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

HEAD = 2048
"""The bytes at both ends of a file where most containers keep what everything else hangs on."""


def spoilt(clip: Path, folder: Path, seed: str, count: int) -> Iterator[Path]:
    """`count` damaged copies of a clip, one after the other in `folder`; the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        copy = folder / f"{number}" / clip.name
        copy.parent.mkdir(parents=True)
        if clip.is_dir():
            shutil.copytree(clip, copy)
            victims = rng.sample(sorted(copy.iterdir()), 3)
        else:
            shutil.copy(clip, copy)
            victims = [copy]
        for victim in victims:
            data = bytearray(victim.read_bytes())
            victim.write_bytes((_cut, _scattered, _overwritten_head, _overwritten_run)[number % 4](data, rng))
        yield copy
        shutil.rmtree(copy.parent)


def _cut(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.randrange(1, len(data))])


def _scattered(data: bytearray, rng: random.Random) -> bytes:
    """One byte in 500 is another."""
    for _ in range(max(4, len(data) // 500)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _overwritten_head(data: bytearray, rng: random.Random) -> bytes:
    """A few bytes of the head and the tail are others, of those that are most telling as numbers."""
    places = [*range(min(HEAD, len(data))), *range(max(0, len(data) - HEAD), len(data))]
    for place in rng.sample(places, min(12, len(places))):
        data[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(data)


def _overwritten_run(data: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    size = min(rng.randrange(1, 400), len(data) - start)
    data[start : start + size] = rng.randbytes(size)
    return bytes(data)

"""Two results, or two methods on the same edit, beside each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from pydantic import BaseModel, ConfigDict

from engine.errors import SettingsError
from engine.evaluate.cases import COLUMNS, FLAT, LEGEND, Outcome, carried, facts, film, mean, row
from engine.evaluate.cases import Options as Run
from engine.evaluate.dataset import Case
from engine.evaluate.document import Cell, Chart, Document, Item, Line, Section, Table
from engine.evaluate.measure import small
from engine.evaluate.metrics.likeness import Images, difference, psnr, ssim
from engine.evaluate.metrics.motion import motion, warp_errors
from engine.evaluate.metrics.steadiness import flicker
from engine.media.clip import Clip
from engine.request import Event, KeyframeFiles, MethodName, OnEvent
from engine.staging import REPORT

FLATS = (FLAT, "flat", "flat.mp4")
"""What of a result is compared, the first that is there: those without loss before the others."""


class Options(BaseModel):
    """What `evaluate compare` is asked. `a` and `b` are clips, folders of results, or names of methods.

    A method carries `keyframes` through `clip`, its result goes into `output`; else `clip` is the source that results
    are measured by, if it is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: str
    b: str
    output: Path
    clip: Path | None = None
    keyframes: tuple[KeyframeFiles, ...] = ()
    model: Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class Side:
    """One of the two: its name, its clip, and how a method made it."""

    name: str
    clip: Path
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Beside:
    """Two clips frame by frame: PSNR, dB; SSIM; the largest difference, levels."""

    psnr: tuple[float, ...]
    ssim: tuple[float, ...]
    difference: tuple[float, ...]


def run(options: Options, on_progress: OnEvent) -> Document:
    """Compare the two. Raises EngineError, also when a method fails."""
    sides = [side(name, options, on_progress) for name in (options.a, options.b)]
    if sides[0].name == sides[1].name:
        sides = [Side(f"{one.name} {letter}", one.clip, one.outcome) for one, letter in zip(sides, "AB", strict=True)]
    clips = ({"source": options.clip} if options.clip else {}) | {one.name: one.clip for one in sides}
    alike(clips)
    seen = {name: reduced(path) for name, path in clips.items()}
    items: list[Item] = []
    if outcomes := [one.outcome for one in sides if one.outcome]:
        items.append(Table("Each by itself", COLUMNS, tuple(map(row, outcomes)), LEGEND))
    items += _beside(beside(sides[0].clip, sides[1].clip, on_progress), *(one.name for one in sides))
    items.append(_steadiness(seen))
    items.append(film(clips))
    names = " and ".join(one.name for one in sides)
    return Document(f"{names} compared", facts(options.model), (Section("Beside each other", "", tuple(items)),))


def side(name: str, options: Options, on_progress: OnEvent) -> Side:
    """The clip that `name` stands for, made first if it is a method's. Raises EngineError."""
    path = Path(name)
    if path.is_dir() and (path / REPORT).is_file():
        flats = [path / flat for flat in FLATS if (path / flat).exists()]
        if not flats:
            raise SettingsError.no_result(path.name)
        return Side(path.name, flats[0])
    if path.exists():
        return Side(path.name, path)
    for method in get_args(MethodName):
        if name == method:
            return _made(method, options, on_progress)
    raise SettingsError.no_result(path.name)


def _made(method: MethodName, options: Options, on_progress: OnEvent) -> Side:
    if options.clip is None or not options.keyframes:
        raise SettingsError.edit_needed(method)
    case = Case(options.clip.stem, options.clip, options.keyframes)
    chosen = Run(folder=options.output, output=options.output, method=method, model=options.model, seed=options.seed)
    on_progress(Event(stage="plan", done=0, total=1, message=method))
    outcome = carried(case, method, chosen, on_progress)
    if outcome.fault is not None:
        raise outcome.fault
    return Side(method, outcome.folder / FLAT, outcome)


def alike(clips: dict[str, Path]) -> None:
    """Raises SettingsError.not_alike unless all have as many frames, as large, and ClipError."""
    told: dict[tuple[object, int], str] = {}
    for name, path in clips.items():
        with Clip.open(path) as clip:
            info = clip.info
        told.setdefault((info.size, info.frames), f"{name} has {info.frames} frames of {info.size}")
    if len(told) > 1:
        raise SettingsError.not_alike(*list(told.values())[:2])


def beside(one: Path, other: Path, on_progress: OnEvent) -> Beside:
    """Two clips as `alike` wants them. Raises ClipError."""
    found: list[tuple[float, float, float]] = []
    with Clip.open(one) as first, Clip.open(other) as second:
        for a, b in zip(first.frames(), second.frames(), strict=True):
            pair = a.rgb()[None], b.rgb()[None]
            found.append((psnr(*pair), ssim(*pair), difference(*pair)))
            on_progress(Event(stage="probe", done=a.index + 1, total=first.info.frames, frame=a.index))
    return Beside(*zip(*found, strict=True))


def reduced(path: Path) -> Images:
    """A clip's pictures, small. Raises ClipError."""
    with Clip.open(path) as clip:
        return np.stack([small(frame.rgb()) for frame in clip.frames()])


def _beside(found: Beside, one: str, other: str) -> Iterator[Item]:
    worst = int(np.argmax(found.difference))
    rows: tuple[tuple[Cell, ...], ...] = (
        ("PSNR, dB", mean(found.psnr), min(found.psnr)),
        ("SSIM", mean(found.ssim), min(found.ssim)),
        ("largest difference, levels", mean(found.difference), found.difference[worst]),
    )
    note = f"The largest difference is in frame {worst}; 100 dB, 1 and 0 are those of equal pictures."
    yield Table(f"{one} beside {other}", ("", "mean of all frames", "worst frame"), rows, note)
    frames = tuple(range(len(found.psnr)))
    yield Chart("How alike they are", "frame", "PSNR, dB", (Line(f"{one} beside {other}", frames, found.psnr),))


def _steadiness(seen: dict[str, Images]) -> Table:
    true = motion(seen["source"]) if "source" in seen else None
    rows: list[tuple[Cell, ...]] = []
    for name, images in seen.items():
        along = true or motion(images)
        rows.append((name, flicker(images, along), mean(warp_errors(images, along))))
    along_what = "the source's motion" if true else "its own motion"
    note = (
        f"Of the whole picture, at 320 pixels, along {along_what}. Warp error: how much a frame differs from the last."
    )
    return Table("Steadiness", ("", "flicker, levels", "warp error, levels"), tuple(rows), note)

"""Where the methods hold: faster motion, a busier background, other sizes, flickering light (paper, limitations)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean, stdev

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from engine.edit import Keyframe
from engine.evaluate import product
from engine.evaluate.cases import facts
from engine.evaluate.document import Cell, Chart, Document, Line, Picture, Section, Table
from engine.evaluate.metrics.likeness import Images, Likeness
from engine.evaluate.perform import MODEL_OPTION
from engine.evaluate.pixels import frame_of, laid_over
from engine.evaluate.sheet import sheet
from engine.evaluate.subjects import Bench, Options, chosen, subject
from engine.evaluate.trial import Outcome, Subject, Trial, images, judged, mattes
from engine.evaluate.ways import DEFAULT
from engine.flow.method import FlowMethod
from engine.request import OnEvent
from engine.videoshop import weights

SPEEDS = (1, 2, 3)
CROWDS = (0, 6, 12, 24)
SIZES = (0.5, 0.75, 1.0, 1.5)
FLICKERS = (0.0, 0.05, 0.1, 0.2)
AXES: Mapping[str, tuple[str, Sequence[float]]] = {
    "Fast motion": ("every so manyth frame", SPEEDS),
    "Complex background": ("discs that move their own ways behind the edit", CROWDS),
    "Resolution": ("times the clip's sides", SIZES),
    "Flicker": ("most change of brightness from frame to frame", FLICKERS),
}
"""What each is counted in, and its values; where it is 1, 1 or 0, and 0, the clip is as it was."""
UNCHANGED = {"Fast motion": 1, "Complex background": 0, "Resolution": 1.0, "Flicker": 0.0}
RADII = (0.04, 0.1)
"""Of the discs, in short sides."""
PACE = 0.03
"""How far they move a frame at most, in short sides."""
TEXT = (
    "The same edits on the same clips, made harder in one way at a time, source and truth alike. Three carry them: the "
    f"video model with the default settings, its pictures as they come; the whole method; and flow. {product.SAYS}"
)
LEGEND = (
    "Inside: PSNR beside the truth where the edit is seen, the keyframe left out. Identity edit: how far the clip that "
    "comes back from the unedited frame lies below what the VAE alone gives back. Means over clips."
)

Place = tuple[str, float]
"""An axis and a value on it."""


@dataclass(frozen=True)
class Found:
    """One clip at one place: the model, the whole method and flow beside the truth, the model's loss by the identity
    edit, dB, and what they made."""

    model: Likeness
    whole: Likeness
    flow: Likeness
    lost: float
    pictures: Mapping[str, Images]


MODEL = "the model alone"
WAYS: Mapping[str, Callable[[Found], Likeness]] = {
    MODEL: lambda found: found.model,
    product.NAME: lambda found: found.whole,
    "flow": lambda found: found.flow,
}
"""By what a table calls them."""


def run(options: Options, on_progress: OnEvent) -> Document:
    """Try the methods on clips that are made harder, one way at a time. Raises EngineError."""
    model = weights.locate(options.model, MODEL_OPTION)
    places, about = list[Place](), list[Subject]()
    with chosen(options) as cases:
        for case in cases:
            plain = subject(case, model)
            for place in _places():
                axis, value = place
                step = int(value) if axis == "Fast motion" else 1
                made = subject(case, model, step) if step > 1 else harder(plain, axis, value, model.multiple)
                places.append(place)
                about.append(made)
    whole = product.each(about, model, options.seed, on_progress, identity=False)
    alone = Bench.of(options.model).each(about, options.seed, _tried, on_progress)
    found: dict[Place, list[Found]] = {}
    for place, one, outcome, tried in zip(places, about, whole, alone, strict=True):
        found.setdefault(place, []).append(_found(one, outcome, *tried))
    for axis, value in UNCHANGED.items():
        found[axis, value] = found[places[0]]
    told = facts(options.model) | {"clips": ", ".join(case.name for case in cases)}
    sections = [_section(axis, found) for axis in AXES]
    return Document("Where it holds", told, (Section("Generalization", TEXT, (_table(found),)), *sections))


def _places() -> list[Place]:
    """The unchanged clip, then every place at which it is changed."""
    changed = [(axis, value) for axis, (_, values) in AXES.items() for value in values if value != UNCHANGED[axis]]
    return [next(iter(UNCHANGED.items())), *changed]


def harder(plain: Subject, axis: str, value: float, multiple: int) -> Subject:
    """`plain` at one place of an axis other than that of motion; sizes are rounded to `multiple` pixels."""
    if axis == "Resolution":
        return resized(plain, value, multiple)
    if axis == "Flicker":
        gain = 1 + value * np.random.default_rng(1).uniform(-1, 1, len(plain.source)).astype(np.float32)
        gain[0] = 1
        light = torch.from_numpy(gain)[:, None, None, None]
        return changed(plain, lambda clip: (clip * light[: len(clip)]).clamp(0, 1))
    if axis == "Complex background":
        frames, _, height, width = plain.source.shape
        colours, cover = crowd(int(value), height, width, frames)
        share = cover * (1 - plain.whole)
        return changed(plain, lambda clip: torch.lerp(clip, colours[: len(clip)], share[: len(clip)]))
    return plain


def changed(plain: Subject, change: Callable[[Tensor], Tensor]) -> Subject:
    """`plain` with its clips, all of which begin at the keyframe, put through `change`."""
    truth = None if plain.truth is None else change(plain.truth)
    return replace(plain, source=change(plain.source), edited=change(plain.edited), truth=truth)


def resized(plain: Subject, times: float, multiple: int) -> Subject:
    """`plain` at another size; where a pixel is partly of the edit it is of the edit."""
    sides = [max(multiple, round(side * times / multiple) * multiple) for side in plain.source.shape[2:]]

    def to(clip: Tensor) -> Tensor:
        return interpolate(clip, sides, mode="bicubic", antialias=True).clamp(0, 1)

    made = changed(plain, to)
    matte, whole = ((to(mask) > 0.02).float() for mask in (plain.matte, plain.whole))
    return replace(made, matte=matte, whole=whole)


def crowd(count: int, height: int, width: int, frames: int) -> tuple[Tensor, Tensor]:
    """Discs that each move their own way: colours (frames, 3, height, width) and cover (frames, 1, height, width)."""
    rng = np.random.default_rng(2)
    short = min(height, width)
    x, y = np.meshgrid((np.arange(width) + 0.5) / short, (np.arange(height) + 0.5) / short)
    room = np.array([width / short, height / short])
    colours, cover = np.zeros((frames, height, width, 3)), np.zeros((frames, height, width, 1))
    for _ in range(count):
        start, way = rng.uniform(0, 1, 2) * room, rng.uniform(-PACE, PACE, 2)
        radius, colour = rng.uniform(*RADII), rng.uniform(0.1, 0.9, 3)
        for number in range(frames):
            at = (start + way * number) % room
            away = np.hypot(x - at[0], y - at[1]) - radius
            alpha = np.clip(0.5 - away * short, 0, 1)[..., None]
            colours[number] += alpha * (colour - colours[number])
            cover[number] += alpha * (1 - cover[number])
    first, second = (torch.from_numpy(part).permute(0, 3, 1, 2).float() for part in (colours, cover))
    return first / second.clamp(min=1e-6), second


def _tried(trial: Trial) -> tuple[Outcome, float, Images]:
    """What the model alone makes of it, what it loses by the identity edit, dB, and what flow makes of it."""
    outcome = trial.run(DEFAULT, rise=False)
    return outcome, trial.ceiling[0] - outcome.identity, flow(trial.subject)


def _found(about: Subject, whole: Outcome, alone: Outcome, lost: float, carried: Images) -> Found:
    source = images(about.source)
    shown = {"source": source} | ({} if about.truth is None else {"truth": images(about.truth)})
    shown |= {MODEL: images(alone.pictures), product.NAME: images(whole.pictures), "flow": carried}
    return Found(alone.edit, whole.edit, judged(about, carried, source), lost, shown)


def flow(about: Subject) -> Images:
    """The edit as `flow` carries it, laid over the clip."""
    source, edited = images(about.source), images(about.edited)[0]
    frames = [frame_of(number, image) for number, image in enumerate(source)]
    keyframe = Keyframe(0, edited, mattes(about.matte)[0])
    return laid_over(source, edited, FlowMethod().propagate(keyframe, frames[0], frames[1:]))


def _table(found: Mapping[Place, Sequence[Found]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            axis,
            float(value),
            *(_mean([way(one).inside for one in found[axis, value]]) for way in WAYS.values()),
            *(_mean([way(one).iou for one in found[axis, value]]) for way in WAYS.values()),
            _mean([one.lost for one in found[axis, value]]),
        )
        for axis, (_, values) in AXES.items()
        for value in values
    ]
    columns = (
        *("axis", "value", *(f"{name}: inside, dB" for name in WAYS), *(f"{name}: IoU" for name in WAYS)),
        "identity edit below the VAE, dB",
    )
    return Table("Every place", columns, tuple(rows), LEGEND)


def _section(axis: str, found: Mapping[Place, Sequence[Found]]) -> Section:
    label, values = AXES[axis]
    of = [found[axis, value] for value in values]
    inside = Chart(
        f"{axis}: inside the edit",
        label,
        "PSNR, dB",
        tuple(_line(name, values, [[way(one).inside for one in here] for here in of]) for name, way in WAYS.items()),
    )
    lost = [[one.lost for one in here] for here in of]
    identity = Chart(f"{axis}: identity edit", label, "below the VAE, dB", (_line(MODEL, values, lost),))
    hardest = Picture(f"The first clip at {values[-1]:g}", sheet(of[-1][0].pictures))
    return Section(axis, "", (inside, identity, hardest))


def _line(name: str, values: Sequence[float], figures: Sequence[Sequence[float]]) -> Line:
    spread = tuple(stdev(here) if len(here) > 1 else 0.0 for here in figures)
    return Line(name, tuple(map(float, values)), tuple(map(_mean, figures)), spread)


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if isfinite(value)]
    return fmean(kept) if kept else float("nan")

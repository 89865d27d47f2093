"""What the extrapolation threshold and the proxy do: how much of a clip comes back, and at what cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from engine.evaluate.cases import facts
from engine.evaluate.document import Cell, Chart, Document, Line, Section, Table
from engine.evaluate.metrics.inversion import round_trip
from engine.evaluate.subjects import Bench, Options, subjects
from engine.evaluate.trial import Rise, Trial, Variant
from engine.evaluate.ways import DEFAULT
from engine.request import OnEvent
from engine.videoshop.sampling import denoise
from engine.videoshop.schedule import RHO, Schedule
from engine.videoshop.stages import Videoshop

THRESHOLDS = (0.0, 0.3, 1.0, 3.0)
FINER = 4
"""Times as many steps on the way back, so that errors of the way up cannot cancel."""
WHOLE = DEFAULT.but(region="frame")
"""The whole picture goes through the model, so that all of it is measured."""
PROXIES = ("chord", "slope")
WAYS: dict["Key", Variant] = {
    **{(p, threshold): WHOLE.but(proxy=p, threshold=threshold) for p in PROXIES for threshold in THRESHOLDS},
    None: replace(WHOLE, naive=True),
}
COLUMNS = (
    *("proxy", "threshold, σ", "round trip, dB", f"by {FINER}× the steps, dB", "identity edit, dB"),
    *("below the VAE alone, dB", "noise", "with the clip", "with the next frame", "passes", "seconds"),
)
TEXT = (
    "At or below the threshold, a noise level, inversion does not extrapolate and goes by chance. The chord proxy is "
    "the paper's noise extrapolation; the slope proxy goes on along the last step. The released code has the chord and "
    "1. Naive inversion has no proxy and no threshold."
)
LEGEND = (
    "Round trip: PSNR of latents that were inverted and denoised without guidance, over their range, by the same steps "
    f"and by {FINER} times as many. Identity edit: PSNR of the clip where the unedited frame is the edit, with "
    "guidance, and how far that is below what the VAE alone reaches. Noise: its standard deviation, its correlation "
    "with the clip, and of one frame's with the next one's; white noise has 1, 0 and 0. Passes and seconds are those "
    "of inversion. Means over clips."
)


Key = tuple[str, float] | None
"""A proxy and a threshold; None: neither."""


@dataclass(frozen=True)
class Found:
    """Of one inversion: its figures, its round trip by the finer schedule, dB, and an identity edit with it."""

    rise: Rise
    finer: float
    identity: float
    below: float
    """How far that is below the VAE alone, dB."""
    passes: int
    seconds: float


Swept = dict[Key, Found]


def run(options: Options, on_progress: OnEvent) -> Document:
    """Sweep the threshold with both proxies. Raises EngineError."""
    bench = Bench.of(options.model)
    about = subjects(options, bench.model)
    found = bench.each(about, options.seed, _tried, on_progress)
    table = Table("The sweep", COLUMNS, tuple(_row(key, [one[key] for one in found]) for key in WAYS), LEGEND)
    charts = (
        _chart("Round trip", "PSNR, dB", found, lambda one: one.rise.round_trip),
        _chart(f"Round trip by {FINER} times the steps", "PSNR, dB", found, lambda one: one.finer),
        _chart("Identity edit", "PSNR, dB", found, lambda one: one.identity),
    )
    told = facts(options.model) | {"clips": ", ".join(subject.name for subject in about)}
    return Document("The extrapolation threshold", told, (Section("Threshold and proxy", TEXT, (table, *charts)),))


def _tried(trial: Trial) -> Swept:
    ceiling, _ = trial.ceiling
    found: Swept = {}
    for key, way in WAYS.items():
        risen, identity = trial.inverted(way), trial.identity(way)
        work = Videoshop(trial.pipeline, way.settings)
        network = trial.pipeline.network(risen.clip.condition, work.micro)
        *_, back = denoise(network, risen.path[-1], finer(work.schedule))
        again = round_trip(back.numpy(), risen.clip.latents.numpy())
        found[key] = Found(risen.rise, again, identity, ceiling - identity, risen.passes, risen.seconds)
    return found


def finer(schedule: Schedule) -> Schedule:
    """`schedule` with every step parted in `FINER`, evenly as Karras' levels are: in σ to the power of 1/ρ."""
    power = 1 / RHO
    levels = [
        (sigma**power + part / FINER * (below**power - sigma**power)) ** RHO
        for sigma, below in schedule.falling()
        for part in range(FINER)
        if below or not part  # the last step, to the clean latent, is one
    ]
    return Schedule((*levels, 0.0))


def _row(key: Key, found: Sequence[Found]) -> tuple[Cell, ...]:
    proxy, threshold = key or ("naive", None)
    rises = [one.rise for one in found]
    return (
        proxy,
        threshold,
        fmean(rise.round_trip for rise in rises),
        fmean(one.finer for one in found),
        fmean(one.identity for one in found),
        fmean(one.below for one in found),
        fmean(rise.std for rise in rises),
        fmean(rise.alike for rise in rises),
        fmean(rise.still for rise in rises),
        found[0].passes,
        fmean(one.seconds for one in found),
    )


def _chart(title: str, y: str, found: Sequence[Swept], of: Callable[[Found], float]) -> Chart:
    lines = []
    for proxy in PROXIES:
        columns = [[of(one[proxy, threshold]) for one in found] for threshold in THRESHOLDS]
        lines.append(Line(proxy, THRESHOLDS, tuple(map(fmean, columns)), tuple(map(_spread, columns))))
    column = [of(one[None]) for one in found]
    ends = THRESHOLDS[0], THRESHOLDS[-1]
    lines.append(Line("naive", ends, (fmean(column),) * 2, (_spread(column),) * 2))
    return Chart(title, "threshold, σ", y, tuple(lines), note="Means over clips ± their spread.")


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0

"""Figures and their bars, printed alike by every benchmark."""

from collections.abc import Iterable
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray


class Figures:
    """Prints each figure beside its bar and remembers whether all were met."""

    def __init__(self) -> None:
        self.missed = 0

    def show(
        self, what: str, value: float, unit: str = "", *, least: float | None = None, most: float | None = None
    ) -> None:
        bar = f"≥ {least:g}" if least is not None else f"≤ {most:g}" if most is not None else ""
        met = (least is None or value >= least) and (most is None or value <= most)
        self.missed += not met
        verdict = "" if not bar else f"   bar {bar} {unit}: {'met' if met else 'MISSED'}"
        print(f"{what:58} {value:9.3f} {unit}{verdict}", flush=True)

    def end(self) -> int:
        """The exit code: 1 when a bar was missed."""
        print(f"{self.missed} missed" if self.missed else "all bars met")
        return int(self.missed > 0)


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio, dB, of two images in [0, 1]; 100 when they are equal."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float(10 * np.log10(1 / max(error, 1e-10)))


def told(values: Iterable[float], digits: int = 3) -> str:
    """Mean ± spread."""
    kept = list(values)
    return f"{fmean(kept):.{digits}f} ± {stdev(kept):.{digits}f}"


def head(title: str, *cells: object) -> None:
    """The beginning of a table as RESULTS.md has them."""
    print(f"\n{title}\n")
    row(*cells)
    row(*["---"] * len(cells))


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)

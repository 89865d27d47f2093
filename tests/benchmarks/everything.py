"""All benchmarks that need nothing but this repository, one after the other, and what they printed in RESULTS.md.

`--only NAME`, as often as wanted: those alone. What was measured by hand, and why a figure is what it is, stands above
the place that this replaces.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGINS = "<!-- The last run of all, written by `python -m tests.benchmarks`. -->"

RUNS: dict[str, tuple[str, ...]] = {
    "flow": (),
    "peers": (),
    "propagate": (),
    "locate": (),
    "videoshop": ("--cases", "1"),
    "length": ("--cases", "1"),
    "passes": (),
    "cost": (),
    "bridge": (),
}
"""By name, with what they are told so that all of them take less than an hour on two cores."""


@dataclass(frozen=True)
class Run:
    """One benchmark: what it printed, how it ended, and the seconds it took."""

    name: str
    words: tuple[str, ...]
    printed: str
    code: int
    seconds: float


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=RUNS, help="this one alone; more than once: these")
    asked = parser.parse_args(sys.argv[1:])
    runs = []
    for name in asked.only or RUNS:
        print(f"{name} …", flush=True)
        runs.append(ran(name, RUNS[name]))
        print(runs[-1].printed, flush=True)
    text = with_runs(RESULTS.read_text("utf-8"), section(runs, machine(), datetime.now(UTC)))
    partial = RESULTS.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(RESULTS)
    return max(run.code for run in runs)


def ran(name: str, words: tuple[str, ...]) -> Run:
    """A process of its own, so that none leaves the next one its memory."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.benchmarks", name, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return Run(name, words, done.stdout.strip(), done.returncode, time.monotonic() - began)


def machine() -> str:
    """Of this computer what its figures depend on, in words."""
    model = platform.processor()
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        names = [line.partition(":")[2].strip() for line in listed.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    threads = f", OMP_NUM_THREADS={told}" if (told := os.environ.get("OMP_NUM_THREADS")) else ""
    return (
        f"{os.cpu_count()} processors ({model or platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}{threads}{load}"
    )


def section(runs: Sequence[Run], machine: str, when: datetime) -> str:
    """The runs as Markdown."""
    parts = [f"## The last run of all, {when:%Y-%m-%d}", f"{machine}."]
    for each in runs:
        command = " ".join(("python -m tests.benchmarks", each.name, *each.words))
        verdict = "" if each.code == 0 else "; not every bar was met" if each.code == 1 else "; it failed"
        parts.append(f"`{command}`, {each.seconds:.0f} s{verdict}\n\n```\n{each.printed}\n```")
    return "\n\n".join(parts) + "\n"


def with_runs(text: str, section: str) -> str:
    """The results with `section` in place of the last run's, at the end."""
    return f"{text.partition(BEGINS)[0].rstrip()}\n\n{BEGINS}\n\n{section}"

"""The frozen app: its size, its start, and its pixels beside those from source; `--build` makes it first (minutes).

The archive in dist/ is unpacked beside an empty home directory, and run with no Python on the PATH.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import psutil

from bridge_server.demo.run import ASSETS
from installer.product import ARCHIVE_BYTES, ID, ROOT, UNPACKED_BYTES, file_name, version
from tests.benchmarks.figures import Figures
from tests.benchmarks.life import life
from tests.end_to_end.command import COMMAND

STARTS = 5
LISTENING_SECONDS = 1.0
HEAVY = ("cv2", "numpy", "/av/", "av.libs")


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks frozen")
    parser.add_argument("--build", action="store_true", help="run installer/build.py first")
    parser.add_argument("--archive", type=Path, default=ROOT / "dist" / file_name("linux", ".tar.xz"))
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    options = parser.parse_args(sys.argv[2:])
    if options.build:
        subprocess.run([sys.executable, str(ROOT / "installer" / "build.py")], check=True)
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with tarfile.open(options.archive) as tar:
            tar.extractall(place, filter="data")
        app = place / f"{ID}-{version()}"
        if options.only in (None, "size"):
            figures.show("archive", options.archive.stat().st_size / 1e6, "MB", most=ARCHIVE_BYTES / 1e6)
        for name, part in PARTS.items():
            if options.only in (None, name):
                part(figures, app, place)
    return figures.end()


def size(figures: Figures, app: Path, place: Path) -> None:
    files = [path for path in app.rglob("*") if path.is_file() and not path.is_symlink()]
    figures.show("unpacked", sum(path.stat().st_size for path in files) / 1e6, "MB", most=UNPACKED_BYTES / 1e6)


def start(figures: Figures, app: Path, place: Path) -> None:
    """From the start of `videoshop serve` to its word that it listens; cold: none of the app's files in memory."""
    home, command = empty(place / "start"), app / "videoshop"
    os.sync()
    for path in app.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    cold = serve(command, home)
    warm = [serve(command, home) for _ in range(STARTS)]
    source = [serve(COMMAND, home) for _ in range(STARTS)]
    if loaded := [name for name in HEAVY for one in (cold, *warm) if name in one.maps]:
        raise RuntimeError(f"the frozen service loads {loaded}")
    figures.show("listening after a cold start", cold.seconds, "s", most=LISTENING_SECONDS)
    figures.show("listening after a warm start (median)", median(warm, "seconds"), "s", most=LISTENING_SECONDS)
    figures.show("listening after a start from source (median)", median(source, "seconds"), "s")
    figures.show("processor time until then, frozen (median)", median(warm, "processor"), "s")
    figures.show("processor time until then, from source (median)", median(source, "processor"), "s")
    figures.show("resident memory of the idle service (median)", median(warm, "resident"), "MB", most=45)


@dataclass(frozen=True)
class Start:
    """`seconds` until it listens, the `processor`'s seconds by then, MB `resident` a second later, files in `maps`."""

    seconds: float
    processor: float
    resident: float
    maps: str


def median(starts: Sequence[Start], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in starts))


def serve(program: Path, home: Path) -> Start:
    began = time.perf_counter()
    command = [str(program), "serve", "--port", "0"]
    with subprocess.Popen(command, env=bare(home), cwd=home, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - began
            if not line.startswith("Listening on"):
                raise RuntimeError(f"{program} does not listen")
            seen = psutil.Process(process.pid)
            times = seen.cpu_times()
            time.sleep(1)
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            return Start(seconds, times.user + times.system, seen.memory_info().rss / 1e6, maps)
        finally:
            process.terminate()


def pixels(figures: Figures, app: Path, place: Path) -> None:
    """`demo` by the app in an empty home, and from source: the same frames; so for FFV1 and PNG."""
    home = empty(place / "pixels")
    asked = [
        (["demo", "--output"], "demo"),
        (
            [
                *("propagate", str(ASSETS / "box.mp4"), "--edited", str(ASSETS / "box_edited.png"), "--frame", "20"),
                *("--mask", str(ASSETS / "box_mask.png"), "--format", "mkv,png", "--output"),
            ],
            "propagate",
        ),
    ]
    for words, name in asked:
        began = time.perf_counter()
        subprocess.run([str(app / "videoshop"), *words, str(home / name)], env=bare(home), cwd=home, check=True)
        figures.show(f"{name} by the app", time.perf_counter() - began, "s")
        subprocess.run([str(COMMAND), *words, str(place / "source" / name)], check=True, stdout=subprocess.DEVNULL)
    made = {path.relative_to(home) for path in home.rglob("*") if path.suffix in {".mp4", ".mov", ".mkv", ".png"}}
    unlike = [path for path in sorted(made) if differ(home / path, place / "source" / path)]
    figures.show("files of pixels compared", len(made), "", least=10)
    figures.show(f"of them with other pixels than from source {unlike}", len(unlike), "", most=0)


def differ(ours: Path, theirs: Path) -> bool:
    """Whether two files have other frames; files of the same bytes have the same."""
    if hashlib.sha256(ours.read_bytes()).digest() == hashlib.sha256(theirs.read_bytes()).digest():
        return False
    pairs = zip(frames(ours), frames(theirs), strict=True)
    return any(not np.array_equal(a.to_ndarray(), b.to_ndarray()) for a, b in pairs)


def frames(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def whole(figures: Figures, app: Path, place: Path) -> None:
    """`doctor` with a service that runs, and what it says of the engine that the app starts by itself."""
    home = empty(place / "whole")
    command = [str(app / "videoshop"), "serve", "--port", "0"]
    with subprocess.Popen(command, env=bare(home), cwd=home, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            words = [str(app / "videoshop"), "doctor", "--json"]
            told = json.loads(subprocess.run(words, env=bare(home), cwd=home, capture_output=True, text=True).stdout)
        finally:
            process.terminate()
    states = {check["name"]: check["state"] for check in told["checks"]}
    figures.show(
        f"links that doctor finds broken {told['broken'] or ''}", list(states.values()).count("broken"), most=0
    )
    links = [path for path in (app / "_internal").rglob("*") if path.is_symlink() and not path.exists()]
    figures.show("links that lead nowhere", len(links), most=0)


def empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def bare(home: Path) -> dict[str, str]:
    """An environment with a home and no programs."""
    return {"HOME": str(home), "PATH": "/nonexistent"}


PARTS = {"size": size, "start": start, "pixels": pixels, "whole": whole, "life": life}

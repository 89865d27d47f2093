"""Takes back what the app made for one person: in known places, by known names, and nothing that it does not know.

Weights and results are the person's: they go only where that was said. What remains is told.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from bridge_server.desktop import autostart, plugins
from bridge_server.desktop.paths import Places
from bridge_server.desktop.settings import WEIGHTS

Asked = Literal["results", "weights"]

CONFIG_NAMES = (
    "bridge.json",
    "bridge.lock",
    "engine.json",
    "made.json",
    "open.html",
    "settings.damaged.json",
    "settings.json",
    "settings.lock",
    "token",
    "tray.lock",
)
DATA_NAMES = ("frames", "incoming", "journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal", "logs", "versions")
ENGINE_NAMES = ("cache", "code", "envs", "incomplete.json", "lock", "python", "version.json")
RESULT = "out"
"""The folder of a job that its result is in."""
WEIGHTS_MARKS = ("weights.json", "weights.incomplete.json")
"""What lies in a model's folder that was downloaded."""
CACHE = "videoshop-bridge"


@dataclass(frozen=True)
class Left:
    """What is there yet: where, and what the person can do about it, if it is not what they chose."""

    place: str
    why: str


def results(places: Places) -> list[Path]:
    """The folders with results of jobs."""
    return [out for job in _entries(places.jobs) if any(_entries(out := job / RESULT))]


def models(places: Places) -> list[Path]:
    """The folders of models that were downloaded."""
    return [folder for folder in _entries(_store(places)) if any((folder / mark).exists() for mark in WEIGHTS_MARKS)]


def size(folders: list[Path]) -> int:
    """Bytes of all files."""
    return sum(
        (Path(parent) / name).lstat().st_size
        for folder in folders
        for parent, _, names in os.walk(folder)
        for name in names
    )


def take_back(places: Places, remove: frozenset[Asked], hosts: plugins.Hosts) -> list[Left]:
    """Remove what was made, the service being ended; what is left. Raises OSError."""
    autostart.reconcile(places, False, thorough=True)
    left = [Left("Adobe's programs", line) for line in plugins.remove(places, hosts)]
    store = _store(places)
    kept_models = [] if "weights" in remove else models(places)
    if "weights" in remove:
        for folder in models(places):
            shutil.rmtree(folder)
        _gone_if_empty(store)
    kept_results = [] if "results" in remove else results(places)
    for job in _entries(places.jobs):
        for path in _entries(job):
            if path not in kept_results:
                _gone(path)
        _gone_if_empty(job)
    _gone_if_empty(places.jobs)
    engine = _engine(places)
    for name in ENGINE_NAMES:
        _gone(engine / name)
    _gone_if_empty(engine)
    _gone(platformdirs.user_cache_path(CACHE, appauthor=False))
    for name in DATA_NAMES:
        _gone(places.data / name)
    for name in CONFIG_NAMES:  # the locks last: whoever looks finds nobody there
        _gone(places.config / name)
    for folder in (places.data, places.config):
        _gone_if_empty(folder)
    chosen = [Left(str(path), "kept, as you chose") for path in (*kept_results, *kept_models)]
    strange = [Left(str(path), "is not ours") for path in _strangers(places, kept_results, kept_models)]
    return [*left, *chosen, *strange]


def _strangers(places: Places, *kept: list[Path]) -> Iterator[Path]:
    """What lies in our folders and is not known."""
    known = {path for paths in kept for path in paths} | {_store(places), places.jobs, _engine(places)}
    for folder in dict.fromkeys((places.config, places.data)):
        yield from (path for path in _entries(folder) if path not in known)


def _store(places: Places) -> Path:
    """Where models are kept."""
    moved = os.environ.get(WEIGHTS)
    return Path(moved).absolute() if moved else places.data / "weights"


def _engine(places: Places) -> Path:
    """Where the engine's environment is, which may have been moved."""
    try:
        return Path(json.loads((places.config / "engine.json").read_text("utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return places.data / "engine"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _gone_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # something is in it, or it was never there
        return

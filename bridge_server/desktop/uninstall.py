"""Takes back what the app made for one person: in known places, by known names, and nothing that it does not know.

Weights and results are the person's: they go only where that was said. What remains is told.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from bridge_server.desktop import autostart, plugins
from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import home
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.settings import WEIGHTS

Asked = Literal["results", "weights"]

CONFIG_NAMES = (
    "bridge.json",
    "bridge.lock",
    "made.json",
    "open.html",
    "settings.damaged.json",
    "settings.json",
    "settings.lock",
    "token",
    "tray.lock",
)
DATA_NAMES = ("frames", "incoming", "journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal", "logs", "versions")
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
    """Remove what was made, the service being ended; what is left.

    Raises RuntimeFault, as where a job runs in the engine's environment: then nothing was removed. Raises OSError.
    """
    engine = home(places).root
    unreached = list(_remove_engine(places))
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
    _gone(platformdirs.user_cache_path(CACHE, appauthor=False))
    for name in DATA_NAMES:
        _gone(places.data / name)
    for name in CONFIG_NAMES:  # the locks last: whoever looks finds nobody there
        _gone(places.config / name)
    for folder in (places.data, places.config):
        _gone_if_empty(folder)
    chosen = [Left(str(path), "kept, as you chose") for path in (*kept_results, *kept_models)]
    strange = [Left(str(path), "is not ours") for path in _strangers(places, engine, kept_results, kept_models)]
    return [*left, *unreached, *chosen, *strange]


def _remove_engine(places: Places) -> Iterator[Left]:
    """Remove the engine's environment; where it is, if that is a disk that is not there now. Raises RuntimeFault."""
    from bridge_server.desktop.runtime import upkeep

    moved, root = places.engine_moved.exists(), home(places).root
    try:
        upkeep.remove(places)
    except RuntimeFault as fault:
        if fault.code != "engine.not_installed":
            raise
        places.engine_moved.unlink(missing_ok=True)
        if moved:
            yield Left(str(root), "held the engine's environment, and is not there now: remove it when it is")


def _strangers(places: Places, engine: Path, *kept: list[Path]) -> Iterator[Path]:
    """What lies in our folders and is not known."""
    known = {path for paths in kept for path in paths} | {_store(places), places.jobs, engine}
    for folder in dict.fromkeys((places.config, places.data, engine)):
        yield from (path for path in _entries(folder) if path not in known)


def _store(places: Places) -> Path:
    """Where models are kept."""
    moved = os.environ.get(WEIGHTS)
    return Path(moved).absolute() if moved else places.data / "weights"


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

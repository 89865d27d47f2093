"""What can be done with the engine's environment: install, verify, repair, move, remove, and see its state."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import code, gpu, locks, place, probe, records
from bridge_server.desktop.runtime.build import (
    FULL,
    SPARE,
    Old,
    OnProgress,
    Trial,
    build,
    check,
    held,
    in_use,
    sweep,
    version_of,
)
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.locks import Lock
from bridge_server.desktop.runtime.place import Home, Installed, packages_of, python_of
from bridge_server.desktop.runtime.trial import runs_engine
from bridge_server.desktop.runtime.uv import Source

TORCH_INDEX = "VIDEOSHOP_TORCH_INDEX"
"""Environment variable that names another index, or a folder of wheels, in place of torch's own index."""

AUTO = "auto"


@dataclass(frozen=True)
class Options:
    """How to install. `wheels`: take packages from this folder alone, without a network. `proxy`: its address.

    `locks`, `trial`: the lockfiles to install from, and how the new environment is tried; tests have others.
    """

    wheels: Path | None = None
    proxy: str | None = None
    locks: Path = locks.FOLDER
    trial: Trial = runs_engine


DEFAULT = Options()


@dataclass(frozen=True)
class Status:
    """`state`: "whole" as it was last checked, "outdated" by a newer lockfile, or "absent". `unfinished`: what was
    begun and not ended; `busy` if it is at work now. `choice`: what this machine's own backend would be."""

    home: Home
    system: str
    choice: gpu.Choice
    state: str
    installed: Installed | None
    unfinished: place.Unfinished | None
    busy: bool
    backends: tuple[str, ...]


def status(places: Places, options: Options = DEFAULT) -> Status:
    """How it stands, without reading the files: `verify` does."""
    home, system = place.home(places), probe.system()
    installed = home.installed()
    state = "absent"
    if installed is not None:
        lock = _lock_of(installed.backend, options)
        state = "whole" if lock is not None and lock.digest == installed.lock else "outdated"
        if not python_of(home.environment(installed)).exists():
            state = "damaged"
    return Status(
        home,
        system,
        probe.choice(),
        state,
        installed,
        home.unfinished(),
        _busy(home),
        locks.backends(system, options.locks),
    )


def install(places: Places, backend: str, options: Options, on_progress: OnProgress) -> Installed:
    """Install the environment for `backend` (or “auto”), or go on where that was stopped; what is whole stays.

    Raises RuntimeFault, and what `on_progress` raises.
    """
    lock = lock_for(backend, options)
    if options.wheels is not None and lock.open:
        raise RuntimeFault.not_locked(lock.open)
    home = place.home(places)
    with held(home):
        there = home.installed()
        if there is not None:
            faulty = _faulty(home, there, on_progress)
            if not faulty and there.lock == lock.digest and there.backend == lock.backend:
                home.incomplete.unlink(missing_ok=True)
                sweep(home)
                return there
            return build(
                home, lock, _source(lock, options), "install", _old(home, there, faulty), options.trial, on_progress
            )
        return build(home, lock, _source(lock, options), "install", None, options.trial, on_progress)


def verify(places: Places, on_progress: OnProgress) -> tuple[Installed, list[records.Fault]]:
    """Read every file, and say which are not as they were installed. Raises RuntimeFault where nothing is."""
    home = place.home(places)
    installed = _there(home)
    found = check(packages_of(home.environment(installed)), installed.records, on_progress)
    found += [records.Fault(code.PROJECT, name, "damaged") for name in code.faults(home.code)]
    if version := _python_fault(home, installed):
        found.append(records.Fault("python", version, "damaged"))
    return installed, found


def repair(places: Places, options: Options, on_progress: OnProgress) -> tuple[Installed, list[records.Fault]]:
    """Bring back what is missing or damaged: the environment as it is now, and what was wrong. Raises RuntimeFault."""
    home = place.home(places)
    with held(home):
        installed, found = verify(places, on_progress)
        if code.faults(home.code):
            code.replace(home.code)
        damaged = [fault for fault in found if fault.package != code.PROJECT]
        if damaged:
            lock = _lock_of(installed.backend, options)
            if lock is None:
                raise RuntimeFault.unknown_backend(installed.backend, locks.backends(probe.system(), options.locks))
            if options.wheels is not None and lock.open:
                raise RuntimeFault.not_locked(lock.open)
            faulty = {fault.package for fault in damaged}
            old = _old(home, installed, faulty)
            installed = build(home, lock, _source(lock, options), "repair", old, options.trial, on_progress)
        home.incomplete.unlink(missing_ok=True)
        sweep(home)
        return installed, found


def move(places: Places, folder: Path, options: Options, on_progress: OnProgress) -> Installed:
    """Have the environment in another folder, which is empty or not there yet. Raises RuntimeFault."""
    old_home, new_home = place.home(places), Home(folder.absolute())
    _check_target(old_home, new_home)
    with held(old_home):
        installed = _there(old_home)
        if in_use(old_home.environment(installed)):
            raise RuntimeFault.in_use()
        lock = _lock_of(installed.backend, options)
        if lock is None:
            raise RuntimeFault.unknown_backend(installed.backend, locks.backends(probe.system(), options.locks))
        faulty = _faulty(old_home, installed, on_progress)
        with held(new_home):
            _copy_python(old_home, new_home, installed.size)
            old = _old(old_home, installed, faulty)
            moved = build(new_home, lock, _source(lock, options), "move", old, options.trial, on_progress)
            place.moved(places, new_home.root)
        _clear(old_home)
    _leave(old_home)
    return moved


def remove(places: Places) -> int:
    """Delete the environment, and all that was downloaded for it; the bytes that were freed. Raises RuntimeFault.

    What else lies in its folder is not ours, and stays.
    """
    home = place.home(places)
    if not home.root.exists():
        raise RuntimeFault.not_installed()
    with held(home):
        installed = home.installed()
        if installed is not None and in_use(home.environment(installed)):
            raise RuntimeFault.in_use()
        before = _bytes_in(home.root)
        _clear(home)
    _leave(home)
    if remains(home):
        raise RuntimeFault.folder_unusable(home.root, "not all of it could be removed")
    places.engine_moved.unlink(missing_ok=True)
    return before - _bytes_in(home.root)


# What is there


def _there(home: Home) -> Installed:
    installed = home.installed()
    if installed is None:
        raise RuntimeFault.not_installed()
    return installed


def _faulty(home: Home, installed: Installed, on_progress: OnProgress) -> set[str]:
    """The packages of an environment that are not as they were installed; “python” stands for its Python."""
    found = check(packages_of(home.environment(installed)), installed.records, on_progress)
    return {fault.package for fault in found} | ({"python"} if _python_fault(home, installed) else set())


def _python_fault(home: Home, installed: Installed) -> str | None:
    """The Python of an environment, if it does not start: the one it was made from was removed, say."""
    environment = home.environment(installed)
    try:
        version_of(environment)
    except RuntimeFault:
        return python_of(environment).relative_to(environment).as_posix()
    return None


def _old(home: Home, installed: Installed, faulty: set[str]) -> Old:
    whole = [name for name in installed.records if records.package_of(name)[0] not in faulty]
    return Old(home.environment(installed), whole)


def _busy(home: Home) -> bool:
    if not home.lock.exists():
        return False
    with contextlib.suppress(RuntimeFault), held(home):
        return False
    return True


def lock_for(backend: str, options: Options) -> Lock:
    """The lockfile for a backend by name, or for this machine's. Raises RuntimeFault."""
    system = probe.system()
    here = locks.backends(system, options.locks)
    if not here:
        raise RuntimeFault.no_backend(system)
    name = probe.choice().backend if backend == AUTO else backend
    if name not in here:
        raise RuntimeFault.unknown_backend(name, here)
    return locks.read(name, system, options.locks)


def _lock_of(backend: str, options: Options) -> Lock | None:
    system = probe.system()
    return locks.read(backend, system, options.locks) if backend in locks.backends(system, options.locks) else None


def _source(lock: Lock, options: Options) -> Source:
    wheels = options.wheels.absolute() if options.wheels is not None else None
    if wheels is not None and not wheels.is_dir():
        raise RuntimeFault.folder_unusable(wheels, "it is no folder")
    index = (os.environ.get(TORCH_INDEX) or lock.index) if lock.index else None
    return Source(wheels, index, options.proxy)


# Moving and removing


def _check_target(old: Home, new: Home) -> None:
    """Raises RuntimeFault for a folder that the environment cannot move to."""
    if new.root == old.root:
        raise RuntimeFault.folder_unusable(new.root, "the environment is there already")
    if old.root in new.root.parents or new.root in old.root.parents:
        raise RuntimeFault.folder_unusable(new.root, "one of the two folders is in the other one")
    if new.root.exists() and not new.root.is_dir():
        raise RuntimeFault.folder_unusable(new.root, "it is no folder")
    begun = new.unfinished()
    if new.root.is_dir() and any(new.root.iterdir()) and (begun is None or begun.doing != "move"):
        raise RuntimeFault.folder_unusable(new.root, "it is not empty")


def _copy_python(old: Home, new: Home, size: int) -> None:
    """Take along the Python that was downloaded, if one was. Raises RuntimeFault."""
    try:
        free = shutil.disk_usage(new.root).free
        if free < size + SPARE:
            raise RuntimeFault.disk_full(new.root, size + SPARE, free)
        if old.pythons.is_dir():
            shutil.rmtree(new.pythons, ignore_errors=True)
            shutil.copytree(old.pythons, new.pythons, symlinks=True)
    except OSError as error:
        if error.errno in FULL:
            raise RuntimeFault.no_space_left() from None
        raise RuntimeFault.folder_unusable(new.root, error.strerror or str(error)) from None


def _clear(home: Home) -> None:
    """Remove everything but the lock: the version file first, so that nobody starts what is going."""
    home.version.unlink(missing_ok=True)
    for folder in _folders(home):
        shutil.rmtree(folder, ignore_errors=True)
    home.incomplete.unlink(missing_ok=True)
    for file in (home.version, home.incomplete):
        for aside in home.root.glob(f"{file.name}.*"):  # a kill left it half written
            aside.unlink(missing_ok=True)


def _leave(home: Home) -> None:
    """Remove the lock, which nobody holds, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        home.lock.unlink(missing_ok=True)
        home.root.rmdir()


def remains(home: Home) -> bool:
    """Whether there is anything to remove, as what a removal that was stopped left."""
    return any(folder.exists() for folder in _folders(home))


def _folders(home: Home) -> tuple[Path, ...]:
    return (home.environments, home.cache, home.pythons, home.code)


def _bytes_in(folder: Path) -> int:
    """What its files take on the disk, links counted once."""
    sizes: dict[tuple[int, int], int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                told = (Path(parent) / name).lstat()
                sizes[told.st_dev, told.st_ino] = told.st_size
    return sum(sizes.values())

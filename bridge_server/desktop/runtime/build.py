"""Building an environment beside the one that runs, and putting it in its place at the end."""

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from bridge_server.desktop.outside import environment
from bridge_server.desktop.paths import private_folder
from bridge_server.desktop.runtime import ahead, code, records
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.locks import Lock
from bridge_server.desktop.runtime.place import Doing, Home, Installed, Unfinished, packages_of, python_of, write_whole
from bridge_server.desktop.runtime.uv import Heard, Source, Uv, base_python, find_uv
from engine.lock import hold

Phase = Literal["prepare", "fetch", "install", "verify", "try"]

UNPACKED, UNPACKED_CUDA = 4.0, 2.0
"""What a wheel unpacks to, at most about: torch's for the processor to 3.9 times its size, CUDA's libraries to less."""
SPARE = 500_000_000
"""Bytes that stay free beside the environment."""


@dataclass(frozen=True)
class Progress:
    """How far it is: `packages` of `of`, and `size` of `total` bytes, as far as they are known.

    In "fetch" bytes count when their package is whole; `coming` are the large packages that are on their way.
    """

    phase: Phase
    packages: int = 0
    of: int = 0
    size: int = 0
    total: int = 0
    coming: tuple[str, ...] = ()


OnProgress = Callable[[Progress], None]
"""Takes each step, several times a second; what it raises stops the work, and what was there before stays."""

Trial = Callable[[Home, Path, str], None]
"""Tries a new environment that was made for a backend. Raises RuntimeFault where the engine does not run in it."""


@dataclass(frozen=True)
class Old:
    """An environment to take whole packages from, by their folders of metadata."""

    folder: Path
    whole: Collection[str]


@contextlib.contextmanager
def held(home: Home) -> Iterator[None]:
    """Be the only one who changes this environment. Raises RuntimeFault: busy, or a folder that cannot be used."""
    try:
        private_folder(home.root)
        file = home.lock.open("ab")
    except OSError as error:
        raise RuntimeFault.folder_unusable(home.root, error.strerror or "the disk refused") from None
    with file:
        try:
            hold(file)
        except (BlockingIOError, PermissionError):
            raise RuntimeFault.busy() from None
        yield


def build(
    home: Home, lock: Lock, source: Source, doing: Doing, old: Old | None, trial: Trial, on_progress: OnProgress
) -> Installed:
    """Make the environment of `lock` in `home`, which is held, and let it be the one that runs. Raises RuntimeFault.

    Whatever stops it, the version file, and what it names, are as before until the new environment is whole and tried.
    What was downloaded stays for the next time.
    """
    folder = home.environments / uuid.uuid4().hex[:8]
    try:
        sweep(home, keep_cache=True)
        write_whole(home.incomplete, Unfinished(doing=doing, backend=lock.backend))
        home.environments.mkdir(exist_ok=True)
        installed = _made(home, folder, lock, source, old, trial, on_progress)
        write_whole(home.version, installed)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno is not None and error.errno in FULL:
            raise RuntimeFault.no_space_left() from None
        raise RuntimeFault.folder_unusable(home.root, error.strerror or str(error)) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    home.incomplete.unlink(missing_ok=True)
    sweep(home)
    return installed


FULL = (28, 122)
"""ENOSPC and EDQUOT."""


def _made(
    home: Home, folder: Path, lock: Lock, source: Source, old: Old | None, trial: Trial, on_progress: OnProgress
) -> Installed:
    """A new environment, checked and tried."""
    on_progress(Progress("prepare", of=len(lock.names), total=lock.size))
    uv = Uv(find_uv(), home.cache, home.pythons, source)
    uv.make(folder, base_python(), lambda heard: on_progress(Progress("prepare", of=len(lock.names), total=lock.size)))
    packages = packages_of(folder)
    linked: set[str] = set()
    if old is not None:
        linked = {name for name in old.whole if records.package_of(name) in _named(lock)}
        records.link(packages_of(old.folder), packages, linked)
    there = {records.package_of(name)[0] for name in linked}
    _enough_room(home, lock, there)
    counter = _Counter(lock, uv, len(linked), packages, on_progress)
    _fetch_ahead(home, lock, there, uv, python_of(folder), counter)
    uv.install(python_of(folder), lock.path, counter.tick, opened=lock.open)
    found = _checked(packages, on_progress)
    if found:  # the cache had it wrong, as after a fall of the power
        names = sorted({fault.package for fault in found})
        uv.forget(names)
        uv.install(python_of(folder), lock.path, counter.tick, opened=lock.open, again=names)
        found = _checked(packages, on_progress)
        if found:
            raise RuntimeFault.still_damaged(found[0].path)
    lacking = _named(lock) - {records.package_of(name) for name in records.installed(packages)}
    if lacking:
        raise RuntimeFault.installer_failed(f"{', '.join(sorted(name for name, _ in lacking))} did not arrive")
    on_progress(Progress("try"))
    trial(home, folder, lock.backend)
    return Installed(
        backend=lock.backend,
        folder=folder.name,
        lock=lock.digest,
        python=version_of(folder),
        size=records.size(packages),
        records=records.installed(packages),
    )


def _fetch_ahead(home: Home, lock: Lock, there: Collection[str], uv: Uv, python: Path, counter: "_Counter") -> None:
    """Fetch large wheels ourselves, and install these. Raises RuntimeFault."""
    if uv.source.wheels is not None or os.environ.get("UV_OFFLINE"):
        return
    wheels = home.cache / "wheels"
    came, silent = [], set[str]()
    for package in ahead.large(lock, there):
        if ahead.bring(package, wheels, uv.source, silent, counter.hear) is not None:
            came.append(package)
            counter.ahead[package.name] = package.size
    if came:
        lockfile = home.cache / "ahead.txt"
        lockfile.write_text(ahead.locked(came), "utf-8")
        replace(uv, source=Source(wheels=wheels)).add(python, lockfile, counter.tick_ahead)


def _named(lock: Lock) -> set[tuple[str, str]]:
    return {(records.normal(name), version) for name, version in lock.names}


def _enough_room(home: Home, lock: Lock, there: Collection[str]) -> None:
    """Raises RuntimeFault where the disk is too small for what is to come. What the cache has is on it already."""
    to_come = sum(
        package.size * (UNPACKED_CUDA if package.name.startswith("nvidia-") else UNPACKED)
        for package in lock.packages
        if package.name not in there
    )
    to_come += sum(package.size for package in ahead.large(lock, there))  # kept until all is installed
    needed = int(to_come) + SPARE
    used = sum(path.stat().st_size for path in home.cache.rglob("*") if path.is_file()) if home.cache.exists() else 0
    free = shutil.disk_usage(home.root).free
    if free < needed - used:
        raise RuntimeFault.disk_full(home.root, needed - used, free)


@dataclass(frozen=True)
class _Counter:
    """Counts what came while uv works, and before. `ahead`: bytes of the packages that are fetched before."""

    lock: Lock
    uv: Uv
    linked: int
    packages: Path
    on_progress: OnProgress
    ahead: dict[str, int] = field(default_factory=dict)

    def hear(self, name: str, done: int) -> None:
        """There are `done` bytes of a wheel that is fetched before uv runs."""
        self.ahead[name] = done
        came, of = self.linked + len(self.ahead) - 1, len(self.lock.names)
        self.on_progress(Progress("fetch", came, of, sum(self.ahead.values()), self.lock.size, (name,)))

    def tick_ahead(self, heard: Heard) -> None:
        """These wheels are unpacked."""
        came, of = self.linked + len(self.ahead), len(self.lock.names)
        self.on_progress(Progress("fetch", came, of, sum(self.ahead.values()), self.lock.size))

    def tick(self, heard: Heard) -> None:
        of, total = len(self.lock.names), self.lock.size
        if heard.prepared or self.linked >= of:
            there = sum(1 for _ in self.packages.glob(f"*{records.METADATA}"))
            self.on_progress(Progress("install", min(there, of), of, total, total))
            return
        came = min(of, self.linked + self.uv.cached())
        size = sum(package.size for package in self.lock.packages if package.name in heard.came)
        size += sum(self.ahead.values())
        self.on_progress(Progress("fetch", came, of, size, total, tuple(sorted(heard.coming))))


def _checked(packages: Path, on_progress: OnProgress) -> list[records.Fault]:
    """Read what was installed. What the lists of files are now is what counts from now on."""
    return check(packages, records.installed(packages), on_progress)


def check(packages: Path, listed: dict[str, str], on_progress: OnProgress) -> list[records.Fault]:
    """Read all files of an environment: which are not as they were installed."""

    def on_bytes(done: int, total: int) -> None:
        on_progress(Progress("verify", len(listed), len(listed), done, total))

    return records.faults(packages, listed, on_bytes)


def version_of(folder: Path) -> str:
    """The version of an environment's Python. Raises RuntimeFault where it does not start."""
    try:
        done = subprocess.run(
            [str(python_of(folder)), "-I", "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            text=True,
            check=True,
            env=environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeFault.does_not_run(f"its Python does not start ({type(error).__name__})") from None
    return done.stdout.strip()


def sweep(home: Home, *, keep_cache: bool = False) -> None:
    """Remove what no version file names: what a kill left, what was replaced, and what was downloaded if all is done.

    An environment that an engine process still runs in stays until the next time.
    """
    installed = home.installed()
    if home.environments.is_dir():
        for folder in home.environments.iterdir():
            if (installed is None or folder.name != installed.folder) and not in_use(folder):
                shutil.rmtree(folder, ignore_errors=True)
    if not keep_cache:
        shutil.rmtree(home.cache, ignore_errors=True)


def in_use(environment: Path) -> bool:
    """Whether an engine process runs in an environment. Windows has no shared locks, but renames no open file."""
    file = environment / code.IN_USE
    try:
        if sys.platform == "win32":
            aside = file.with_name(f"{file.name}.looked")
            file.rename(aside)
            aside.rename(file)
            return False
        with file.open("r+b") as opened:
            hold(opened)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False

"""The versions that updates brought, side by side, and which of them runs.

    versions/
        current.json    which version runs, which one before it, and whether it has shown that it starts
        0.2.0/          an app, as it was unpacked; never changed
        .0.3.0.new/     one that is not whole yet

What was installed first, by a package or an archive, stays as it is, wherever it is: at its start it hands over to the
version of current.json, if that is newer. So a start from anywhere, at login or by a shortcut, starts the right one. A
version that was handed over to twice, and never listened, is given up.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge_server.desktop.faults import UpdateError
from bridge_server.desktop.made import write_whole
from bridge_server.desktop.paths import Places
from bridge_server.desktop.program import CONSOLE, INSTALLED, program

TRIES = 2
"""Starts that a version may take to show that it works."""
STARTING = frozenset({"serve", "tray"})
"""Commands that show whether a version works."""


class Pointer(BaseModel):
    """`version` runs, or the installed one where it is None; `before` ran until then. `failed` are not tried again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str | None = None
    before: str | None = None
    proved: bool = False
    tries: int = 0
    failed: tuple[str, ...] = ()


def pointer(places: Places) -> Pointer:
    try:
        return Pointer.model_validate_json(places.current_version.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return Pointer()


def point(places: Places, pointer: Pointer) -> None:
    """Write which version runs. Raises UpdateError."""
    try:
        write_whole(places.current_version, pointer.model_dump_json() + "\n")
    except OSError as error:
        raise UpdateError.not_kept(places.current_version, error.strerror or "the disk refused") from None


def folder(places: Places, version: str) -> Path:
    return places.versions / version


def program_of(folder: Path) -> Path:
    """The program of an unpacked app: a folder of programs or, for macOS, one that holds a bundle of that name."""
    bundle = next(iter(sorted(folder.glob("*.app/Contents/MacOS"))), folder)
    return bundle / f"{CONSOLE}{'.exe' if sys.platform == 'win32' else ''}"


def newer(version: str, than: str) -> bool:
    return _key(version) > _key(than)


def is_version(text: str) -> bool:
    """Whether a text is a version, and so no path to elsewhere."""
    return re.fullmatch(r"\d{1,9}(\.\d{1,9}){0,5}", text) is not None


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


# Starting the right one


def successor(places: Places, own: str, arguments: Sequence[str]) -> Path | None:
    """The program to hand over to, if another version is to run than `own`.

    A start that would show whether an unproved version works is counted; after TRIES of them the version is given up.
    """
    now = pointer(places)
    if now.version is None or not is_version(now.version) or not newer(now.version, own):
        return None
    other = program_of(folder(places, now.version))
    if not other.is_file():
        return None
    if not now.proved and STARTING & set(arguments[:1]):
        if now.tries >= TRIES:
            give_up(places, now.version)
            return successor(places, own, arguments)
        with contextlib.suppress(UpdateError):  # a full disk counts no tries
            point(places, now.model_copy(update={"tries": now.tries + 1}))
    return other


def hand_over(places: Places, own: str, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Become the version that is to run; return if that is this one."""
    installed = program(environment=environment)[0]
    if environment.get(INSTALLED) and os.path.realpath(sys.executable) != os.path.realpath(installed):
        return  # handed over to
    other = successor(places, own, arguments)
    if other is None:
        return
    command, given = [str(other), *arguments], {**environment, INSTALLED: installed}
    if sys.platform == "win32":  # where no process becomes another
        sys.exit(subprocess.call(command, env=given))
    os.execve(other, command, given)


def prove(places: Places, own: str) -> None:
    """This version listens: it works. The one before it is kept; those that nobody will run any more are removed."""
    now = pointer(places)
    if now.version == own and not now.proved:
        point(places, now.model_copy(update={"proved": True, "tries": 0}))
    elif now.version is not None and not newer(now.version, own) and now.version != own:
        point(places, now := Pointer(failed=now.failed))  # a package brought a newer one than all updates
    clear(places, keep={own, now.version, now.before})


def give_up(places: Places, version: str) -> Pointer:
    """Go back to the version before one that does not work; its files go when another listens. Raises UpdateError."""
    now = pointer(places)
    failed = tuple(dict.fromkeys((*now.failed, version)))[-20:]
    back = Pointer(version=now.before, proved=now.before is not None, failed=failed)
    if now.version != version:
        back = now.model_copy(update={"failed": failed})
    point(places, back)
    return back


def roll_back(places: Places) -> str | None:
    """Go back to the version before this one; None is the installed one. Raises UpdateError where there is none."""
    now = pointer(places)
    if now.version is None:
        raise UpdateError.nothing_older()
    return give_up(places, now.version).version


def clear(places: Places, *, keep: set[str | None]) -> None:
    """Remove the versions that nobody will run. One that runs still, on Windows, goes the next time."""
    for path in list(_entries(places.versions)):
        if path.is_dir() and path.name not in keep and (is_version(path.name) or path.name.startswith(".")):
            shutil.rmtree(path, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def source(environment: Mapping[str, str] = os.environ) -> Any:
    """What the app was told of updates: {"manifest": address, "key": 64 hexadecimal digits}. Raises UpdateError."""
    from bridge_server.desktop.frozen import bundled

    named = environment.get("VIDEOSHOP_UPDATES")
    file = Path(named) if named else bundled("updates.json")
    if file is None:
        raise UpdateError.no_source()
    try:
        told = json.loads(file.read_text("utf-8"))
        return str(told["manifest"]), bytes.fromhex(told["key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UpdateError.no_source() from None

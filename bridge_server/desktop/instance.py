"""One service for each user: the lock that it holds for life, and the file that tells clients where it listens."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge_server.desktop.paths import Places, private_folder
from bridge_server.errors import ServiceError
from engine.lock import hold

STARTING_SECONDS = 2.0
"""How long a service that has the lock may take to say where it listens."""


class Instance(BaseModel):
    """A running service."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    port: int
    protocol: int
    instance: UUID
    pid: int
    version: str


def announce(path: Path, instance: Instance) -> None:
    """Write the discovery file, whole or not at all."""
    private_folder(path.parent)
    aside = path.with_name(f"{path.name}.{instance.pid}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(instance.model_dump_json())
    aside.replace(path)


def discover(path: Path) -> Instance | None:
    """The service that announced itself, which may be gone since; None where there is none."""
    try:
        return Instance.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def withdraw(path: Path, instance: UUID) -> None:
    """Remove the discovery file if it is this service's."""
    found = discover(path)
    if found is not None and found.instance == instance:
        with contextlib.suppress(OSError):  # whoever reads it finds nobody there
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def single(places: Places) -> Iterator[None]:
    """Be this user's only service until the block ends. The system lets go of the lock however the process ends.

    Raises ServiceError: `already` when another service has the lock, after it was given time to say where it listens.
    """
    with _lock_file(places.lock) as lock:
        try:
            _take(lock, places)
        except OSError as error:
            raise _unusable(places.lock, error) from None
        places.discovery.unlink(missing_ok=True)  # of a service that crashed: it could not take it back
        yield


def alive(places: Places) -> bool:
    """Whether a service runs. What `discover` finds without one was left behind by a service that crashed.

    Raises ServiceError when nobody can tell.
    """
    try:
        with places.lock.open("r+b") as lock:
            return not _held_now(lock)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unusable(places.lock, error) from None


def _lock_file(path: Path) -> BinaryIO:
    try:
        private_folder(path.parent)
        return open(path, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(lock: Path, error: OSError) -> ServiceError:
    return ServiceError.config_unusable(lock.parent, error.strerror or "the disk refused")


def _take(lock: BinaryIO, places: Places) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    refused = False
    while not _held_now(lock):
        if refused:  # twice: not by one who only looked whether a service is alive
            found = discover(places.discovery)
            if found is not None:
                raise ServiceError.already_running(found.version, found.port, found.pid)
            if time.monotonic() > deadline:
                raise ServiceError.already_starting()
        refused = True
        time.sleep(0.05)


def _held_now(lock: BinaryIO) -> bool:
    """Lock the file for this handle, if no other has it. Raises OSError where files cannot be locked."""
    try:
        hold(lock)
    except (BlockingIOError, PermissionError):  # what the systems say of a lock that another has: POSIX, Windows
        return False
    return True

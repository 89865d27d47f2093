"""Where the engine's environment is, which one runs, and what is half done. Light: the service asks it."""

import contextlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge_server.desktop.paths import Places, private_folder
from bridge_server.desktop.runtime import code

PYTHON = "3.11"
"""The Python that every lockfile is made for."""

Doing = Literal["install", "repair", "move"]
Model = TypeVar("Model", bound=BaseModel)

log = logging.getLogger("videoshop.engine")


class Installed(BaseModel):
    """An environment that was installed, checked and tried.

    `folder`: its name under envs/. `lock`: sha256 of the lockfile it was made from. `python`: its version. `size`:
    bytes of its files. `records`: for each package's folder of metadata the sha256 of the list of its files.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    backend: str
    folder: str
    lock: str
    python: str
    size: int
    records: dict[str, str]


class Unfinished(BaseModel):
    """What was begun and not ended, by a process that may be at it still."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    doing: Doing
    backend: str


class _Moved(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    folder: Path


@dataclass(frozen=True)
class Home:
    """The folder of the environment, and what is in it."""

    root: Path

    @property
    def version(self) -> Path:
        return self.root / "version.json"

    @property
    def incomplete(self) -> Path:
        return self.root / "incomplete.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def environments(self) -> Path:
        return self.root / "envs"

    @property
    def pythons(self) -> Path:
        return self.root / "python"

    @property
    def code(self) -> Path:
        return self.root / "code"

    def installed(self) -> Installed | None:
        """The environment that runs; None where there is none."""
        return _read(self.version, Installed)

    def unfinished(self) -> Unfinished | None:
        return _read(self.incomplete, Unfinished)

    def environment(self, installed: Installed) -> Path:
        return self.environments / installed.folder


def home(places: Places) -> Home:
    """Where the environment is, or would be."""
    moved = _read(places.engine_moved, _Moved)
    return Home(moved.folder if moved is not None else places.engine)


def moved(places: Places, folder: Path) -> None:
    """From now on the environment is in `folder`."""
    if folder == places.engine:
        places.engine_moved.unlink(missing_ok=True)
    else:
        private_folder(places.config)
        write_whole(places.engine_moved, _Moved(folder=folder))


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def packages_of(environment: Path) -> Path:
    """The folder of an environment's packages."""
    return environment / ("Lib" if sys.platform == "win32" else f"lib/python{PYTHON}") / "site-packages"


def command(places: Places) -> tuple[str, ...] | None:
    """How the engine process is started in its environment; None where it has none that runs.

    `-I` keeps the person's own packages and Python variables out of it.
    """
    where = home(places)
    installed = where.installed()
    if installed is None:
        return None
    try:
        return command_in(where, where.environment(installed))
    except OSError as error:
        log.warning("the engine's environment does not run (%s): run `videoshop engine repair`", error.strerror)
        return None


def command_in(where: Home, environment: Path) -> tuple[str, ...]:
    """How the engine process is started in this environment. Raises OSError where it cannot be."""
    python = python_of(environment)
    python.stat()
    return (str(python), "-I", str(code.placed(where.code)))


def write_whole(path: Path, model: BaseModel) -> None:
    """Write a file, whole or not at all."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(model.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _read(path: Path, model: type[Model]) -> Model | None:
    """What a file says; None where it is not there, or says nothing that this version knows."""
    with contextlib.suppress(OSError, ValidationError, UnicodeDecodeError, json.JSONDecodeError):
        return model.model_validate_json(path.read_text("utf-8"))
    return None

"""What is in the store of weights: its state, who holds it, and how it goes again. It needs no network and no torch."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import OutputError, ResourceError, WeightsError
from engine.lock import hold
from engine.request import Event, OnEvent
from engine.videoshop.catalogue import MANIFEST, MARKER, MODELS, KnownModel, Precision

State = Literal["installed", "incomplete", "absent"]
BLOCK = 1 << 20


class Listed(BaseModel):
    """A file of a model: its size, and its bytes' digest, “sha256:…” (or “git:…”, see `fetch.Expected`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    size: int
    digest: str


class Contents(BaseModel):
    """Marker and manifest of a model's folder: its files by path, where they are from, and who agreed to what, when."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    repository: str
    commit: str
    precision: Precision
    licence: str
    accepted: str
    files: dict[str, Listed]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())


def state_of(folder: Path) -> State:
    """Whether a model's folder in the store is whole, to be finished, or not there."""
    if (folder / MARKER).is_file():
        return "incomplete"
    return "installed" if (folder / MANIFEST).is_file() else "absent"


def contents_of(folder: Path) -> Contents | None:
    """What the folder's manifest says, or its marker; None where there is none that can be read."""
    for name in (MARKER, MANIFEST):
        try:
            return Contents.model_validate_json((folder / name).read_text("utf-8"))
        except (OSError, ValidationError):
            continue
    return None


def overview(root: Path) -> list[dict[str, object]]:
    """The known models and what is there of them, for a list."""
    models = []
    for model in MODELS.values():
        folder = root / model.name
        contents = contents_of(folder)
        models.append(
            {
                "name": model.name,
                "repository": model.repository,
                "frames": model.frames,
                "about": model.about,
                "licence": model.licence.name,
                "terms": model.licence.terms,
                "rule": model.licence.rule,
                "size": contents.size if contents else model.size,
                "precision": contents.precision if contents else None,
                "state": state_of(folder),
                "folder": str(folder),
            }
        )
    return models


def remove(model: KnownModel, root: Path) -> int:
    """Delete a model's files from `root`/NAME, and nothing else that is there; the bytes that were freed.

    Raises WeightsError: not_installed, not_ours, in_use.
    """
    folder = root / model.name
    if not folder.is_dir():
        raise WeightsError.not_installed(model.name)
    if state_of(folder) == "absent":
        raise WeightsError.not_ours(folder)
    with held(root, model.name):
        contents = contents_of(folder)
        names = list(contents.files) if contents else []
        if (folder / MANIFEST).exists():
            (folder / MANIFEST).replace(folder / MARKER)  # from here on it is no longer whole
        paths = [folder / name for name in names] + list(folder.rglob(".*.part"))
        freed = 0
        for path in paths:
            if path.is_file():
                freed += path.stat().st_size
                try:
                    path.unlink()
                except PermissionError:  # Windows: an engine has it open
                    raise WeightsError.in_use(model.name) from None
        (folder / MARKER).unlink(missing_ok=True)
        for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            _remove_empty(inner)
        _remove_empty(folder)
    (root / f".{model.name}.lock").unlink(missing_ok=True)
    return freed


def take_along(root: Path, to: Path, on_event: OnEvent) -> list[str]:
    """Have all models of the store `root` in the store `to` as well, whole or as far as they came; their names.

    Linked where both are on one disk, else copied. Raises WeightsError (in_use, not_ours), OutputError.not_writable,
    ResourceError.no_room_for_weights, and what `on_event` raises; what was there before stays.
    """
    if to == root:
        return []
    names = [name for name in MODELS if state_of(root / name) != "absent"]
    files = {name: [path for path in (root / name).rglob("*") if path.is_file()] for name in names}
    sizes = {path: path.stat().st_size for paths in files.values() for path in paths}
    total, done = sum(sizes.values()), 0
    for name, paths in files.items():
        target, aside = to / name, to / f".{name}.moving"
        if state_of(target) == "incomplete":
            remove(MODELS[name], to)
        with held(root, name), held(to, name), writing(to):
            if state_of(target) == "installed":
                done += sum(sizes[path] for path in paths)
                continue
            if target.exists():
                if any(target.iterdir()):
                    raise WeightsError.not_ours(target)
                target.rmdir()
            shutil.rmtree(aside, ignore_errors=True)
            try:
                for path in paths:
                    for more in _brought(path, aside / path.relative_to(root / name)):
                        done += more
                        on_event(Event(stage="write", done=min(done, total), total=total, message=path.name))
                aside.replace(target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        (to / f".{name}.lock").unlink(missing_ok=True)
    return names


def _brought(source: Path, target: Path) -> Iterator[int]:
    """Link a file, or copy it onto another disk; its bytes as they come."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        with source.open("rb") as read, target.open("wb") as write:
            while block := read.read(BLOCK):
                write.write(block)
                yield len(block)
    else:
        yield target.stat().st_size


@contextmanager
def held(root: Path, name: str) -> Iterator[None]:
    """Nobody else changes the model meanwhile. Raises WeightsError.in_use."""
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        with (root / f".{name}.lock").open("ab") as lock:
            try:
                hold(lock)
            except (BlockingIOError, PermissionError):  # what the systems say of a lock that another has
                raise WeightsError.in_use(name) from None
            yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full disk or a refused folder into an EngineError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise ResourceError.no_room_for_weights(folder) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}:
            raise OutputError.not_writable(folder) from error
        raise


def _remove_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()

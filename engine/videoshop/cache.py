"""Trajectories on disk: what an inversion has found is not looked for again.

A cache is a folder of entries, one for each key; an entry is a folder of .safetensors files, one for each step and one
for each named tensor. A file appears under its name when it is whole and on disk, or not at all.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, Self

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from engine.errors import EngineError
from engine.lock import hold
from engine.media.safe import replace

FORMAT = 2
"""Counts up when what is stored under a key means something else; older entries are then not found, and go in time."""

_LOCK, _USED, _IN_USE, _GOING = "lock", "used", "in-use-", ".going-"


def key_of(**parts: object) -> str:
    """The key of all that a result depends on: strings, numbers, None, and lists, tuples and dicts of them.

    Raises TypeError for other types, ValueError for numbers that are not finite.
    """
    said = json.dumps({"format": FORMAT, "parts": parts}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(said.encode()).hexdigest()


class TrajectoryCache:
    """Entries in `folder` that together take about `limit_bytes` at most; those not used for longest go first.

    Several processes may use one folder. A folder that cannot be written to is no error: what is in it can be read,
    and `trouble` says in a sentence why nothing is added.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.trouble: str | None = None

    def entry(self, key: str) -> "Entry":
        """The entry of `key`, made when there is none. It is in use, and stays, until it is closed."""
        if not re.fullmatch("[0-9a-f]{64}", key):
            raise ValueError(f"{key!r} is no key.")
        return Entry(self, self.folder / key)

    def make_room(self, needed: int) -> bool:
        """Remove entries that nobody uses, the oldest first, until `needed` bytes can be added. Raises OSError.

        False when those in use take too much for it; then nothing is removed.
        """
        with self.locked():
            for left in self.folder.glob(f"{_GOING}*"):
                shutil.rmtree(left, ignore_errors=True)
            sizes = {entry: _size(entry) for entry in self._entries()}
            total, idle = sum(sizes.values()) + needed, []
            if total <= self.limit_bytes:
                return True
            idle = sorted((entry for entry in sizes if not _in_use(entry)), key=_last_used)
            if total - sum(sizes[entry] for entry in idle) > self.limit_bytes:
                return False
            for entry in idle:
                if total <= self.limit_bytes:
                    break
                total -= sizes[entry]
                going = self.folder / f"{_GOING}{uuid.uuid4().hex}"
                with suppress(OSError):  # another system's open file; the entry stays for now
                    entry.rename(going)
                    shutil.rmtree(going, ignore_errors=True)
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among the processes that open or remove entries. Raises OSError when the folder cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("ab") as lock:
            hold(lock, wait=True)
            yield

    def _entries(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if len(path.name) == 64 and path.is_dir()]


class Entry:
    """Tensors of one key: steps, numbered from 0, and others by name. A context manager; closing it ends its use.

    Reading gives back bit for bit what was stored, on the CPU, or nothing. Writing tells whether it was stored: after
    the first fault it does nothing more, and `trouble` of the cache says why.
    """

    def __init__(self, cache: TrajectoryCache, folder: Path) -> None:
        self._cache, self._folder = cache, folder
        self._lock: BinaryIO | None = None
        self._on = True
        try:
            with cache.locked():
                folder.mkdir(exist_ok=True)
                if not _in_use(folder):
                    _clear_leftovers(folder)
                self._lock = (folder / f"{_IN_USE}{uuid.uuid4().hex}").open("xb")
                hold(self._lock)
        except OSError as error:
            self._turn_off(error)
        self._touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the use; the entry may be removed from now on."""
        if self._lock is not None:
            self._touch()
            name = Path(self._lock.name)
            self._lock.close()
            self._lock = None
            with suppress(OSError):
                name.unlink()

    def known(self) -> list[Tensor]:
        """The steps from 0 on, up to the first that is missing or damaged; those after it are removed."""
        self._touch()
        steps: list[Tensor] = []
        for step in count():
            tensor = self._read(_step(step))
            if tensor is None:
                break
            steps.append(tensor)
        for path in self._folder.glob("step-*.safetensors"):
            if path.stem >= _step(len(steps)):
                with suppress(OSError):
                    path.unlink()
        return steps

    def append(self, step: int, latent: Tensor) -> bool:
        """Store the latent after `step` (0 to 9999). Whether it is on disk; False says that the cache is off."""
        return self._write(_step(step), latent)

    def put(self, name: str, tensor: Tensor) -> bool:
        """Store `tensor` under `name` (letters, digits, underscores). As `append`."""
        return self._write(_named(name), tensor)

    def get(self, name: str) -> Tensor | None:
        """What `put` stored under `name`, or None when it is missing or damaged."""
        self._touch()
        return self._read(_named(name))

    def _read(self, name: str) -> Tensor | None:
        path = self._folder / f"{name}.safetensors"
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            told = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["sha256"]
            tensor = safetensors.load(data)[name]
        except (SafetensorError, ValueError, KeyError, TypeError):
            told, tensor = None, torch.empty(0)
        if told == _digest(name, tensor):
            return tensor
        with suppress(OSError):
            path.unlink()
        return None

    def _write(self, name: str, tensor: Tensor) -> bool:
        if not self._on:
            return False
        kept = tensor.detach().cpu().contiguous()
        data = safetensors.save({name: kept}, {"sha256": _digest(name, kept)})
        try:
            if not self._cache.make_room(len(data)):
                self._turn_off("what is in use takes all that the cache may take")
                return False
            with replace(self._folder / f"{name}.safetensors") as temporary:
                temporary.write_bytes(data)
        except (EngineError, OSError) as error:
            self._turn_off(error)
            return False
        self._touch()
        return True

    def _touch(self) -> None:
        """Make this entry the newest."""
        if self._on:
            with suppress(OSError):
                (self._folder / _USED).touch()

    def _turn_off(self, why: object) -> None:
        self._on = False
        reason = why.strerror if isinstance(why, OSError) else str(why).rstrip(".")
        self._cache.trouble = f"Intermediate results could not be stored: {reason}. The job went on without."


def _step(step: int) -> str:
    if not 0 <= step <= 9999:
        raise ValueError(f"{step} is no step.")
    return f"step-{step:04d}"


def _named(name: str) -> str:
    if not re.fullmatch("[a-z0-9_]+", name):
        raise ValueError(f"{name!r} is no name.")
    return f"named-{name}"


def _digest(name: str, tensor: Tensor) -> str:
    """Of all that a file says: the name, the precision, the shape, the numbers bit by bit."""
    digest = hashlib.sha256(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
    digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _in_use(entry: Path) -> bool:
    """Whether a process holds `entry`. A file that its process did not remove, but lets go of, says nothing."""
    for path in entry.glob(f"{_IN_USE}*"):
        try:
            with path.open("rb+") as lock:
                hold(lock)
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def _clear_leftovers(entry: Path) -> None:
    """Remove what ended processes left: marks of use and half-written files."""
    for left in (*entry.glob(f"{_IN_USE}*"), *entry.glob(".*.part*")):
        with suppress(OSError):
            left.unlink()


def _last_used(entry: Path) -> float:
    with suppress(OSError):
        return (entry / _USED).stat().st_mtime
    return 0.0


def _size(entry: Path) -> int:
    total = 0
    with suppress(OSError), os.scandir(entry) as files:
        for file in files:
            with suppress(OSError):
                total += file.stat().st_size
    return total

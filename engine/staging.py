"""The output folder of a running job: all is made aside, and takes the previous result's place when finished.

A folder with a `report.json` is a finished result: the report leaves first and comes last.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from engine.errors import OutputError, ResourceError
from engine.lock import hold

REPORT = "report.json"
_ASIDE = ".unfinished"


class Staging:
    """A context manager; `folder` holds what is being made and is gone when it closes, with all that was not published.

    What a crashed job left is removed at the start. Raises OutputError when the folder cannot be made or written to,
    or another job is working in it.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output / _ASIDE

    def __enter__(self) -> Self:
        if self.output.exists() and not self.output.is_dir():
            raise OutputError.not_a_folder(self.output)
        self._made = [path for path in (self.output, *self.output.parents) if not path.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("wb")
        except OSError as error:
            self._unmake()
            raise OutputError.not_writable(self.output) from error
        try:
            hold(self._lock)
        except OSError as error:
            self._lock.close()
            raise OutputError.in_use(self.output) from error
        for left in self.folder.iterdir():
            if left.name != "lock":
                _remove(left)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for left in self.folder.iterdir():
            if left.name != "lock":
                _remove(left)
        _remove(self.folder)
        self._lock.close()
        _remove(self.folder)  # some systems do not remove an open file
        if kind is not None:
            self._unmake()

    def check_room(self, needed: int) -> None:
        """Raises ResourceError.disk_full when fewer than `needed` bytes are free."""
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise ResourceError.disk_full(self.output, needed, free)

    def publish(self, names: Sequence[str]) -> None:
        """Put files and folders of `folder`, the report among them, in the place of the previous result's. A name may
        be a path: what else is in the folders that it leads through stays.

        When one cannot be moved, the previous result is put back. Raises OutputError.
        """
        ordered = sorted(names, key=lambda name: name == REPORT)
        previous = self.folder / "previous"
        undo: list[tuple[Path, Path]] = []
        try:
            previous.mkdir()
            for name in reversed(ordered):
                if (self.output / name).exists():
                    (previous / name).parent.mkdir(parents=True, exist_ok=True)
                    (self.output / name).rename(previous / name)
                    undo.append((previous / name, self.output / name))
            for name in ordered:
                (self.output / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).rename(self.output / name)
                undo.append((self.output / name, self.folder / name))
        except OSError as error:
            for now, before in reversed(undo):
                now.rename(before)
            raise OutputError.not_writable(self.output) from error
        _sync(self.output)

    def _unmake(self) -> None:
        """Remove the folders that were made for this job, as far as they are empty."""
        for path in self._made:
            with suppress(OSError):
                path.rmdir()


def _sync(folder: Path) -> None:
    """Have the renames in `folder` on disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()

"""Safe writing: a file or folder appears under its name when it is whole, or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from engine.errors import OutputError, ResourceError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into `ResourceError.disk_full` or `OutputError.not_writable`.

    FFmpeg's errors carry the system's number too, and are OSErrors for the ones that are told apart here.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError.disk_full(path) from error
        if error.errno in _REFUSED:
            raise OutputError.not_writable(path.parent) from error
        raise


@contextmanager
def replace(path: Path) -> Iterator[Path]:
    """Give a hidden temporary beside `path` to write; make it `path` at the end, on disk and in one step.

    On an exception the temporary is removed and what stood at `path` stays. The temporary keeps the suffix of `path`.
    Raises `ResourceError.disk_full`, `OutputError.not_writable`.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give a hidden temporary folder beside `path` to fill; make it `path` at the end, in place of an earlier one.

    On an exception the temporary is removed and the earlier folder stays. The files inside are the writer's to sync.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        earlier = temporary.with_suffix(".old")
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _sync(temporary)
            if path.exists():
                path.replace(earlier)
            try:
                temporary.replace(path)
            except OSError:
                if earlier.exists():
                    earlier.replace(path)
                raise
            _sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if earlier.is_dir():
                shutil.rmtree(earlier, ignore_errors=True)
            else:
                earlier.unlink(missing_ok=True)


class _GivenUp(Exception):  # noqa: N818 (never seen outside)
    """Ends a context of this module whose work is not to be kept."""


def give_up(context: AbstractContextManager[object]) -> None:
    """Leave a context of this module without a result, and without a word on why: the reason is not the disk's."""
    context.__exit__(_GivenUp, _GivenUp(), None)


def write_bytes(path: Path, data: bytes) -> None:
    """Write and sync a file inside a folder that `replace_folder` gave."""
    with writing(path), path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle to a folder that could be synced
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

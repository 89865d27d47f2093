"""This installation's engine package, laid out so that the environment's Python runs it and nothing else of this one.

The environment holds what the engine needs; the engine itself lies beside it in a folder named after its bytes. So the
engine process is always of the same version as who starts it, and an update of the app, or its roll-back, needs no
change of the environment.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import engine

PROJECT = "videoshop-bridge"
START = "start.py"
"""The file that starts the engine process."""
IN_USE = "in-use"
"""The file in an environment that its engine processes hold open and locked, so that none is removed below them."""

START_CODE = f'''"""Starts the engine process with the packages of the environment whose Python runs this file."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
in_use = open(Path(sys.prefix) / "{IN_USE}", "ab")
if sys.platform != "win32":  # Windows renames and removes no file that is open
    import fcntl

    fcntl.flock(in_use, fcntl.LOCK_SH)
runpy.run_module("engine.worker", run_name="__main__", alter_sys=True)
'''


def placed(folder: Path) -> Path:
    """The file that starts the engine, in a subfolder that is made if it is not there. Raises OSError."""
    files = dict(_files())
    where = folder / _digest(files)[:16]
    start = where / START
    if not start.is_file():
        _place(files, where)
    return start


def faults(folder: Path) -> list[str]:
    """Which files of the engine are not as this installation has them, where they are placed already."""
    files = dict(_files())
    where = folder / _digest(files)[:16]
    if not where.exists():
        return []
    return [name for name, content in files.items() if not _has(where / name, content)]


def replace(folder: Path) -> None:
    """Place the engine anew, and remove all that other versions left."""
    shutil.rmtree(folder, ignore_errors=True)
    placed(folder)


def source() -> Path:
    """The folder of the engine package's own files: a frozen app carries them beside its compiled ones."""
    here = getattr(sys, "_MEIPASS", None)
    return Path(here) / "engine" if here is not None else Path(str(engine.__file__)).parent


def _files() -> Iterator[tuple[str, bytes]]:
    """Each file to place, by its name in the folder. Raises OSError where this installation carries no source."""
    package = source()
    (package / "worker.py").stat()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix not in (".pyc", ".pyo"):
            yield f"engine/{path.relative_to(package).as_posix()}", path.read_bytes()
    number = version(PROJECT)
    about = f"{PROJECT.replace('-', '_')}-{number}.dist-info"
    yield f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {number}\n".encode()
    yield START, START_CODE.encode()


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _place(files: dict[str, bytes], where: Path) -> None:
    """Write the files aside, then rename their folder: who sees it sees all of it."""
    aside = where.with_name(f"{where.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        for name, content in files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            aside.rename(where)
        except OSError:
            if not (where / START).is_file():  # else another process was as quick
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False

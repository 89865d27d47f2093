"""What the packages of an environment installed: each file against the size and sha256 that its package's RECORD names.

RECORD is defined in the specification of wheels ("Recording installed projects"): paths are relative to the folder of
packages, hashes are urlsafe base64 without padding. RECORD names no hash of its own; what it was when the environment
was installed is kept in the version file.
"""

import base64
import binascii
import csv
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

METADATA = ".dist-info"
PIECE = 1 << 20

What = Literal["missing", "damaged"]
OnBytes = Callable[[int, int], None]
"""Takes how many bytes were read so far, and of how many; what it raises stops the reading."""


@dataclass(frozen=True)
class Entry:
    """A file that a package installed, relative to the folder of packages. Without `sha256` it is not checked."""

    path: str
    sha256: bytes | None = None
    size: int | None = None


@dataclass(frozen=True)
class Fault:
    """A file that is not as it was installed, or a package's own list of files."""

    package: str
    path: str
    what: What


def entries(record: str) -> Iterator[Entry]:
    """The files that a RECORD lists. A line that is none, or leads out of the environment, is passed over."""
    for row in csv.reader(record.splitlines()):
        if len(row) == 3 and row[0] and _inside(row[0]):
            yield Entry(row[0], _sha256(row[1]), int(row[2]) if row[2].isascii() and row[2].isdigit() else None)


def normal(name: str) -> str:
    """A package's name as lockfiles write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def package_of(metadata: str) -> tuple[str, str]:
    """The name and version that a folder of metadata is called after."""
    name, _, version = metadata.removesuffix(METADATA).partition("-")
    return normal(name), version


def installed(packages: Path) -> dict[str, str]:
    """Each package's folder of metadata, and the sha256 of its RECORD."""
    return {
        folder.name: hashlib.sha256((folder / "RECORD").read_bytes()).hexdigest()
        for folder in sorted(packages.glob(f"*{METADATA}"))
    }


def size(packages: Path) -> int:
    """The bytes of all files that are listed, as they should be."""
    return sum(entry.size or 0 for folder in packages.glob(f"*{METADATA}") for entry in _listed(folder))


def faults(packages: Path, records: Mapping[str, str], on_bytes: OnBytes = lambda done, total: None) -> list[Fault]:
    """Read every file of the packages in `records` (as `installed` gives them), and say which are not as they were."""
    found, listed = _known(packages, records)
    total, done = sum(entry.size or 0 for _, entry in listed), 0
    for package, entry in listed:
        what = _fault(packages / entry.path, entry)
        if what is not None:
            found.append(Fault(package, entry.path, what))
        done += entry.size or 0
        on_bytes(done, total)
    return found


def misfits(packages: Path, records: Mapping[str, str]) -> list[Fault]:
    """As `faults`, but no file is read except the lists: which are missing, or of another size."""
    found, listed = _known(packages, records)
    for package, entry in listed:
        try:
            size = (packages / entry.path).stat().st_size
        except OSError:
            found.append(Fault(package, entry.path, "missing"))
        else:
            if entry.size is not None and size != entry.size:
                found.append(Fault(package, entry.path, "damaged"))
    return found


def link(source: Path, target: Path, metadata: Collection[str]) -> None:
    """Put the listed files of some packages of one folder into another one: links where the disk can, else copies."""
    linking = True
    for name in metadata:
        for entry in _listed(source / name):
            old, new = source / entry.path, target / entry.path
            new.parent.mkdir(parents=True, exist_ok=True)
            if linking:
                try:
                    os.link(old, new)
                    continue
                except FileExistsError:
                    continue  # two packages may list the same file
                except OSError:
                    linking = False
            shutil.copy2(old, new)


def _known(packages: Path, records: Mapping[str, str]) -> tuple[list[Fault], list[tuple[str, Entry]]]:
    """The lists that are not as they were, and the files of those that are, each with its package."""
    found: list[Fault] = []
    whole: list[tuple[str, Entry]] = []
    for metadata, sha256 in records.items():
        package, _ = package_of(metadata)
        record = packages / metadata / "RECORD"
        if not record.is_file():
            found.append(Fault(package, f"{metadata}/RECORD", "missing"))
        elif hashlib.sha256(record.read_bytes()).hexdigest() != sha256:
            found.append(Fault(package, f"{metadata}/RECORD", "damaged"))
        else:
            whole += [(package, entry) for entry in _listed(record.parent)]
    return found, whole


def _listed(metadata: Path) -> Iterator[Entry]:
    return entries((metadata / "RECORD").read_text("utf-8", errors="replace"))


def _inside(path: str) -> bool:
    """Whether a path stays in its environment, whose folder of packages is at most three folders deep."""
    parts = PurePosixPath(path).parts
    above = sum(part == ".." for part in parts)
    return not (path.startswith("/") or "\\" in path or ":" in parts[0] or "\0" in path) and (
        above <= 3 and ".." not in parts[above:]
    )


def _sha256(text: str) -> bytes | None:
    kind, _, value = text.partition("=")
    if kind != "sha256":
        return None
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (ValueError, binascii.Error):
        return None


def _fault(path: Path, entry: Entry) -> What | None:
    try:
        if entry.size is not None and path.stat().st_size != entry.size:
            return "damaged"
        if entry.sha256 is None:
            return None if path.is_file() else "missing"
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        return None if digest.digest() == entry.sha256 else "damaged"
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "damaged"

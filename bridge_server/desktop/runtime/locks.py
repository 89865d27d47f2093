"""Lockfiles: for each backend and system every package of the environment, by version, sha256 and size.

A lockfile is a requirements file that pip and uv read; `relock` writes it. Its comments are data as well:

    # index: https://download.pytorch.org/whl/cpu      the index that torch's build comes from, where it is not PyPI
    # open: torch==2.10.0+cu128                        no hash is known of it, nor of what it needs beyond the rest
    numpy==2.4.6 --hash=sha256:…  # 17123456 bytes

An open package is downloaded by its exact version from its own index over HTTPS, whose hash the index itself names.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "locks"

LINE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+!_-]+)"
    r"(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)(?:  # (?P<size>\d+) bytes)?"
)


@dataclass(frozen=True)
class Package:
    """A package, the sha256 of each of its wheels that fit, and the bytes of the largest of these."""

    name: str
    version: str
    hashes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Lock:
    """What an environment is made of. `open`: packages without a known hash."""

    backend: str
    system: str
    packages: tuple[Package, ...]
    open: tuple[str, ...]
    index: str | None
    digest: str
    path: Path

    @property
    def size(self) -> int:
        """The bytes to download, as far as they are known."""
        return sum(package.size for package in self.packages)

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """Names and versions."""
        return frozenset((package.name, package.version) for package in self.packages) | {
            (name, version) for name, _, version in (text.partition("==") for text in self.open)
        }


def file_name(backend: str, system: str) -> str:
    return f"{backend}-{system}.txt"


def backends(system: str, folder: Path = FOLDER) -> tuple[str, ...]:
    """The backends that have a lockfile for a system."""
    ending = f"-{system}.txt"
    return tuple(sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}")))


def read(backend: str, system: str, folder: Path = FOLDER) -> Lock:
    """Raises OSError, and ValueError for a file that is no lockfile."""
    path = folder / file_name(backend, system)
    return parse(path.read_text("utf-8"), backend, system, path)


def parse(text: str, backend: str, system: str, path: Path) -> Lock:
    """Raises ValueError for a line that is not of the form above: nothing is installed without its hash by mistake."""
    packages, opened, index = [], [], None
    for line in text.splitlines():
        if found := re.fullmatch(r"# (index|open): (\S+)", line):
            if found[1] == "index":
                index = found[2]
            else:
                opened.append(found[2])
        elif line and not line.startswith("#"):
            match = LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{path.name}: “{line[:60]}” is not a locked package")
            hashes = tuple(part.removeprefix("--hash=sha256:") for part in match["hashes"].split())
            packages.append(Package(match["name"], match["version"], hashes, int(match["size"] or 0)))
    if not packages:
        raise ValueError(f"{path.name} locks nothing")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Lock(backend, system, tuple(packages), tuple(opened), index, digest, path)

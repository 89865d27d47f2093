"""Small wheels and lockfiles of them, for environments that are made in a second, and how such are tried."""

import base64
import hashlib
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge_server.desktop.runtime.build import Progress
from bridge_server.desktop.runtime.locks import file_name
from bridge_server.desktop.runtime.place import Home, packages_of, python_of


def wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes], needs: str = "") -> Path:
    """Write a wheel as the specification of wheels has it."""
    about = f"{name}-{version}.dist-info"
    required = f"Requires-Dist: {needs}\n" if needs else ""
    content = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_hash(data)},{len(data)}" for path, data in content.items()]
    content[f"{about}/RECORD"] = "\n".join([*rows, f"{about}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, data in content.items():
            archive.writestr(inner, data)
    return path


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Shelf:
    """A folder of wheels, and a folder of lockfiles that name them."""

    wheels: Path
    locks: Path

    @classmethod
    def of(cls, folder: Path, count: int = 6, size: int = 40_000) -> "Shelf":
        """`count` packages called tiny_0, tiny_1, …, each a module and `size` bytes of random data."""
        shelf = cls(folder / "wheels", folder / "locks")
        shelf.wheels.mkdir(parents=True)
        shelf.locks.mkdir()
        chance = random.Random(0)
        for number in range(count):
            files = {
                f"tiny_{number}/__init__.py": b"ANSWER = 42\n",
                f"tiny_{number}/data.bin": chance.randbytes(size),
            }
            wheel(shelf.wheels, f"tiny_{number}", "1.0", files)
        return shelf

    def lock(self, backend: str, system: str, note: str = "") -> Path:
        """Write a lockfile of all the wheels."""
        lines = [f"# {note}"] if note else []
        for path in sorted(self.wheels.glob("*.whl")):
            name, version = path.name.split("-")[:2]
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}  # {path.stat().st_size} bytes")
        lockfile = self.locks / file_name(backend, system)
        lockfile.write_text("\n".join(lines) + "\n")
        return lockfile


def files_of(home: Home) -> dict[str, bytes]:
    """Every file of the packages of the environment that runs, but those that Python makes of its own."""
    installed = home.installed()
    assert installed is not None
    packages = packages_of(home.environment(installed))
    return {
        path.relative_to(packages).as_posix(): path.read_bytes()
        for path in sorted(packages.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def starts(home: Home, environment: Path, backend: str) -> None:
    """A trial for environments without an engine: their Python is there."""
    assert python_of(environment).exists()


def quiet(progress: Progress) -> None:
    """Takes each step, and lets the work go on."""

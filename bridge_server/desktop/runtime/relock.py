"""`python -m bridge_server.desktop.runtime.relock [NAME…]`: write the lockfiles, from pyproject.toml and the indexes.

For developers, in a clone. A build whose index cannot be reached is written as open: all packages but torch are locked,
torch by its exact version only, and that is said. `--find-links DIR` takes torch's wheel from a folder instead.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge_server.desktop.runtime.locks import FOLDER, file_name
from bridge_server.desktop.runtime.place import PYTHON
from bridge_server.desktop.runtime.uv import find_uv

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
SERVICE_ONLY = ("rich", "typer", "websockets", "uv")
"""Dependencies of the project that the engine process has no use for."""

TORCH_INDEX = "https://download.pytorch.org/whl"

PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "windows-x86_64": "x86_64-pc-windows-msvc",
    "macos-arm64": "aarch64-apple-darwin",
}
"""uv's names of the systems."""


@dataclass(frozen=True)
class Build:
    """A build of torch. `index`: the subfolder of torch's own index; None where PyPI has the very build."""

    backend: str
    system: str
    torch: str
    index: str | None = None

    @property
    def name(self) -> str:
        return f"{self.backend}-{self.system}"


BUILDS = (
    Build("cpu", "linux-x86_64", "2.13.0+cpu", "cpu"),
    Build("cpu", "windows-x86_64", "2.13.0"),
    Build("mps", "macos-arm64", "2.13.0"),
    Build("cu128", "linux-x86_64", "2.10.0"),  # the last release whose wheels on PyPI are those for CUDA 12.8
    Build("cu126", "linux-x86_64", "2.7.1"),  # the last whose wheels on PyPI are those for CUDA 12.6
    Build("cu128", "windows-x86_64", "2.10.0+cu128", "cu128"),
    Build("cu126", "windows-x86_64", "2.7.1+cu126", "cu126"),
    Build("rocm", "linux-x86_64", "2.9.1+rocm6.4", "rocm6.4"),
    Build("xpu", "linux-x86_64", "2.9.1+xpu", "xpu"),
    Build("xpu", "windows-x86_64", "2.9.1+xpu", "xpu"),
)


def requirements(project: dict[str, Any]) -> list[str]:
    """What the engine process needs, of the project's dependencies and of its extra `videoshop`, but torch."""
    needed = [*project["dependencies"], *project["optional-dependencies"]["videoshop"]]
    return [text for text in needed if _name(text) not in (*SERVICE_ONLY, "torch")]


def torch_range(project: dict[str, Any]) -> str:
    return next(str(text) for text in project["optional-dependencies"]["videoshop"] if _name(text) == "torch")


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def resolve(build: Build, needed: Sequence[str], links: Path | None) -> str:
    """The lockfile's text. Raises CalledProcessError where even the rest cannot be resolved."""
    exact = f"torch=={build.torch}"
    index = f"{TORCH_INDEX}/{build.index}" if build.index else None
    found = [] if links is None else sorted(links.glob(f"torch-{build.torch}-*.whl"))
    try:
        options = ["--find-links", str(links)] if links is not None and found else []
        if index and not found:
            options += ["--index", index, "--index-strategy", "unsafe-best-match"]
        packages = _compile(build, [*needed, exact], options)
    except subprocess.CalledProcessError as error:
        if index is None:
            raise
        print(f"{build.name}: {exact} is left open: {error.stderr.strip().splitlines()[0]}", file=sys.stderr)
        # torch's own needs are those of the same version on PyPI, without what its build for Linux adds
        plain = build.torch.partition("+")[0]
        bare = _compile(Build(build.backend, "windows-x86_64", plain), [f"torch=={plain}"], [])
        also = [f"{package['name']}=={package['version']}" for package in bare if package["name"] != "torch"]
        never = "torch; sys_platform == 'never'"
        locked = _compile(build, [*needed, *also], ["--overrides", "OVERRIDES"], overrides=never)
        return text(build, index, [exact], [package for package in locked if package["name"] != "torch"])
    return text(build, index, [], packages)


def text(build: Build, index: str | None, opened: Sequence[str], packages: Sequence[dict[str, Any]]) -> str:
    """A lockfile. `packages` as in pylock.toml; addresses of files are left out, only hashes and sizes are taken."""
    lines = [
        f"# The engine's environment for {build.backend} on {build.system}, Python {PYTHON}.",
        "# Written by `python -m bridge_server.desktop.runtime.relock`; do not edit.",
    ]
    lines += [f"# index: {index}"] if index else []
    lines += [f"# open: {name}" for name in opened]
    for package in packages:
        wheels = sorted(package["wheels"], key=lambda wheel: str(wheel["hashes"]["sha256"]))
        hashes = " ".join(f"--hash=sha256:{wheel['hashes']['sha256']}" for wheel in wheels)
        size = max(_size(wheel) for wheel in wheels)
        lines.append(f"{package['name']}=={package['version']} {hashes}  # {size} bytes")
    return "\n".join(lines) + "\n"


def _size(wheel: dict[str, Any]) -> int:
    if "size" in wheel:
        return int(wheel["size"])
    url = str(wheel.get("url", ""))
    return Path(url.removeprefix("file://")).stat().st_size if url.startswith("file://") else 0


def _compile(build: Build, needed: Sequence[str], options: list[str], overrides: str = "") -> list[dict[str, Any]]:
    """The packages of a resolution, as in pylock.toml."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "in.txt").write_text("\n".join(needed) + "\n")
        (here / "overrides.txt").write_text(overrides + "\n")
        command = [find_uv(), "pip", "compile", "in.txt", "--format", "pylock.toml", "-o", "pylock.toml", "--quiet"]
        command += ["--no-config", "--only-binary", ":all:", "--python-version", PYTHON]
        command += ["--python-platform", PLATFORMS[build.system]]
        command += [str(here / "overrides.txt") if option == "OVERRIDES" else option for option in options]
        # torch's wheels for the Mac ask for macOS 14
        variables = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
        subprocess.run(command, cwd=here, check=True, capture_output=True, text=True, env=variables)
        packages: list[dict[str, Any]] = tomllib.loads((here / "pylock.toml").read_text())["packages"]
        return packages


def _chosen(names: Sequence[str]) -> Iterator[Build]:
    return (build for build in BUILDS if not names or build.name in names)


def main() -> None:
    parser = argparse.ArgumentParser(prog="relock", description="Write the engine environment's lockfiles.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(build.name for build in BUILDS))
    parser.add_argument("--find-links", type=Path, metavar="DIR", help="a folder that has wheels of torch")
    asked = parser.parse_args()
    needed = requirements(tomllib.loads(PROJECT.read_text("utf-8"))["project"])
    FOLDER.mkdir(exist_ok=True)
    for build in _chosen(asked.names):
        path = FOLDER / file_name(build.backend, build.system)
        path.write_text(resolve(build, needed, asked.find_links), "utf-8")
        print(path.name)


if __name__ == "__main__":
    main()

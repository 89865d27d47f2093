"""The frozen app: what PyInstaller packs for each program, and what is laid beside it afterwards."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from installer import icon, libraries, notices
from installer.product import (
    ENGINE,
    ID,
    IDENTIFIER,
    INSTALLER,
    MODEL,
    NAME,
    PLUGINS,
    ROOT,
    Part,
    Program,
    System,
    this_system,
    version,
)

BUILD = ROOT / "build"
ICONS = BUILD / "icons"
INSIDE = "_internal"
"""The folder of the app that holds Python and all it imports."""

UNUSED = (
    *MODEL,
    "multiprocessing",  # no program of ours uses it; without it no frozen program can start itself again and again
    "tkinter",
    "unittest",
    "pydoc",
    "doctest",
    "lib2to3",
    "distutils",
    "setuptools",
    "pip",
    "readline",  # GPL
    "curses",
    "numpy.f2py",
    "numpy.testing",
    "PIL._avif",
    "PIL._imagingcms",
    "PIL._imagingft",
    "PIL._webp",
)
"""Modules that are found by following imports, and that no program needs."""

LEFT_OUT = ("pydantic.v1.", "pydantic.mypy", "pygments.lexers.", "pygments.styles.")
KEPT = ("pygments.lexers._mapping", "pygments.lexers.special", "pygments.styles._mapping")
"""Rich colours code blocks with pygments: the help has none, and each of 500 languages is a module."""

OPENCV_VIDEO = "opencv_videoio_ffmpeg"
"""OpenCV's own FFmpeg on Windows: a DLL that it loads when a video is opened with it, which is PyAV's work here."""
GLIBC = ("libmvec.so",)
"""Parts of the C library, which is the system's: parts of two versions do not fit each other."""

BACKENDS: Mapping[System, str] = {"linux": "pystray._xorg", "macos": "pystray._darwin", "windows": "pystray._win32"}
"""pystray chooses its way to the desktop by name, while it runs; nor can it be imported where there is no desktop."""

UNSEEN: Mapping[str, tuple[str, ...]] = {
    "nacl": ("nacl.bindings", "nacl.exceptions", "nacl.signing", "_cffi_backend"),
    "jeepney": ("jeepney", "jeepney.io.asyncio"),
}
"""Packages of the extra `tray`, and what of them is imported while the program runs, by libraries or late."""

UPDATES = "updates.json"

METADATA = {
    "videoshop-engine": ("videoshop-bridge", "av", "numpy", "opencv-python-headless"),
}
"""Distributions whose version is asked for while the program runs; else the project's alone."""


@dataclass(frozen=True)
class Recipe:
    """What PyInstaller is told of a program. `before`: a script that runs first; `data`: (from, folder of the app)."""

    entry: str
    hidden: tuple[str, ...]
    data: tuple[tuple[str, str], ...]
    excluded: tuple[str, ...]
    before: str
    icon: str | None
    version_file: str | None


def recipe(program: Program) -> Recipe:
    """How `program` is frozen, in the environment that this runs in."""
    from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

    system = this_system()
    tray = "pystray" not in program.without and find_spec("pystray") is not None
    hidden = ["pystray", BACKENDS[system]] if tray else []
    hidden += [name for package, names in UNSEEN.items() if tray and find_spec(package) is not None for name in names]
    data = [pair for name in METADATA.get(program.name, ("videoshop-bridge",)) for pair in copy_metadata(name)]
    if "bridge_server" not in program.without:  # clips, pages, the protocol, lockfiles: all that is no module
        data += collect_data_files("bridge_server")
    return Recipe(
        entry=str(INSTALLER / "entries" / program.entry),
        hidden=(*hidden, *(() if "rich" in program.without else collect_submodules("rich._unicode_data"))),
        data=tuple(data),
        excluded=(*UNUSED, *program.without),
        before=str(INSTALLER / "entries" / "own_environment.py"),
        icon={"windows": str(ICONS / "videoshop.ico"), "macos": str(ICONS / "videoshop.icns")}.get(system),
        version_file=str(_version_file(program)) if system == "windows" else None,
    )


def wanted_module(name: str) -> bool:
    return name.startswith(KEPT) or not name.startswith(LEFT_OUT)


def wanted_library(path: str) -> bool:
    return not PurePosixPath(path.replace("\\", "/")).name.startswith((*GLIBC, OPENCV_VIDEO))


def wanted_file(path: str) -> bool:
    """Type stubs and C headers are for those who write programs."""
    return PurePosixPath(path).suffix not in {".pyi", ".pxd", ".pyx", ".h"}


def info_plist() -> dict[str, object]:
    """What macOS is told of the app, beside its name and version: it lives in the menu bar, not in the Dock."""
    return {
        "CFBundleExecutable": "videoshop-tray",
        "LSUIElement": True,
        "LSMinimumSystemVersion": "12.0",
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": "Apache License 2.0",
    }


class MissingError(Exception):
    """What the app brings was not built or installed."""


def freeze(epoch: int, updates: Mapping[str, str] | None = None) -> Path:
    """Run PyInstaller, lay beside it what the app carries, and return the app's folder. Raises MissingError at once.

    `updates`: what the app is told of updates, if anything.
    """
    look_for((*PLUGINS, ENGINE, *tools()))
    icon.write(ICONS)
    out = BUILD / "frozen"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(out), "--workpath", str(BUILD / "work"), str(INSTALLER / "videoshop.spec")]
    environment = os.environ | {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    if this_system() == "macos":
        return _furnish_bundle(out / f"{NAME}.app", updates)
    app = out / ID
    inside = app / INSIDE
    if this_system() == "linux":
        libraries.share_ffmpeg(inside)
        libraries.strip(inside)
    bring(inside, (*PLUGINS, ENGINE, *tools()))
    tell_of_updates(inside, updates)
    notices.write(inside, app / "licences")
    return app


def _furnish_bundle(app: Path, updates: Mapping[str, str] | None) -> Path:
    """Lay beside macOS's app what it brings. In Frameworks only code may lie: all else is linked there, as PyInstaller
    does. The seal that this breaks is made anew with the package."""
    code, rest = app / "Contents" / "Frameworks", app / "Contents" / "Resources"
    bring(code, tools())
    bring(rest, (*PLUGINS, ENGINE))
    tell_of_updates(rest, updates)
    laid = {PurePosixPath(part.name).parts[0] for part in (*PLUGINS, ENGINE)} | ({UPDATES} if updates else set())
    for name in laid:
        (code / name).symlink_to(f"../Resources/{name}")
    notices.write(code, rest / "licences")
    return app


def tools() -> tuple[Part, ...]:
    """`uv`, from its wheel in the environment that builds: without it no app makes the engine's environment."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    return (Part(name, str(Path(sys.executable).with_name(name)), "`pip install uv` beside the Python that builds"),)


def look_for(parts: tuple[Part, ...]) -> None:
    """Raises MissingError for the first part that is not there."""
    for part in parts:
        if not (ROOT / part.source).exists():
            raise MissingError(f"{part.source} is missing: {part.made_by or 'the clone is not whole'}.")


def tell_of_updates(inside: Path, updates: Mapping[str, str] | None) -> None:
    """Lay into the app what it is told of updates, or nothing."""
    if updates is not None:
        (inside / UPDATES).write_text(json.dumps(updates, indent=2) + "\n", "utf-8")


def bring(inside: Path, parts: tuple[Part, ...]) -> None:
    """Copy `parts` into the app. Raises MissingError."""
    look_for(parts)
    for part in parts:
        source, target = ROOT / part.source, inside / part.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)


def _version_file(program: Program) -> Path:
    """What Windows shows of a program's file, as PyInstaller wants it."""
    numbers = (*(int(number) for number in version().split(".")), 0)
    said = {
        "CompanyName": NAME,
        "FileDescription": NAME,
        "FileVersion": version(),
        "InternalName": program.name,
        "OriginalFilename": f"{program.name}.exe",
        "ProductName": NAME,
        "ProductVersion": version(),
        "LegalCopyright": "Apache License 2.0",
        "Comments": IDENTIFIER,
    }
    strings = ", ".join(f"StringStruct({name!r}, {text!r})" for name, text in said.items())
    written = (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}),"
        f" kids=[StringFileInfo([StringTable('040904B0', [{strings}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )
    path = BUILD / f"{program.name}.version"
    path.write_text(written, "utf-8")
    return path

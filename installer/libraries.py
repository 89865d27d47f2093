"""Native libraries of the frozen app on Linux: one FFmpeg in the place of two, and no symbols for a debugger.

OpenCV's wheel brings an FFmpeg of its own, beside PyAV's. The engine never opens a video with OpenCV, but `cv2` does
not load without the libraries that it names. Both wheels carry the same major versions, in which FFmpeg keeps its
interface, so that `cv2` can name PyAV's instead. Where the majors differ, both stay, and the build says so.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from installer.report import note

FFMPEG = re.compile(r"(lib(?:avcodec|avformat|avutil|swscale|swresample|avdevice|avfilter))-[0-9a-f]+\.so\.(\d+)")
"""A library of FFmpeg as auditwheel renames it: the name, and the major version."""

PYAV, OPENCV = "av.libs", "opencv_python_headless.libs"
UNSTRIPPED = ("libpython3*.so*", "python3*/lib-dynload/*.so", "libsqlite3.so*", "av/**/*.so")
"""Libraries that carry the debugger's symbols: of a Python that was built from source, and PyAV's own modules. What
wheels bring besides is stripped already."""


def share_ffmpeg(inside: Path) -> None:
    """Have `cv2` load PyAV's FFmpeg, and remove what then nothing names. `inside`: the app's folder of libraries."""
    extension = next((inside / "cv2").glob("cv2*.so"))
    theirs, ours = inside / OPENCV, inside / PYAV
    replaced = twins(needed_by(extension), (path.name for path in ours.iterdir()))
    if replaced is None:
        note("OpenCV and PyAV carry different FFmpegs: both stay in the app.")
        return
    words = [word for old, new in replaced.items() for word in ("--replace-needed", old, new)]
    # An RPATH, which the wheels have too, is looked at before LD_LIBRARY_PATH; a RUNPATH after it.
    _patchelf(*words, "--force-rpath", "--set-rpath", f"$ORIGIN/../{OPENCV}:$ORIGIN/../{PYAV}", str(extension))
    kept = reachable(extension, theirs)
    for library in sorted(theirs.iterdir()):
        if library.name not in kept:
            library.unlink()
    for link in sorted(inside.iterdir()):
        if link.is_symlink() and not link.exists():
            link.unlink()
            if (ours / link.name).exists():  # the same build of a library was in both wheels
                link.symlink_to(f"{PYAV}/{link.name}")


def twins(needed: Iterable[str], there: Iterable[str]) -> dict[str, str] | None:
    """For each FFmpeg library that is needed, the one of the same name and major that is there; None if one is not."""
    known = {found.groups(): name for name in there if (found := FFMPEG.match(name))}
    wanted = {name: found.groups() for name in needed if (found := FFMPEG.match(name))}
    if not all(kind in known for kind in wanted.values()):
        return None
    return {name: known[kind] for name, kind in wanted.items()}


def reachable(start: Path, folder: Path) -> set[str]:
    """The names of the libraries in `folder` that `start` needs, and those that they need."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in needed_by(waiting.pop()):
            if name not in found and (folder / name).exists():
                found.add(name)
                waiting.append(folder / name)
    return found


def needed_by(library: Path) -> list[str]:
    return _patchelf("--print-needed", str(library)).split()


def strip(inside: Path) -> None:
    """Take the debugger's symbols out of Python's own libraries."""
    program = shutil.which("strip")
    if program is None:
        note("`strip` (binutils) is not installed: Python's libraries keep their symbols, and the app is larger.")
        return
    found = [path for pattern in UNSTRIPPED for path in sorted(inside.glob(pattern)) if not path.is_symlink()]
    subprocess.run([program, "--strip-unneeded", *map(str, found)], check=True)


def glibc(folder: Path) -> tuple[int, int]:
    """The newest glibc that a file in `folder` asks for: older systems cannot run the app."""
    newest = (2, 17)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if content.startswith(b"\x7fELF"):
                found = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?=[.\0])", content)
                newest = max([newest, *((int(major), int(minor)) for major, minor in found)])
    return newest


def _patchelf(*words: str) -> str:
    return subprocess.run(["patchelf", *words], capture_output=True, text=True, check=True).stdout

"""Linux: a tarball that a script installs into the home directory, and a Debian package."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from installer import archive, frozen, icon
from installer.libraries import glibc
from installer.product import (
    ARCHIVE_BYTES,
    CONTACT,
    DESCRIPTION,
    ID,
    IDENTIFIER,
    INSTALLER,
    KEYWORDS,
    NAME,
    PUBLISHER,
    START,
    SUMMARY,
    UNINSTALL,
    UNPACKED_BYTES,
    YEARS,
    file_name,
    machine,
    version,
)
from installer.report import note

DESKTOP_FILE = f"{IDENTIFIER}.desktop"
SECTION = "video"
LIB = f"usr/lib/{ID}"
"""Where Debian's package has the app."""
SCRIPTS = ("install.sh", "uninstall.sh")
MEMBERS = "share"
"""The folder of the tarball's app with what the desktop shows: the entry, and the icons."""


class TooLargeError(Exception):
    """What is built is larger than it may be."""


def packages(app: Path, output: Path, epoch: int, preset: int = 6) -> Iterator[Path]:
    """Make the tarball, and Debian's package where its tool is installed. Raises TooLargeError."""
    unpacked = sum(path.lstat().st_size for path in app.rglob("*") if path.is_file() and not path.is_symlink())
    if unpacked > UNPACKED_BYTES:
        raise TooLargeError(f"The app takes {unpacked / 1e6:.0f} MB unpacked; it may take {UNPACKED_BYTES / 1e6:.0f}.")
    yield (tarball := make_tarball(app, output / file_name("linux", ".tar.xz"), epoch, preset))
    if tarball.stat().st_size > ARCHIVE_BYTES:
        raise TooLargeError(f"{tarball.name} is larger than {ARCHIVE_BYTES / 1e6:.0f} MB.")
    if shutil.which("dpkg-deb") is None:
        note("`dpkg-deb` is not installed: no Debian package is made.")
        return
    yield make_deb(app, output, epoch, preset)


# What the desktop shows


def desktop_file(command: str) -> str:
    """The entry of the applications' menu. `command`: the program's full path, quoted as the key `Exec` wants it."""
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        f"Name={NAME}",
        f"Comment={SUMMARY}",
        f"Exec={quoted(command)} {' '.join(START)}",
        f"Icon={ID}",
        "Terminal=false",
        "Categories=AudioVideo;Video;AudioVideoEditing;",
        f"Keywords={''.join(f'{word};' for word in KEYWORDS)}",
        "StartupNotify=false",
    )
    return "".join(f"{line}\n" for line in lines)


def quoted(path: str) -> str:
    """A word of `Exec`: in quotes, its own escaped; then once more, as in every value; % twice."""
    inner = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in path)
    return f'"{inner}"'.replace("\\", "\\\\").replace("%", "%%")


def icons() -> dict[str, Path]:
    """Where each icon goes below share/: its path there -> the file drawn by the build."""
    drawn = {
        f"icons/hicolor/{size}x{size}/apps/{ID}.png": frozen.ICONS / f"videoshop-{size}.png" for size in icon.SIZES
    }
    return {f"icons/hicolor/scalable/apps/{ID}.svg": frozen.ICONS / "videoshop.svg", **drawn}


# The tarball


def make_tarball(app: Path, target: Path, epoch: int, preset: int = 6) -> Path:
    """Pack the app with what installs and uninstalls it for one person."""
    for name in SCRIPTS:
        (app / name).write_text(script(name), "utf-8")
        (app / name).chmod(0o755)
    for place, source in icons().items():
        (app / MEMBERS / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, app / MEMBERS / place)
    return archive.pack(app, target, top=f"{ID}-{version()}", epoch=epoch, preset=preset)


def script(name: str) -> str:
    """The install or uninstall script: its template, with what product.py says."""
    text = (INSTALLER / "templates" / name).read_text("utf-8")
    said = {
        "NAME": NAME,
        "ID": ID,
        "VERSION": version(),
        "DESKTOP_FILE": DESKTOP_FILE,
        "ENTRY": desktop_file("@APP@/videoshop").rstrip("\n"),
        "ICONS": " ".join(icons()),
        "UNINSTALL": " ".join(UNINSTALL),
    }
    for key, value in said.items():
        text = text.replace(f"@{key}@", value)
    return text


# Debian


def make_deb(app: Path, output: Path, epoch: int, preset: int = 6) -> Path:
    """Make Debian's package of the app, as `dpkg-deb` reads it."""
    target = output / f"{ID}_{version()}_{machine()}.deb"
    with tempfile.TemporaryDirectory(dir=frozen.BUILD) as folder:
        root = Path(folder) / "root"
        lay_out(app, root, epoch)
        for path in (root, *root.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (epoch, epoch), follow_symlinks=False)
        environment = {"SOURCE_DATE_EPOCH": str(epoch), "PATH": "/usr/bin:/bin"}
        words = ["dpkg-deb", "--root-owner-group", "-Zxz", f"-z{preset}", "--build", str(root), str(target)]
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    return target


def lay_out(app: Path, root: Path, epoch: int) -> None:
    """Lay out the package's files in `root` as they will be in the system."""
    left_out = shutil.ignore_patterns(*SCRIPTS, MEMBERS)
    shutil.copytree(
        app, root / LIB, symlinks=True, ignore=lambda at, names: left_out(at, names) if at == str(app) else set()
    )
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/videoshop").symlink_to(f"../lib/{ID}/videoshop")
    for place, source in icons().items():
        (root / "usr/share" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, root / "usr/share" / place)
    entry = root / "usr/share/applications" / DESKTOP_FILE
    entry.parent.mkdir(parents=True)
    entry.write_text(desktop_file("/usr/bin/videoshop"), "utf-8")
    about = root / "usr/share/doc" / ID
    about.mkdir(parents=True)
    (about / "copyright").write_text(copyright_file(), "utf-8")
    with (about / "changelog.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=epoch) as packed:
        packed.write(changelog(epoch).encode())
    control = root / "DEBIAN"
    control.mkdir()
    files = [path for path in archive.files_of(root) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if control not in path.parents]
    size = sum(path.stat().st_size for path in files)
    (control / "control").write_text(control_file(installed=size, libc=glibc(root / LIB)), "utf-8")
    sums = (f"{_md5(path)}  {path.relative_to(root).as_posix()}\n" for path in files)
    (control / "md5sums").write_text("".join(sums), "utf-8")


def control_file(*, installed: int, libc: tuple[int, int]) -> str:
    """DEBIAN/control. `installed`: bytes of all files; `libc`: the least glibc that the app runs with."""
    fields = {
        "Package": ID,
        "Version": version(),
        "Architecture": machine(),
        "Maintainer": f"{PUBLISHER} <{CONTACT}>",
        "Installed-Size": str(-(-installed // 1024)),
        "Depends": f"libc6 (>= {libc[0]}.{libc[1]})",
        "Section": SECTION,
        "Priority": "optional",
        "Description": "\n ".join((f"{SUMMARY[0].lower()}{SUMMARY[1:]}", *textwrap.wrap(DESCRIPTION, 76))),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def copyright_file() -> str:
    """debian/copyright; the terms of what the app contains are many, and stand in a file of its own."""
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {NAME}\n"
        "Comment:\n"
        " The package contains libraries and Python packages of others; their names, licences and texts are in\n"
        f" /{LIB}/licences/THIRD-PARTY.txt. x264 and x265 among them are under the GPL, version 2 or later.\n"
        "\n"
        "Files: *\n"
        f"Copyright: {YEARS} {PUBLISHER}\n"
        "License: Apache-2.0\n"
        " On Debian systems, the full text of the Apache License 2.0 is in\n"
        " /usr/share/common-licenses/Apache-2.0.\n"
    )


def changelog(epoch: int) -> str:
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return (
        f"{ID} ({version()}) stable; urgency=low\n\n  * Release {version()}.\n\n -- {PUBLISHER} <{CONTACT}>  {when}\n"
    )


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

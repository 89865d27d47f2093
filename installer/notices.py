"""The licences of all that the app contains: packages, native libraries, Python, and what starts it."""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from installer.product import ID, NAME, ROOT

CARRIED = ("uv",)
"""Distributions that the app carries as programs, where they are installed."""

LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)

TEXTS = ("", ".txt", ".md", ".rst", ".APACHE", ".BSD", ".PSF")
"""The endings of files that are texts."""

Said = dict[str, str | list[str]]
"""What a distribution says of itself, as PEP 566 writes it in JSON."""

LIBRARIES: dict[str, str] = {
    "libav": "FFmpeg, LGPL-3.0-or-later",
    "libsw": "FFmpeg, LGPL-3.0-or-later",
    "libx264": "x264, GPL-2.0-or-later",
    "libx265": "x265, GPL-2.0-or-later",
    "libSvtAv1": "SVT-AV1, BSD-3-Clause-Clear",
    "libvpx": "libvpx, BSD-3-Clause",
    "libdav1d": "dav1d, BSD-2-Clause",
    "libaom": "libaom, BSD-2-Clause",
    "libavif": "libavif, BSD-2-Clause",
    "libmp3lame": "LAME, LGPL-2.0-or-later",
    "libopus": "Opus, BSD-3-Clause",
    "libopencore-amr": "OpenCORE AMR, Apache-2.0",
    "libwebp": "libwebp, BSD-3-Clause",
    "libsharpyuv": "libwebp, BSD-3-Clause",
    "libgnutls": "GnuTLS, LGPL-2.1-or-later",
    "libnettle": "Nettle, LGPL-3.0-or-later or GPL-2.0-or-later",
    "libhogweed": "Nettle, LGPL-3.0-or-later or GPL-2.0-or-later",
    "libgmp": "GMP, LGPL-3.0-or-later or GPL-2.0-or-later",
    "libunistring": "libunistring, LGPL-3.0-or-later or GPL-2.0-or-later",
    "libasound": "ALSA library, LGPL-2.1-or-later",
    "libvpl": "Intel VPL, MIT",
    "libdrm": "libdrm, MIT",
    "libxcb": "XCB, MIT",
    "libXau": "libXau, MIT",
    "libpng": "libpng, libpng-2.0",
    "libjpeg": "libjpeg-turbo, IJG AND BSD-3-Clause",
    "libtiff": "LibTIFF, libtiff",
    "libopenjp2": "OpenJPEG, BSD-2-Clause",
    "liblcms2": "Little CMS, MIT",
    "libopenblas": "OpenBLAS, BSD-3-Clause",
    "libscipy_openblas": "OpenBLAS, BSD-3-Clause",
    "libgfortran": "GCC runtime, GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "GCC runtime, LGPL-2.1-or-later",
    "libgcc_s": "GCC runtime, GPL-3.0-or-later WITH GCC-exception-3.1",
    "libstdc++": "GCC runtime, GPL-3.0-or-later WITH GCC-exception-3.1",
    "libpython": "Python, PSF-2.0",
    "libcrypto": "OpenSSL, Apache-2.0",
    "libssl": "OpenSSL, Apache-2.0",
    "libsqlite3": "SQLite, public domain",
    "libffi": "libffi, MIT",
    "liblzma": "XZ Utils, 0BSD",
    "libbz2": "bzip2, bzip2-1.0.6",
    "libz": "zlib, Zlib",
    "libuuid": "util-linux, BSD-3-Clause",
    "libexpat": "Expat, MIT",
    "libmpdec": "mpdecimal, BSD-2-Clause",
    "libzstd": "Zstandard, BSD-3-Clause",
}
"""Native libraries by the start of their names; the longest that fits counts."""

FOREWORD = f"""{NAME} and what it is made of
{"=" * 60}

{NAME} itself is under the Apache License 2.0 (LICENSE). It contains the work of others, under their own terms.

FFmpeg and several libraries beside it are under the GNU Lesser General Public License. They are separate files in the
app's folder, are loaded while it runs, and may be replaced by other builds of the same interface. Their sources are at
https://ffmpeg.org and with PyAV (https://github.com/PyAV-Org/pyav-ffmpeg), which built them unchanged but for the
patches kept there.

x264 and x265 are under the GNU General Public License, version 2 or later. FFmpeg loads them to write H.264 and H.265.
Whoever passes this app on has to keep to that licence for the engine program, which loads them: offer the sources of
all that is in it, which are this project's own, those at the addresses above, and those of the packages below.

The panels for Photoshop, After Effects and the browser contain @noble/hashes, under the MIT License,
(c) 2022 Paul Miller (https://paulmillr.com).

The programs start with the bootloader of PyInstaller, under the GNU General Public License with an exception that lets
it start programs of any licence.
"""


class UnknownLicenceError(Exception):
    """A native library of the app whose licence nobody has looked up."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(
            f"No licence is known for {', '.join(names)}: look it up, and name it in installer/notices.py."
        )


@dataclass(frozen=True)
class Package:
    """A distribution in the app. `texts`: its licence files, by name."""

    name: str
    version: str
    licence: str
    home: str
    texts: dict[str, str]


def write(inside: Path, folder: Path) -> None:
    """Write LICENSE and THIRD-PARTY.txt into `folder`. `inside`: the app's libraries. Raises UnknownLicenceError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    carried = [name for name in CARRIED if _installed(name) is not None]
    packages = sorted(map(package, closure([f"{ID}[tray]", *carried])), key=lambda one: one.name.lower())
    text = "\n".join((FOREWORD, *_libraries(libraries(inside)), *_packages(packages), *_python()))
    (folder / "THIRD-PARTY.txt").write_text(text, "utf-8")


def closure(wanted: Iterable[str]) -> list[Distribution]:
    """The installed distributions behind these requirements, and all that they require, but not this project."""
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        asked = waiting.pop()
        here = _installed(asked.name)
        key = f"{asked.name.lower()}[{','.join(sorted(asked.extras))}]"
        if here is None or key in found:
            continue
        found[key] = here
        for text in here.requires or ():
            needs = Requirement(text)
            extras = asked.extras or {""}
            if needs.marker is None or any(needs.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needs)
    return list({one.name.lower(): one for one in found.values() if one.name != ID}.values())


def package(one: Distribution) -> Package:
    said = one.metadata.json
    licence = _word(said, "license_expression") or _short(_word(said, "license")) or _classified(said)
    addresses = [text.split(",", 1)[1].strip() for text in _list(said, "project_url") if "," in text]
    found = {path.name: Path(str(path.locate())) for path in one.files or () if LICENCE_FILE.search(path.name)}
    texts = {name: path.read_text("utf-8", "replace") for name, path in found.items() if path.suffix in TEXTS}
    home = _word(said, "home_page") or next(iter(addresses), "")
    return Package(one.name, one.version, licence or "see its texts", home, texts)


def libraries(inside: Path) -> dict[str, str]:
    """The native libraries of the app by name, and what each is. Raises UnknownLicenceError."""
    names = sorted({path.name for path in inside.rglob("lib*.so*") if not path.is_symlink()})
    known = {name: what for name in names if (what := licence_of(name)) is not None}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownLicenceError(unknown)
    return known


def licence_of(library: str) -> str | None:
    fits = [start for start in LIBRARIES if library.startswith(start)]
    return LIBRARIES[max(fits, key=len)] if fits else None


def _libraries(known: dict[str, str]) -> Iterator[str]:
    yield _title("Native libraries")
    yield from (f"{name}: {what}" for name, what in known.items())


def _packages(packages: Iterable[Package]) -> Iterator[str]:
    for one in packages:
        yield _title(f"{one.name} {one.version}")
        yield f"Licence: {one.licence}"
        yield one.home
        for name, text in one.texts.items():
            yield f"\n--- {name}\n\n{text.rstrip()}"


def _python() -> Iterator[str]:
    yield _title(f"Python {sys.version.split()[0]}")
    yield "Licence: PSF-2.0"
    places = (Path(sys.base_prefix) / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE", Path(_stdlib()) / "LICENSE.txt")
    text = next(
        (place.read_text("utf-8") for place in places if place.is_file()), "https://docs.python.org/3/license.html"
    )
    yield f"\n{text}"


def _stdlib() -> str:
    import sysconfig

    return sysconfig.get_path("stdlib")


def _title(text: str) -> str:
    return f"\n{'=' * 60}\n{text}\n{'=' * 60}"


def _word(said: Said, name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) else None


def _list(said: Said, name: str) -> list[str]:
    value = said.get(name)
    return value if isinstance(value, list) else []


def _short(text: str | None) -> str | None:
    """A licence's name; some write the whole text where the name belongs."""
    return text if text and "\n" not in text and len(text) < 80 else None


def _classified(said: Said) -> str | None:
    names = [line.rsplit("::", 1)[1].strip() for line in _list(said, "classifier") if line.startswith("License ::")]
    return ", ".join(names) or None


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None

"""Updates: a signed list says what the newest version is; its archive is fetched, proved, unpacked aside and tried.

The manifest is JSON, and beside it, at its address with `.sig`, is the base64 of its Ed25519 signature:

    {"version": "0.2.0", "archives": {"linux-amd64": {"url": "…", "sha256": "…", "size": 1, "unpacked": 2}}}

Nothing that was fetched is unpacked before signature and sha256 are right, and nothing runs before it has started once
on its own, with folders of its own. A manifest older than what runs is refused, whoever signed it.
"""

import base64
import binascii
import contextlib
import json
import logging
import os
import platform
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bridge_server.desktop import fetching, versions
from bridge_server.desktop.faults import UpdateError
from bridge_server.desktop.fetching import FetchError
from bridge_server.desktop.paths import CONFIG, DATA, Places, private_folder
from bridge_server.desktop.program import INSTALLED
from bridge_server.desktop.versions import Pointer, folder, is_version, newer, point, pointer, program_of

log = logging.getLogger("videoshop.update")

OnBytes = Callable[[int, int], None]
"""Hears how many bytes of how many were fetched."""

MANIFEST_BYTES = 1 << 20
TRIAL_SECONDS = 120.0
"""How long a new version may take to show that it works: virus scanners read it whole at its first start."""


class Archive(BaseModel):
    """`size` and `unpacked` in bytes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=1, le=4 << 30)]
    unpacked: Annotated[int, Field(ge=1, le=16 << 30)]


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    archives: dict[str, Archive]


def system() -> str:
    """This system's name in a manifest: linux-amd64."""
    name = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = platform.machine().lower()
    return f"{name}-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def read(text: bytes, signature: bytes, key: bytes) -> Manifest:
    """The manifest, if the key's owner signed these very bytes. Raises UpdateError."""
    # PyNaCl: libsodium's Ed25519 in 4 MB, kept by the people of `cryptography`, which would take 17.
    import _cffi_backend  # noqa: F401  # its library loads this, which whoever freezes the app cannot see
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(key).verify(text, base64.b64decode(signature.strip(), validate=True))
    except (CryptoError, binascii.Error, ValueError, TypeError):
        raise UpdateError.not_signed("The list of versions") from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise UpdateError.malformed(str(error.errors()[0]["msg"])) from None
    if not is_version(manifest.version):
        raise UpdateError.malformed("its version is none")
    return manifest


def look(places: Places, own: str, source: tuple[str, bytes], *, failed_too: bool = False) -> Manifest | None:
    """What is offered, if it is newer than this version, and was not given up before. Raises UpdateError."""
    address, key = source
    manifest = read(_fetch(address), _fetch(f"{address}.sig"), key)
    if not newer(manifest.version, own) or (manifest.version in pointer(places).failed and not failed_too):
        return None
    return manifest


def install(places: Places, own: str, manifest: Manifest, running_jobs: Callable[[], int], on_bytes: OnBytes) -> None:
    """Put the offered version beside this one, try it, and have it run from the next start on.

    `running_jobs` is asked before anything is done, and before the new version takes over. Raises UpdateError; then
    everything is as it was.
    """
    archive = manifest.archives.get(system())
    if archive is None:
        raise UpdateError.not_for_here(manifest.version, system())
    _not_during_a_job(running_jobs)
    target, aside = folder(places, manifest.version), places.versions / f".{manifest.version}.new"
    try:
        private_folder(places.versions)
        _room(places.versions, archive)
        with _fetched(places, archive, on_bytes) as packed:
            shutil.rmtree(aside, ignore_errors=True)
            unpack(packed, aside)
        app = _app_in(aside, manifest.version)
        shutil.rmtree(target, ignore_errors=True)
        app.replace(target)
    except OSError as error:
        raise UpdateError.not_kept(places.versions, error.strerror or "the disk refused") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    try:
        try_out(target, manifest.version)
        _not_during_a_job(running_jobs)
        now = pointer(places)
        before = now.version if now.version is not None and now.version != manifest.version else None
        failed = tuple(version for version in now.failed if version != manifest.version)
        point(places, Pointer(version=manifest.version, before=before, failed=failed))
    except UpdateError as error:
        if error.code == "update.unhealthy":
            versions.give_up(places, manifest.version)
        shutil.rmtree(target, ignore_errors=True)
        raise
    log.info("version %s takes over from %s", manifest.version, own)


def try_out(app: Path, version: str) -> None:
    """Start a version once, in folders of its own: service, client and engine have to work. Raises UpdateError."""
    with tempfile.TemporaryDirectory(prefix="videoshop-trial-") as place:
        environment = {**os.environ, CONFIG: f"{place}/config", DATA: f"{place}/data"}
        for name in (INSTALLED, "VIDEOSHOP_ENGINE"):
            environment.pop(name, None)
        try:
            tried = subprocess.run(
                [program_of(app), "self-test"],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TRIAL_SECONDS,
                check=False,
            )
            told: Any = json.loads(tried.stdout) if tried.returncode == 0 else None
        except subprocess.TimeoutExpired:
            raise UpdateError.unhealthy(version, "it did not end") from None
        except OSError as error:
            raise UpdateError.unhealthy(version, error.strerror or "it does not start") from None
        except ValueError:
            raise UpdateError.unhealthy(version, "it says something else than it should") from None
    if told is None:
        words = [line.strip() for line in tried.stderr.splitlines() if line.strip()]
        errors = [word.removeprefix("Error:").strip(" .") for word in words if word.startswith("Error:")]
        raise UpdateError.unhealthy(version, (errors or words or [f"exit code {tried.returncode}"])[-1])
    if not isinstance(told, dict) or told.get("version") != version or told.get("ok") is not True:
        raise UpdateError.unhealthy(version, "it is not what it is called")


def unpack(packed: Path, into: Path) -> None:
    """Unpack a tar or zip archive into a new folder, nothing of it elsewhere. Raises UpdateError or OSError."""
    into.mkdir(mode=0o700)
    try:
        if zipfile.is_zipfile(packed):
            _unzip(packed, into)
            return
        with tarfile.open(packed) as tar:
            tar.extractall(into, filter="data")
    except (tarfile.FilterError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UpdateError.unpacks_outside(str(error)) from None


def _unzip(packed: Path, into: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            target = (into / entry.filename).resolve()
            if not target.is_relative_to(into.resolve()) or stat.S_ISLNK(mode):
                raise UpdateError.unpacks_outside(entry.filename)
            archive.extract(entry, into)
            if mode & 0o100 and target.is_file():
                target.chmod(0o755)


def _app_in(folder: Path, version: str) -> Path:
    """The app in what was unpacked: alone in a folder of its own, or bare."""
    inside = [folder, *(path for path in folder.iterdir() if path.is_dir())]
    for path in inside:
        if program_of(path).is_file():
            return path
    raise UpdateError.unhealthy(version, "its archive holds no program")


# Fetching


def _not_during_a_job(running_jobs: Callable[[], int]) -> None:
    if jobs := running_jobs():
        raise UpdateError.busy(jobs)


def _room(place: Path, archive: Archive) -> None:
    needed = archive.size + archive.unpacked + archive.unpacked // 10
    if shutil.disk_usage(place).free < needed:
        raise UpdateError.no_room(needed)


def _fetch(address: str) -> bytes:
    try:
        with _understood():
            return fetching.read(address, MANIFEST_BYTES)
    except UpdateError as error:
        if error.code == "update.corrupt":
            raise UpdateError.malformed("it is endless") from None
        raise


@contextlib.contextmanager
def _fetched(places: Places, archive: Archive, on_bytes: OnBytes) -> Iterator[Path]:
    """The archive, whole and proved; what was fetched of it before is not fetched again. Raises UpdateError."""
    part = places.versions / f".{archive.sha256[:16]}.part"
    with _understood():
        fetching.fetch(
            archive.url, part, {archive.sha256}, lambda done: on_bytes(done, archive.size), size=archive.size
        )
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Say of what could not be fetched what it means here. Raises UpdateError."""
    try:
        yield
    except FetchError as error:
        match error.kind:
            case "unsafe":
                raise UpdateError.unsafe(error.why) from None
            case "corrupt":
                raise UpdateError.corrupt() from None
            case _:
                raise UpdateError.unreachable(error.why) from None

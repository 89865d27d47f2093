"""Who gets in, and what they may name: the pairing token, Origin and Host, and the grants of clips."""

import os
import re
import secrets
import stat
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from uuid import UUID, uuid4

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import GrantError, ServiceError
from bridge_server.protocol import limits
from bridge_server.protocol.proof import NONCE


def pairing_token(path: Path) -> bytes:
    """The 32-byte token in `path`, made at the first call: a file that only its owner reads.

    Raises ServiceError when others can read it, or when it is no token.
    """
    try:
        private_folder(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_token(path)
    except OSError as error:
        raise ServiceError.token_unusable(path, error.strerror or "it cannot be written") from None
    token = secrets.token_bytes(NONCE)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()  # half a token would be in the way of the next start
        raise ServiceError.token_unusable(path, error.strerror or "it cannot be written") from None
    return token


def _read_token(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise ServiceError.token_unusable(path, error.strerror or "it cannot be read") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if sys.platform != "win32" and (stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid()):
            raise ServiceError.token_exposed(path)
        text = file.read(1024).strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise ServiceError.token_unusable(path, "it does not hold 64 hexadecimal digits")
    return bytes.fromhex(text.decode())


def host_allowed(hosts: Sequence[str], port: int) -> bool:
    """Whether the Host headers of a request name this service. They are compared, never resolved (DNS rebinding)."""
    return len(hosts) == 1 and hosts[0].lower() in {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"}


def origin_allowed(origins: Sequence[str], allowed: frozenset[str]) -> bool:
    """Whether the Origin headers are those of a host, which sends none, or of a page on the exact list."""
    return not origins or (len(origins) == 1 and origins[0] in allowed)


_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{d}{n}" for d in ("com", "lpt") for n in "0123456789¹²³"
}


def clip_path(text: str, *, forbidden: Sequence[Path] = ()) -> Path:
    """The real path of a clip that a client named. Raises GrantError.

    Only the full path of an ordinary file, or of a folder of ordinary files, is taken: no network path, device,
    alternate stream, `..`, or symbolic link in the last place. `forbidden` folders hold the service's secrets.
    """
    if not text.isprintable():
        raise GrantError.not_allowed("it has control characters")
    if text.startswith(("\\\\", "//", "\\??\\")):
        raise GrantError.not_allowed("it is a network or device path")
    path = Path(text)
    if not path.is_absolute():
        raise GrantError.not_allowed("it is not a full path")
    windows = PureWindowsPath(text)
    if ".." in path.parts or ".." in windows.parts:
        raise GrantError.not_allowed("it climbs with “..”")
    if any(part.split(".")[0].rstrip(" ").lower() in _DEVICES for part in windows.parts):
        raise GrantError.not_allowed("it names a device")
    if sys.platform == "win32" and any(":" in part for part in windows.parts[1:]):
        raise GrantError.not_allowed("it names an alternate stream")
    try:
        status = path.lstat()
        real = path.parent.resolve(strict=True) / path.name
    except (OSError, ValueError, RuntimeError):
        raise GrantError.missing(path.name) from None
    if stat.S_ISLNK(status.st_mode):
        raise GrantError.not_allowed("it is a symbolic link")
    if stat.S_ISDIR(status.st_mode):
        _check_folder(real)
    elif not stat.S_ISREG(status.st_mode):
        raise GrantError.not_allowed("it is neither a file nor a folder")
    if any(real.is_relative_to(folder) or folder.is_relative_to(real) for folder in map(Path.resolve, forbidden)):
        raise GrantError.not_allowed("it belongs to the service")
    return real


_FOLDER_ENTRIES = 1_000_000


def _check_folder(folder: Path) -> None:
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if entry.is_symlink() or count >= _FOLDER_ENTRIES:
                    raise GrantError.not_allowed("the folder holds symbolic links, or too many files")
    except OSError:
        raise GrantError.missing(folder.name) from None


def clip_name(name: str) -> str:
    """The name under which a clip that a client sent is kept: no folder, no device, nothing that a system forbids."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = "".join("_" if letter in _FORBIDDEN or not letter.isprintable() else letter for letter in last)
    plain = plain.strip(" .").encode("utf-8", "replace")[-_NAME_BYTES:].decode("utf-8", "ignore")
    return f"clip_{plain}" if not plain or plain.split(".")[0].rstrip(" ").lower() in _DEVICES else plain


_FORBIDDEN = frozenset('<>:"/\\|?*')
_NAME_BYTES = 200


class ClipGrants:
    """The clips that one connection may use, each as it was when it was granted."""

    def __init__(self, forbidden: Sequence[Path] = ()) -> None:
        self._forbidden = tuple(forbidden)
        self._granted: dict[UUID, tuple[Path, tuple[int, ...]]] = {}

    def give(self, path: str) -> tuple[UUID, str, int]:
        """Grant a clip: the grant's id, the clip's name and its bytes. Raises GrantError."""
        return self.give_own(clip_path(path, forbidden=self._forbidden))

    def give_own(self, path: Path) -> tuple[UUID, str, int]:
        """Grant a file of the service's own. Raises GrantError."""
        if len(self._granted) >= limits.GRANTS:
            raise GrantError.too_many(limits.GRANTS)
        grant, identity = uuid4(), _identity(path)
        self._granted[grant] = path, identity
        return grant, path.name, identity[_SIZE]

    def resolve(self, grant: UUID) -> Path:
        """The clip of a grant, if it is still the same file. Raises GrantError."""
        try:
            clip, identity = self._granted[grant]
        except KeyError:
            raise GrantError.unknown() from None
        if _identity(clip) != identity:
            raise GrantError.changed(clip.name)
        return clip


_SIZE = 2
"""Where the bytes stand in an identity."""


def _identity(clip: Path) -> tuple[int, ...]:
    try:
        status = clip.lstat()
    except OSError:
        raise GrantError.missing(clip.name) from None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode

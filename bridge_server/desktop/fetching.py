"""Files from the network: gone on with where the connection broke, and taken only with the bytes that were promised.

urllib heeds HTTPS_PROXY and the like, and on Windows and macOS the proxy of the system's settings.
"""

import base64
import contextlib
import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

STALL_SECONDS = 30.0
"""A server that says nothing for so long is gone."""
PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before each further attempt; they begin anew when something came."""
BLOCK = 1 << 18
RANGE_NOT_SATISFIABLE = 416
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep whom they trust: Debian, Fedora, openSUSE, Alpine. A frozen app's OpenSSL knows the place of the
system that it was built on, and no other."""

OnBytes = Callable[[int], None]
"""Hears how many bytes there are by now, several times a second; what it raises stops the work."""


class FetchError(Exception):
    """`kind`: an “unsafe” address, a server that is “unreachable”, a file that is “gone”, or “corrupt” bytes."""

    def __init__(
        self, kind: Literal["unsafe", "unreachable", "gone", "corrupt"], why: str, status: int | None = None
    ) -> None:
        super().__init__(why)
        self.kind, self.why, self.status = kind, why, status


def fetch(
    address: str,
    part: Path,
    sha256: Collection[str],
    on_bytes: OnBytes,
    *,
    size: int | None = None,
    plain: bool = False,
    proxy: str | None = None,
    pauses: Sequence[float] | None = None,
) -> None:
    """Have a file at `part`, of which the beginning may be there, with one of these sha256 and, if given, this size.

    `plain`: without TLS too, where the sha256 is known from elsewhere. Raises FetchError, and OSError of the disk.
    """
    begun = _there(part) > 0
    _bring(address, part, size, on_bytes, plain, proxy, PAUSES if pauses is None else pauses)
    if digest(part) in sha256:
        return
    part.unlink()
    if not begun:
        raise FetchError("corrupt", "its sha256 is another one")
    # its beginning was kept from before, and may have been damaged since
    fetch(address, part, sha256, on_bytes, size=size, plain=plain, proxy=proxy, pauses=pauses)


def _bring(
    address: str,
    part: Path,
    size: int | None,
    on_bytes: OnBytes,
    plain: bool,
    proxy: str | None,
    pauses: Sequence[float],
) -> None:
    """Have all bytes at `part`, whatever they are. Raises FetchError."""
    attempts = iter(pauses)
    while size is None or _there(part) != size:
        before = _there(part)
        try:
            _receive(address, part, before, size, on_bytes, plain, proxy)
            return
        except FetchError as error:
            if error.status == RANGE_NOT_SATISFIABLE and before:  # it is all there, or too much: the sha256 tells
                return
            if error.kind != "unreachable":
                raise
            if _there(part) > before:
                attempts = iter(pauses)
            pause = next(attempts, None)
            if pause is None:
                raise
            _wait(pause, lambda: on_bytes(_there(part)))


def read(address: str, most: int, *, accept: str = "*/*", plain: bool = False, proxy: str | None = None) -> bytes:
    """All that a server says at an address, at most `most` bytes. Raises FetchError."""
    with opened(address, accept=accept, plain=plain, proxy=proxy) as answer, _heard():
        data: bytes = answer.read(most + 1)
    if len(data) > most:
        raise FetchError("corrupt", "it is endless")
    return data


@contextlib.contextmanager
def opened(
    address: str, *, begin: int = 0, accept: str = "*/*", plain: bool = False, proxy: str | None = None
) -> Iterator[Any]:
    """An answer of the server, from byte `begin` on where it can. Raises FetchError."""
    _check(address, plain)
    bare, login = _without_login(address)
    headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "videoshop-bridge"}
    headers |= {"Range": f"bytes={begin}-"} if begin else {}
    headers |= {"Authorization": login} if login else {}
    handlers: list[urllib.request.BaseHandler] = [_Redirects(plain), urllib.request.HTTPSHandler(context=_trust())]
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    request = urllib.request.Request(bare, headers=headers)
    with _heard(), urllib.request.build_opener(*handlers).open(request, timeout=STALL_SECONDS) as answer:
        yield answer


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """Turn what goes wrong between two machines into FetchError."""
    try:
        yield
    except urllib.error.HTTPError as error:
        later = error.code in (408, 425, 429) or error.code >= 500
        kind: Literal["unreachable", "gone"] = "unreachable" if later else "gone"
        raise FetchError(kind, f"the server answered {error.code}", error.code) from None
    except urllib.error.URLError as error:
        raise FetchError("unreachable", str(getattr(error.reason, "strerror", None) or error.reason)) from None
    except (TimeoutError, ConnectionError, http.client.HTTPException, ssl.SSLError) as error:
        raise FetchError("unreachable", str(error) or "the connection broke") from None


def _receive(
    address: str, part: Path, have: int, size: int | None, on_bytes: OnBytes, plain: bool, proxy: str | None
) -> None:
    """Append what comes. Raises FetchError: “unreachable” as well where it ended too early."""
    if size is not None and have > size:
        part.unlink()
        have = 0
    with opened(address, begin=have, plain=plain, proxy=proxy) as answer:
        sent = answer.headers.get("Content-Range")
        if answer.status != 206:
            have = 0
        elif sent is not None and not sent.startswith(f"bytes {have}-"):
            raise FetchError("unreachable", "the server sends another part than was asked for")
        announced = answer.headers.get("Content-Length")
        total = size if size is not None else have + int(announced) if announced else None
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            while True:
                with _heard():
                    block = answer.read(BLOCK)
                if not block:
                    break
                file.write(block)
                have += len(block)
                on_bytes(have)
                if total is not None and have > total:
                    break
            file.truncate()
    if total is not None and have > total:
        part.unlink()
        raise FetchError("corrupt", "there is more of it than announced")
    if total is not None and have < total:
        raise FetchError("unreachable", "the connection broke")


def _there(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wait(seconds: float, tick: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        tick()
        time.sleep(min(left, 0.2))


def _check(address: str, plain: bool) -> None:
    """Over https; over http to this very machine, or with `plain`."""
    parts = urllib.parse.urlsplit(address)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and (loopback or plain)):
        raise FetchError("unsafe", address)


def _without_login(address: str) -> tuple[str, str | None]:
    """The address without name and password, which go in a header of their own."""
    parts = urllib.parse.urlsplit(address)
    if parts.username is None:
        return address, None
    words = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urllib.parse.urlunsplit(bare), f"Basic {base64.b64encode(words.encode()).decode()}"


def _trust() -> ssl.SSLContext:
    """Whom the system trusts."""
    context = ssl.create_default_context()
    known = ssl.get_default_verify_paths()
    if not (known.cafile or known.capath or context.cert_store_stats()["x509_ca"]):
        file = trusts_file()
        if file is not None:
            context.load_verify_locations(file)
    return context


def trusts_file() -> str | None:
    """The file of those whom a Linux system trusts."""
    return next((path for path in CERTIFICATES if Path(path).exists()), None)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to safe addresses alone."""

    def __init__(self, plain: bool) -> None:
        self._plain = plain

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check(newurl, self._plain)
        followed = super().redirect_request(req, fp, code, msg, headers, newurl)
        here, there = (urllib.parse.urlsplit(url)[:2] for url in (req.full_url, newurl))
        if followed is not None and here != there:
            followed.remove_header("Authorization")  # it is for the first server alone
        return followed

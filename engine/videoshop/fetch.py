"""One file over HTTP: resumed by range where a connection broke, its bytes checked, in place only when it is whole.

Requests go through huggingface_hub's session, so proxies, certificates and tokens are found as it finds them. Its own
downloader starts afresh after an interruption and compares only sizes; hence this one.
"""

import hashlib
import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import certifi
import httpx
from huggingface_hub import get_session, is_offline_mode, set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled

from engine.errors import WeightsError
from engine.videoshop.stock import writing

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new attempt, as long as no byte arrives between them."""

TIMEOUT = httpx.Timeout(10.0, read=20.0)
BLOCK = 1 << 20
LATER = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that mean: ask again."""

OnBytes = Callable[[int], None]
"""Told how many more bytes of a file are there (fewer: a negative number); called often, also while waiting with 0.
What it raises stops the download, which goes on from there another time."""


class Digest(Protocol):
    """A running hash."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Expected:
    """What a file's bytes have to be: `size` of them, `digest` as “sha256:…”, or as git names small files: “git:…”."""

    size: int
    digest: str

    def running(self) -> Digest:
        """A hash of nothing yet, of the kind of `digest`."""
        if self.digest.startswith("sha256:"):
            return hashlib.sha256()
        blob = hashlib.sha1(usedforsecurity=False)
        blob.update(b"blob %d\0" % self.size)
        return blob

    def met_by(self, digest: Digest) -> bool:
        return digest.hexdigest() == self.digest.partition(":")[2]

    def met_in(self, path: Path, on_bytes: OnBytes = lambda more: None) -> bool:
        """Whether the file at `path` is there with these bytes; reads all of it."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return self.met_by(hashed(path, self.running(), on_bytes))


@dataclass(frozen=True)
class Source:
    """Where a file is, the `headers` to send, what messages call it, and the `pauses` between attempts."""

    url: str
    headers: Mapping[str, str]
    repository: str
    name: str
    pauses: Sequence[float] = PAUSES


def fetch(source: Source, expected: Expected, path: Path, on_bytes: OnBytes) -> None:
    """Download a file to `path`. An earlier attempt's beginning is kept beside it and used.

    Raises WeightsError: not_accepted, unknown_repository, unreachable, server_failed, download_failed, corrupt (wrong
    bytes twice); ResourceError.disk_full; OutputError.not_writable.
    """
    part = partial(path, expected)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            if _received(source, expected, part, on_bytes):
                part.replace(path)
                return
            on_bytes(-part.stat().st_size)
            part.unlink()
    raise WeightsError.corrupt(source.name)


def partial(path: Path, expected: Expected) -> Path:
    """Where the beginning of a file is kept: another version of the file has another one."""
    return path.with_name(f".{path.name}.{expected.digest.partition(':')[2][:12]}.part")


def hashed(path: Path, digest: Digest, on_bytes: OnBytes = lambda more: None) -> Digest:
    """`digest` after the bytes of `path`."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            on_bytes(len(block))
    return digest


class Later(Exception):  # noqa: N818 (a request to wait)
    """The server asks to come back after `seconds`."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.why, self.seconds = why, seconds


class Patience:
    """Waits between attempts, longer each time, until it is used up."""

    def __init__(self, source: Source, on_bytes: OnBytes) -> None:
        self._source, self._on_bytes = source, on_bytes
        self.renew()

    def renew(self) -> None:
        """Something arrived: the next trouble is a new one."""
        self._pauses = iter(self._source.pauses)

    def wait(self, trouble: "httpx.TransportError | Later") -> None:
        """Wait before another attempt. Raises WeightsError when there were enough of them."""
        pause = next(self._pauses, None)
        if pause is None or isinstance(trouble, httpx.UnsupportedProtocol):
            raise self._given_up(trouble) from trouble
        end = time.monotonic() + max(pause, trouble.seconds if isinstance(trouble, Later) else 0)
        while (left := end - time.monotonic()) > 0:
            self._on_bytes(0)
            time.sleep(min(left, 0.2))

    def _given_up(self, trouble: "httpx.TransportError | Later") -> WeightsError:
        host = httpx.URL(self._source.url).host or self._source.url
        if isinstance(trouble, Later):
            return WeightsError.server_failed(host, trouble.why)
        if isinstance(trouble, httpx.ReadError | httpx.ReadTimeout | httpx.RemoteProtocolError):
            return WeightsError.download_failed(self._source.name)
        why = str(trouble).partition("] ")[2] or str(trouble) or type(trouble).__name__  # without “[Errno 111] ”
        return WeightsError.unreachable(host, why)


def session(source: Source) -> httpx.Client:
    """huggingface_hub's session. Raises WeightsError.unreachable for a proxy setting that cannot be used."""
    try:
        return get_session()
    except (ValueError, ImportError) as error:
        raise WeightsError.unreachable("The proxy", str(error)) from error


def client() -> httpx.Client:
    """A client as the hub's library makes its own, that trusts whom the system trusts as well: a firm's proxy signs
    with a key of its own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    hooks = {"request": [_unless_offline]}
    return httpx.Client(verify=context, event_hooks=hooks, follow_redirects=True, timeout=None)


def _unless_offline(request: httpx.Request) -> None:
    if is_offline_mode():
        raise OfflineModeIsEnabled(f"{request.url}: HF_HUB_OFFLINE is set")


set_client_factory(client)


def check(response: httpx.Response, source: Source) -> None:
    """Raise what an answer that is not the file means: Later, or a WeightsError."""
    status = response.status_code
    if status < 400 or status == 416:
        return
    host = response.url.host
    if status in LATER or (status == 403 and response.history):  # a storage host's link that has expired
        raise Later(f"it answers {status}", _retry_after(response))
    if status in (401, 403):
        raise WeightsError.not_accepted(
            source.repository, any(name.lower() == "authorization" for name in source.headers)
        )
    if status in (404, 410):
        raise WeightsError.unknown_repository(source.repository)
    raise WeightsError.server_failed(host, f"it answers {status}")


def _received(source: Source, expected: Expected, part: Path, on_bytes: OnBytes) -> bool:
    """Bring `part` to its full size; whether its bytes are the expected ones."""
    digest, have = expected.running(), 0
    if part.exists() and part.stat().st_size <= expected.size:
        have = part.stat().st_size
        hashed(part, digest, on_bytes)
    patience = Patience(source, on_bytes)
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        while have < expected.size:
            try:
                for resumed, block in _blocks(source, have):
                    if not resumed and have:
                        on_bytes(-have)
                        digest, have = expected.running(), 0
                        file.seek(0)
                        file.truncate()
                    if have + len(block) > expected.size:
                        return False
                    file.write(block)
                    digest.update(block)
                    have += len(block)
                    on_bytes(len(block))
                    patience.renew()
                if have < expected.size:
                    raise httpx.RemoteProtocolError("the answer ended too early")
            except (httpx.TransportError, Later) as trouble:
                patience.wait(trouble)
        file.flush()
        os.fsync(file.fileno())
    return expected.met_by(digest)


def _blocks(source: Source, start: int) -> Iterator[tuple[bool, bytes]]:
    """The file's bytes from `start` on, each with whether the server did begin there (else: at 0, first block only)."""
    headers = {**source.headers, "Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with session(source).stream("GET", source.url, headers=headers, timeout=TIMEOUT) as response:
            check(response, source)
            if response.status_code == 416:
                raise Later("it refuses the range", 0)
            said = response.headers.get("Content-Range", f"bytes {start}-")
            resumed = start > 0 and response.status_code == 206 and said.startswith(f"bytes {start}-")
            for block in response.iter_bytes():  # as they come: what is gathered is lost when the connection breaks
                yield resumed, block
                resumed = True
    except OfflineModeIsEnabled as error:
        raise WeightsError.unreachable(httpx.URL(source.url).host, "HF_HUB_OFFLINE is set") from error


def _retry_after(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdigit() else 0.0

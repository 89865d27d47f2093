"""Files from a network that breaks, repeats itself, lies and redirects: real sockets of this machine."""

import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge_server.desktop import fetching
from bridge_server.desktop.fetching import FetchError, fetch, opened, read

DATA = bytes(range(256)) * 5000
SHA = hashlib.sha256(DATA).hexdigest()
QUICK = (0.0, 0.0, 0.0)


class Server:
    """Hands out DATA at every path. `breaks`: bytes after which it hangs up, once each; `statuses`: answers before."""

    def __init__(self) -> None:
        self.breaks: list[int] = []
        self.statuses: list[int] = []
        self.ranges = True
        self.data, self.announced = DATA, True
        self.asked: list[str | None] = []
        self.logins: list[str | None] = []
        self.to: str | None = None
        self.shifted = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/file"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        self.logins.append(request.headers.get("Authorization"))
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        if self.to is not None:
            request.send_response(302)
            request.send_header("Location", self.to)
            request.end_headers()
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if begin and begin >= len(self.data):
            request.send_error(416)
            return
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin + self.shifted}-{len(self.data) - 1}/{len(self.data)}")
        if self.announced:
            request.send_header("Content-Length", str(len(self.data) - begin))
        request.end_headers()
        end = begin + self.breaks.pop(0) if self.breaks else len(self.data)
        request.wfile.write(self.data[begin:end])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.http.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.http.shutdown()
    server.http.server_close()


def got(server: Server, part: Path, **more: Any) -> list[int]:
    """How many bytes there were, as it was told."""
    told: list[int] = []
    fetch(server.address, part, {SHA}, told.append, **{"pauses": QUICK, **more})
    return told


def test_a_file_comes_whole_and_its_bytes_are_told(server: Server, tmp_path: Path) -> None:
    told = got(server, tmp_path / "part", size=len(DATA))
    assert (tmp_path / "part").read_bytes() == DATA
    assert told == sorted(told)
    assert told[-1] == len(DATA)


def test_a_connection_that_breaks_again_and_again_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000] * 4  # more often than it may be tried in vain
    got(server, tmp_path / "part", size=len(DATA), pauses=QUICK[:1])
    assert (tmp_path / "part").read_bytes() == DATA
    assert server.asked == [None, *(f"bytes={300_000 * n}-" for n in (1, 2, 3, 4))]


def test_what_came_is_kept_when_it_is_given_up_or_stopped(server: Server, tmp_path: Path) -> None:
    server.breaks = [300_000, 0, 0, 0, 0]
    with pytest.raises(FetchError, match="the connection broke") as given_up:
        got(server, tmp_path / "part")
    assert given_up.value.kind == "unreachable"
    assert (tmp_path / "part").stat().st_size == 300_000

    def stop(done: int) -> None:
        if done > 600_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.address, tmp_path / "part", {SHA}, stop)
    server.asked.clear()
    kept = (tmp_path / "part").stat().st_size
    got(server, tmp_path / "part")
    assert server.asked == [f"bytes={kept}-"]
    assert (tmp_path / "part").read_bytes() == DATA


def test_what_is_there_already_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(DATA)
    got(server, tmp_path / "part", size=len(DATA))
    assert server.asked == []


def test_a_server_that_knows_no_ranges_begins_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(DATA[:1000])
    server.ranges = False
    got(server, tmp_path / "part", size=len(DATA))
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status, status]
    got(server, tmp_path / "part")
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_is_not_there_is_not_asked_for_again(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(FetchError, match=str(status)) as gone:
        got(server, tmp_path / "part")
    assert gone.value.kind == "gone"
    assert len(server.asked) == 1


@pytest.mark.parametrize("data", [DATA[:-1] + b"x", DATA + b"x", DATA[:-1]])
def test_other_bytes_are_thrown_away(server: Server, tmp_path: Path, data: bytes) -> None:
    server.data = data
    with pytest.raises(FetchError) as corrupt:
        got(server, tmp_path / "part", **({"size": len(DATA)} if len(data) > len(DATA) else {}))
    assert corrupt.value.kind == "corrupt"
    assert not (tmp_path / "part").exists()


def test_a_file_of_unknown_size_ends_where_the_server_ends(server: Server, tmp_path: Path) -> None:
    server.announced = False
    got(server, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA


@pytest.mark.parametrize("kept", [DATA, DATA + b"and more", b"x" * 1000, b"x" * len(DATA)])
def test_what_was_kept_is_used_only_if_it_is_the_beginning(server: Server, tmp_path: Path, kept: bytes) -> None:
    (tmp_path / "part").write_bytes(kept)
    got(server, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA
    assert None in server.asked or kept == DATA


def test_another_part_than_was_asked_for_is_not_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(DATA[:1000])
    server.shifted = 1
    with pytest.raises(FetchError, match="another part"):
        got(server, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == DATA[:1000]


def test_a_server_that_is_not_there_is_said(tmp_path: Path, server: Server) -> None:
    server.http.server_close()
    with pytest.raises(FetchError) as nobody:
        got(server, tmp_path / "part")
    assert nobody.value.kind == "unreachable"
    assert "refused" in nobody.value.why


@pytest.mark.parametrize("address", ["http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"])
def test_only_safe_addresses_are_asked(server: Server, address: str) -> None:
    with pytest.raises(FetchError) as unsafe:
        read(address, 10)
    assert unsafe.value.kind == "unsafe"
    server.to = address
    with pytest.raises(FetchError) as unsafe:
        read(server.address, 10)
    assert unsafe.value.kind in ("unsafe", "gone")  # urllib follows to no file by itself


def test_a_login_goes_in_a_header_and_to_the_first_server_alone(server: Server) -> None:
    other = Server()
    threading.Thread(target=other.http.serve_forever, args=(0.05,), daemon=True).start()
    server.to = other.address
    with opened(server.address.replace("//", "//me:p%40ss@")) as answer:
        assert answer.read() == DATA
    assert server.logins == ["Basic bWU6cEBzcw=="]
    assert other.logins == [None]
    other.http.shutdown()
    other.http.server_close()


def test_an_endless_answer_is_not_read(server: Server) -> None:
    with pytest.raises(FetchError, match="endless"):
        read(server.address, 1000)


def test_a_proxy_is_asked_in_place_of_the_server(server: Server) -> None:
    proxy = server.address.removesuffix("/file")
    assert read("http://files.example/x", len(DATA), plain=True, proxy=proxy) == DATA


def test_an_app_that_was_built_elsewhere_finds_whom_this_system_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere: Any = (None, None, "SSL_CERT_FILE", "/none", "SSL_CERT_DIR", "/none")
    nowhere = ssl.DefaultVerifyPaths(*nowhere)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if not any(Path(path).exists() for path in fetching.CERTIFICATES):
        pytest.skip("this system keeps them elsewhere")
    assert fetching._trust().cert_store_stats()["x509_ca"] > 0

"""A small HTTP server that stands in for the hub: lists a repository, hands out its files by range, and misbehaves."""

import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

COMMIT = "c0ffee0000000000000000000000000000000000"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class Hub:
    """Serves `files` of `repository`. Large files are redirected to a storage host, as the hub does.

    Trouble, all by file name: `breaks` bytes after which the connection is cut, once each; `wrong` times that its
    bytes are altered; `refuses` statuses to answer with, once each (also by the name “list”). `token`, when set, is
    needed. With `ranges` False every answer is the whole file.
    """

    def __init__(self, repository: str, folder: Path) -> None:
        self.repository = repository
        self.files = {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }
        self.breaks: dict[str, list[int]] = {}
        self.wrong: Counter[str] = Counter()
        self.refuses: dict[str, list[int]] = {}
        self.token: str | None = None
        self.ranges = True
        self.asked: list[tuple[str, int]] = []
        """Name and first byte of every file asked for; the list of files is “list”."""
        self.sent: Counter[str] = Counter()
        """Bytes sent of each file."""
        self.tokens_at_storage: list[str] = []
        self.proxied = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = _Server(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked_for(self, name: str) -> list[int]:
        """The first byte of each request for a file."""
        return [start for asked, start in self.asked if asked == name]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        if found := re.match(r"http://[^/]+(/.*)", path):  # as a proxy is asked
            self.proxied, path = self.proxied + 1, found[1]
        path = path.partition("?")[0]
        token = request.headers.get("Authorization", "")
        if path.startswith("/storage/"):
            self.tokens_at_storage.append(token)
            self._send(request, path.removeprefix("/storage/"))
        elif path == f"/api/models/{self.repository}/revision/main":
            self.asked.append(("list", 0))
            if not self._refused(request, "list", token):
                self._reply(request, 200, json.dumps(self._listing()).encode(), {"Content-Type": "application/json"})
        elif found := re.fullmatch(rf"/{self.repository}/resolve/{COMMIT}/(.+)", path):
            name = found[1]
            if self._refused(request, name, token):
                return
            if name not in self.files:
                self._reply(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
            elif name.endswith(".safetensors"):
                location = f"http://127.0.0.1:{self.port}/storage/{name}"
                if self.proxied:
                    location = f"/storage/{name}"
                digest, size = hashlib.sha256(self.files[name]).hexdigest(), str(len(self.files[name]))
                linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": size, "X-Repo-Commit": COMMIT}
                self._reply(request, 302, b"", {"Location": location, **linked})
            else:
                self._send(request, name)
        else:
            self._reply(request, 404, b"", {"X-Error-Code": "RepoNotFound"})

    def _refused(self, request: BaseHTTPRequestHandler, name: str, token: str) -> bool:
        statuses = self.refuses.get(name, [])
        if statuses:
            self._reply(request, statuses.pop(0), b"", {})
            return True
        if self.token is not None and name != "list" and token != f"Bearer {self.token}":
            self._reply(request, 403 if token else 401, b"", {"X-Error-Code": "GatedRepo"})
            return True
        return False

    def _send(self, request: BaseHTTPRequestHandler, name: str) -> None:
        data, start = self.files[name], 0
        if found := re.match(r"bytes=(\d+)-", request.headers.get("Range", "") if self.ranges else ""):
            start = int(found[1])
        self.asked.append((name, start))
        if self.wrong[name]:
            self.wrong[name] -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        body = data[start:]
        cuts = self.breaks.get(name, [])
        cut = cuts.pop(0) if cuts else None
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body if cut is None else body[:cut])
        request.wfile.flush()
        self.sent[name] += len(body if cut is None else body[:cut])
        if cut is not None:
            request.close_connection = True

    def _reply(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _listing(self) -> dict[str, Any]:
        siblings = []
        for name, data in self.files.items():
            file: dict[str, Any] = {"rfilename": name, "size": len(data)}
            file["blobId"] = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            if name.endswith(".safetensors"):
                file["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 135}
            siblings.append(file)
        return {"_id": "1", "id": self.repository, "sha": COMMIT, "private": False, "siblings": siblings}

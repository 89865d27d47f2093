"""Apps as updates bring them, of scripts instead of frozen programs; and a server that offers them, signed."""

import base64
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any, Self

from nacl.signing import SigningKey

from bridge_server.desktop.update import system

ROOT = Path(__file__).parents[3]

PROGRAM = """#!{python}
import importlib.metadata, sys
real = importlib.metadata.version
importlib.metadata.version = lambda name: "{version}" if name == "videoshop-bridge" else real(name)
sys.frozen, sys.executable = True, __file__
sys._MEIPASS = __file__.rpartition("/")[0]
{first}
from bridge_server.cli import main
main()
"""

ENGINE = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.bridge_server.fake_engine import COMMANDS
from engine.worker import main
main(COMMANDS)
"""


def make_app(folder: Path, version: str, first: str = "") -> Path:
    """An app: `videoshop` says that it is frozen and of this version; its engine is the simulated one. `first` is
    Python that runs before the program."""
    folder.mkdir(parents=True)
    texts = {
        "videoshop": PROGRAM.format(python=sys.executable, version=version, first=first),
        "videoshop-engine": ENGINE.format(python=sys.executable, root=str(ROOT)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder / "videoshop"


def packed(folder: Path) -> bytes:
    """A .tar.xz of an app, in a folder of its own."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as tar:
        tar.add(folder, arcname="videoshop-bridge")
    return file.getvalue()


class Offer:
    """A real HTTP server on the loopback that offers a version. `breaks`: it hangs up after so many bytes, once."""

    def __init__(self) -> None:
        self.key = SigningKey.generate()
        self.files: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.breaks: int | None = None
        offer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                offer._answer(self)

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def source(self) -> tuple[str, bytes]:
        return f"{self.address}/manifest.json", bytes(self.key.verify_key)

    def write_source(self, file: Path) -> Path:
        """The file that tells an app of this server."""
        file.write_text(json.dumps({"manifest": self.source[0], "key": self.source[1].hex()}))
        return file

    def publish(self, version: str, archive: bytes, **more: Any) -> None:
        entry = {
            "url": f"{self.address}/app.tar.xz",
            "sha256": hashlib.sha256(archive).hexdigest(),
            "size": len(archive),
            "unpacked": 100_000,
        }
        manifest = json.dumps({"version": version, "archives": {system(): {**entry, **more}}}).encode()
        signature = base64.b64encode(self.key.sign(manifest).signature)
        self.files = {"/manifest.json": manifest, "/manifest.json.sig": signature, "/app.tar.xz": archive}

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        data = self.files.get(request.path)
        if data is None:
            request.send_error(404)
            return
        begin = 0
        if request.path == "/app.tar.xz":
            asked = request.headers.get("Range")
            self.ranges.append(asked)
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(data) - begin))
        request.end_headers()
        end = len(data)
        if self.breaks is not None and request.path == "/app.tar.xz":
            end, self.breaks = begin + self.breaks, None
        request.wfile.write(data[begin:end])

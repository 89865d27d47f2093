"""`videoshop serve` with one of its pages: the plain one, or the panel as it was built for the test."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from bridge_server.desktop.paths import CONFIG, DATA, Places
from tests.needs import missing, needed

PLUGIN = Path(__file__).parents[2] / "uxp_plugin"

_SERVE = """
import functools, pathlib, sys
from bridge_server import cli, server

server.pages = functools.partial(server.pages, pathlib.Path(sys.argv.pop(1)))
cli.main()
"""


def built_panel(folder: Path) -> Path:
    """The panel's page, built into a folder."""
    node = needed("node", ("node", "nodejs"))
    if not (PLUGIN / "node_modules").is_dir():
        missing("node", "uxp_plugin/node_modules is not there: run `npm ci` in uxp_plugin/")
    command = [node, "build/build.mjs", "--out", str(folder), "browser"]
    subprocess.run(command, cwd=PLUGIN, check=True, timeout=60)
    return folder / "browser"


class Service:
    """A service on a port of its own, to be killed and started again. `panel`: a built panel; None: the plain page."""

    def __init__(self, folder: Path, panel: Path | None = None) -> None:
        self.places = Places(folder / "config", folder / "data")
        self._panel = panel or folder / "never built"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}/"
        self._environment = os.environ | {CONFIG: str(self.places.config), DATA: str(self.places.data)}

    def start(self) -> None:
        command = [sys.executable, "-c", _SERVE, str(self._panel), "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("Listening on ws://localhost:")

    def end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()

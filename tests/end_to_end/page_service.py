"""`videoshop serve` with one of its pages: the plain one, or the panel as it was built for the test."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page

from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from tests.plugin import npm

_SERVE = """
import functools, pathlib, sys
from bridge_server import cli, server

server.pages = functools.partial(server.pages, pathlib.Path(sys.argv.pop(1)))
cli.main()
"""


def built_panel(folder: Path) -> Path:
    """The panel's page, built into a folder."""
    done = npm("run", "build", "--", "--out", str(folder), "browser", patience=60)
    assert done.returncode == 0, done.stdout
    return folder / "browser"


class Service:
    """A service on a port of its own, to be killed and started again. `panel`: a built panel; None: the plain page.
    `more`: environment variables."""

    def __init__(self, folder: Path, panel: Path | None = None, **more: str) -> None:
        self.places = Places(folder / "config", folder / "data")
        self._panel = panel or folder / "never built"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}/"
        self._environment = os.environ | {CONFIG: str(self.places.config), DATA: str(self.places.data), **more}

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


@contextlib.asynccontextmanager
async def beside(places: Places) -> AsyncIterator[Client]:
    """A host beside the page; what it leaves in the queue is cleared."""
    async with await Client.connect(places) as client:
        yield client
    async with await Client.connect(places) as client:
        for job in await client.jobs():
            if job.state in ("queued", "running"):
                await client.cancel(job.job)
        await client.resume()


@contextlib.asynccontextmanager
async def well_behaved(context: BrowserContext, *, patience: float) -> AsyncIterator[Page]:
    """A page that must neither fail nor want what its policy forbids; `patience` in seconds."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    def fail(error: Error) -> None:
        complaints.append(error.message)

    context.set_default_timeout(1000 * patience)
    page = await context.new_page()
    page.on("console", hear)
    page.on("pageerror", fail)
    yield page
    await close(context)
    assert complaints == []


async def close(context: BrowserContext) -> None:
    """Close a page; a browser that cannot is killed, for the next test to start another."""
    try:
        async with asyncio.timeout(60):
            await context.close()
    except TimeoutError:
        warnings.warn("the browser hung while a page was closed", stacklevel=1)
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "--headless" in process.cmdline():
                    process.kill()
        while context.browser is not None and context.browser.is_connected():
            await asyncio.sleep(0.05)

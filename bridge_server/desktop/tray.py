"""The tray icon without its icon: follows the service, starts it, and does what the menu asks. Shells show it."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
import webbrowser
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bridge_server.client import Client, Preview
from bridge_server.desktop import autostart, outside, plugins, settings
from bridge_server.desktop.instance import alive, discover
from bridge_server.desktop.paths import Places, private_folder
from bridge_server.desktop.program import program, start_apart
from bridge_server.desktop.tray_state import Action, State, after, lost, met
from bridge_server.errors import BridgeError, UnreachableError
from bridge_server.pairing_cli import doorway
from bridge_server.protocol.limits import CloseCode
from bridge_server.protocol.pairing import normal

log = logging.getLogger("videoshop.tray")

AGAIN_SECONDS = 1.0
"""How often a service is looked for where there is none, and how often the settings are looked at."""
START_SECONDS = 20.0
"""How long a service that was started may take to listen: the first start after an update is slow."""
CRASHES, CRASH_SECONDS = 4, 60.0
"""A service that falls more often than so many times in so many seconds is not started again."""
COMMAND_SECONDS = 10.0
FAREWELL_SECONDS = 1.0
"""How long a service may take to say goodbye to an icon that leaves."""


class Shell(Protocol):
    """Shows the icon and its menu; `act` hears what the person chose."""

    act: Callable[[Action], None]

    def show(self, state: State) -> None: ...
    def tell(self, title: str, text: str) -> None:
        """Show a notification, where the system has such."""
        ...


class Updates(Protocol):
    """Where new versions come from. The methods take long: they are called in a thread. Each raises BridgeError."""

    def look(self) -> str | None:
        """The version that is offered, if it is newer than this one."""
        ...

    def install(self) -> None:
        """Have the offered version run from the next start on."""
        ...


class Tray:
    """`run` until the person quits; `act` for each choice in the menu. Both in one event loop."""

    def __init__(
        self,
        places: Places,
        shell: Shell,
        *,
        updates: Updates | None = None,
        start: "Callable[[Places], subprocess.Popen[bytes] | None] | None" = None,
    ) -> None:
        self._places, self._shell, self._updates = places, shell, updates
        self._start = start or start_service
        self._started: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self._wanted = True
        self._crashes: deque[float] = deque()
        self._over = asyncio.Event()
        self._next: tuple[str, ...] = ()
        self._first = not places.token.exists()
        """Whether nothing of the app has run for this person yet."""
        self._greeting: asyncio.Task[None] | None = None
        self.state = State()

    async def run(self) -> tuple[str, ...]:
        """Follow the service until the person quits; the command to go on with, if there is one."""
        self._show(replace(self.state, at_login=settings.load(self._places).start_at_login))
        tasks = [asyncio.create_task(work()) for work in (self._follow, self._watch_settings, self._look_daily)]
        over = asyncio.create_task(self._over.wait())
        try:
            done, _ = await asyncio.wait((over, *tasks), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            ending = [task for task in (over, self._greeting, *tasks) if task is not None]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending, timeout=FAREWELL_SECONDS)
        return self._next

    def quit(self) -> None:
        """Take the icon away; the service goes on."""
        self._over.set()

    def _show(self, state: State) -> None:
        if state != self.state or state.service == "starting":
            self.state = state
            self._shell.show(state)

    # Following the service

    async def _follow(self) -> None:
        while True:
            if self._wanted:
                await self._bring_up()
            try:
                async with await Client.connect(self._places, host="tray") as client:
                    await self._hear(client)
            except UnreachableError as error:
                if error.code not in ("bridge.not_running", "bridge.no_answer", "bridge.closed"):
                    self._give_up(error.message)
                elif self.state.service == "running":
                    self._fell(ended=f"({CloseCode.GOING_AWAY}" in error.message)
            except BridgeError as error:
                log.warning("%s", error.message)
            finally:
                self._client = None
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hear(self, client: Client) -> None:
        """What the service tells, from now on."""
        self._client, self._wanted = client, True
        async for news in client.watch_all():
            if self.state.service != "running":
                self._show(met(replace(self.state, note=None), tuple(await client.jobs())))
                self._greeting = self._greeting or asyncio.create_task(self._greet())  # browsers take their time
            if not isinstance(news, Preview):
                self._show(after(self.state, news))

    async def _greet(self) -> None:
        """Show who installed the app a moment ago what there is to set up, and tell who updated it that the panels in
        Adobe's programs are still those of before."""
        if self._first:
            await self.act("set up")
        elif await asyncio.to_thread(plugins.outdated, self._places, plugins.folder()):
            self._tell("The panels are of an older version: “Set up” updates them")

    def _fell(self, *, ended: bool) -> None:
        """The service is gone. One that somebody ended stays so; one that crashed is started again, if it did not do
        so too often."""
        now = time.monotonic()
        self._crashes.append(now)
        while now - self._crashes[0] > CRASH_SECONDS:
            self._crashes.popleft()
        if ended:
            self._give_up(None)
        elif len(self._crashes) > CRASHES:
            self._give_up("The service fell again and again: see its logs")
        else:
            self._show(lost(self.state, "gone"))

    def _give_up(self, note: str | None) -> None:
        """Start no service any more until the person asks for it."""
        self._wanted = False
        self._show(replace(lost(self.state, "gone"), note=note))

    async def _bring_up(self) -> None:
        """Start the service if none runs, and wait until it says where it listens."""
        try:
            if not await asyncio.to_thread(alive, self._places):
                self._show(lost(self.state, "starting"))
                self._started = await asyncio.to_thread(self._start, self._places)
                await self._listening()
        except (BridgeError, OSError) as error:
            self._give_up(str(error))

    async def _listening(self) -> None:
        """Wait for the service's announcement."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if discover(self._places.discovery) is not None and alive(self._places):
                return
            if self._started is not None and self._started.poll() not in (None, 0):
                break
            await asyncio.sleep(0.1)
        self._give_up("The service does not start: see its logs")

    async def _watch_settings(self) -> None:
        """The command line changes settings too, and they are the truth."""
        last, there = None, False
        while not there or self._places.config.exists():  # else it was uninstalled
            there = self._places.config.exists()
            now = _changed_at(self._places.settings)
            if now != last:
                last = now
                chosen = await asyncio.to_thread(settings.load, self._places)
                self._show(replace(self.state, at_login=chosen.start_at_login))
            await asyncio.sleep(AGAIN_SECONDS)
        self.quit()

    # Doing what the menu asks

    async def act(self, action: Action) -> None:
        try:
            await self._do(action)
        except BridgeError as error:
            self._tell(error.message)
        except OSError as error:
            self._tell(error.strerror or str(error))

    async def _do(self, action: Action) -> None:
        match action:
            case "open":
                await self._open_page()
            case "set up":
                await self._open_page("/setup")
            case "pair":
                await self._pair()
            case "pause":
                await self._asked.pause()
            case "resume":
                await self._asked.resume()
            case "release":
                await self._asked.release_engine()
                self._tell("The graphics memory of engines that rest is free")
            case "login on" | "login off":
                await asyncio.to_thread(self._at_login, action == "login on")
            case "logs":
                await asyncio.to_thread(open_folder, private_folder(self._places.logs))
            case "check":
                await self._look(asked=True)
            case "update":
                await self._update()
            case "start":
                self._crashes.clear()
                self._wanted = True
            case "quit":
                await self._quit()

    @property
    def _asked(self) -> Client:
        if self._client is None:
            raise UnreachableError.not_running()
        return self._client

    def _tell(self, text: str) -> None:
        self._show(replace(self.state, note=text))
        self._shell.tell("Videoshop Bridge", text)

    async def _open_page(self, place: str = "") -> None:
        """`place`: the part of the page that is to be seen first."""
        client = self._asked
        code = await client.open_pairing()
        page = doorway(self._places.config, f"http://localhost:{client.port}/#{normal(code.code)}{place}")
        self._show(replace(self.state, failed=None, note=None))  # the page tells what failed
        if not await asyncio.to_thread(webbrowser.open, page.as_uri()):
            raise UnreachableError.no_browser()

    async def _pair(self) -> None:
        code = await self._asked.open_pairing()
        self._show(replace(self.state, code=code.code))
        self._shell.tell(code.code, f"Type this code into the panel within {code.seconds / 60:.0f} minutes.")
        asyncio.get_running_loop().call_later(code.seconds, self._forget, code.code)

    def _forget(self, code: str) -> None:
        if self.state.code == code:
            self._show(replace(self.state, code=None))

    def _at_login(self, wanted: bool) -> None:
        settings.change(self._places, start_at_login=wanted)
        autostart.reconcile(self._places, wanted)

    async def _quit(self) -> None:
        """End the service, then the icon. A job that runs goes on when the service is back."""
        if self._client is not None:
            with contextlib.suppress(BridgeError):  # it is gone already
                await self._client.end(now=True)
        self.quit()

    # Updates

    async def _look_daily(self) -> None:
        """Look for a new version now and once a day, if the person lets us."""
        while True:
            if self._updates is not None and settings.load(self._places).check_for_updates:
                with contextlib.suppress(BridgeError):  # the network may be down: nobody asked
                    await self._look(asked=False)
            await asyncio.sleep(86400.0)

    async def _look(self, *, asked: bool) -> None:
        if self._updates is None:
            self._tell("This copy is updated as it was installed")
            return
        newer = await asyncio.to_thread(self._updates.look)
        self._show(replace(self.state, newer=newer))
        if newer is not None:
            self._shell.tell("Videoshop Bridge", f"Version {newer} can be installed from the menu.")
        elif asked:
            self._tell("This is the newest version")

    async def _update(self) -> None:
        """Install the new version, end this one and go on with that; not while a job runs."""
        if self._updates is None:
            return
        self._show(replace(self.state, note="Fetching the new version…"))
        await asyncio.to_thread(self._updates.install)
        if self._client is not None:
            await self._client.end()  # refused while a job runs: then the next start is the new version's
        self._next = program("tray", windowed=True)
        self.quit()


def start_service(places: Places) -> "subprocess.Popen[bytes] | None":
    """Start the service: by who starts it at login too, else as a process of its own."""
    log.info("starting the service")
    if autostart.starts_by_systemd(places) and _done("systemctl", "--user", "start", autostart.UNIT):
        return None
    if sys.platform == "darwin" and autostart.KIND in autostart.made(places):
        agent = f"gui/{os.getuid()}/{autostart.LABEL}"
        if _done("launchctl", "kickstart", agent):
            return None
    return start_apart(program("serve", windowed=True))


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager. Raises OSError."""
    if sys.platform == "win32":
        os.startfile(folder)
    else:
        opener = "open" if sys.platform == "darwin" else "xdg-open"
        subprocess.run([opener, str(folder)], env=outside.environment(), check=False, timeout=COMMAND_SECONDS)


def _done(*command: str) -> bool:
    """Whether a program of the system's did what it was told."""
    try:
        done = subprocess.run(
            command, env=outside.environment(), capture_output=True, check=False, timeout=COMMAND_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0

"""The tray at a real service, with a shell that remembers what it was to show."""

import asyncio
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bridge_server.client import Client
from bridge_server.desktop import plugins, pystray_icon, settings, tray
from bridge_server.desktop.faults import TrayError
from bridge_server.desktop.instance import alive, discover, single
from bridge_server.desktop.made import note
from bridge_server.desktop.paths import Places
from bridge_server.desktop.program import program
from bridge_server.desktop.tray import Tray
from bridge_server.desktop.tray_state import Action, State, menu
from bridge_server.handshake import pair
from bridge_server.protocol import messages as m
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.processes import gone

SERVE = (
    sys.executable,
    "-c",
    "import runpy, sys; from pathlib import Path; from bridge_server.desktop.instance import single\n"
    "from bridge_server.desktop.paths import Places\n"
    "with single(Places(*map(Path, sys.argv[1:]))): runpy.run_module('tests.bridge_server.serve', run_name='__main__')",
)
"""The service with the simulated engine, as the user's only one."""


class Shown:
    """A shell without an icon."""

    def __init__(self) -> None:
        self.act: Callable[[Action], None] = lambda action: None
        self.states: list[State] = []
        self.told: list[tuple[str, str]] = []

    def show(self, state: State) -> None:
        self.states.append(state)

    def tell(self, title: str, text: str) -> None:
        self.told.append((title, text))

    async def until(self, true: Callable[[State], bool], seconds: float = 30.0) -> State:
        async with asyncio.timeout(seconds):
            while not (self.states and true(self.states[-1])):
                await asyncio.sleep(0.02)
        return self.states[-1]


def running(state: State) -> bool:
    return state.service == "running"


@pytest_asyncio.fixture
async def server(places: Places) -> AsyncIterator[BridgeServer]:
    """A service as `videoshop serve` runs it: the user's only one."""
    with single(places):
        async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server:
            yield server


@pytest.fixture
def shell() -> Shown:
    return Shown()


@pytest.fixture(autouse=True)
def _home_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that pages lead to, which a browser would open."""
    opened: list[str] = []

    def open_browser(page: str) -> bool:
        opened.append(Path(page.removeprefix("file://")).read_text().partition("url=")[2].partition('"')[0])
        return True

    monkeypatch.setattr(webbrowser, "open", open_browser)
    return opened


@asynccontextmanager
async def shown(tray: Tray) -> AsyncIterator["asyncio.Task[tuple[str, ...]]"]:
    task = asyncio.create_task(tray.run())
    try:
        yield task
    finally:
        tray.quit()
        await asyncio.wait_for(task, 5)


async def test_it_follows_the_queue_and_its_jobs(
    server: BridgeServer, client: Client, clip: Path, places: Places, shell: Shown
) -> None:
    async with shown(Tray(places, shell)):
        await shell.until(running)
        grant = await client.grant(clip)
        edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
        for act in ("work", "refuse"):
            params = m.JobParams(
                grant=grant,
                keyframes=(m.KeyframeParams(edited=edited, frame=2),),
                settings={"act": act, "steps": "4", "pause": "0.1"},
            )
            await client.submit(params)
        state = await shell.until(lambda state: state.job is not None and state.job.done == 3)
        assert "a clip.mp4: propagating, 75 %" in [item.text for item in menu(state)]
        state = await shell.until(lambda state: state.failed is not None)
        assert "a clip.mp4: The edited frame is 2×2 but the clip's frames are 4×4." in [
            item.text for item in menu(state)
        ]


async def test_the_menu_pauses_and_goes_on_and_frees_memory(
    server: BridgeServer, client: Client, places: Places, shell: Shown
) -> None:
    tray = Tray(places, shell)
    async with shown(tray):
        await shell.until(running)
        await tray.act("pause")
        assert (await client.queue()).paused
        assert (await shell.until(lambda state: state.paused)).paused
        await tray.act("resume")
        assert not (await client.queue()).paused
        await server._questions_engine.ask("probe", {"clip": "x"})
        pid = server._questions_engine.pid
        assert pid is not None
        await tray.act("release")
        assert await asyncio.to_thread(gone, pid)


async def test_a_code_is_shown_that_lets_a_panel_in(server: BridgeServer, places: Places, shell: Shown) -> None:
    tray = Tray(places, shell)
    async with shown(tray):
        await shell.until(running)
        await tray.act("pair")
        code = shell.states[-1].code
        assert code is not None
        assert shell.told == [(code, "Type this code into the panel within 5 minutes.")]
        assert await pair(server.port, code, "panel") == pairing_token(places.token)


async def test_the_page_is_opened_and_what_failed_is_seen(
    server: BridgeServer, places: Places, shell: Shown, opened: list[str]
) -> None:
    tray = Tray(places, shell)
    async with shown(tray):
        await shell.until(running)
        await tray.act("open")
        (address,) = opened
        assert address.startswith(f"http://localhost:{server.port}/#")
        await tray.act("set up")
        assert opened[1].endswith("/setup")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for Linux's entry")
async def test_start_at_login_is_a_setting_and_what_the_command_line_sets_is_shown(
    server: BridgeServer, places: Places, shell: Shown, tmp_path: Path
) -> None:
    entry = tmp_path / "home/.config/autostart/videoshop.desktop"
    tray = Tray(places, shell)
    async with shown(tray):
        await shell.until(running)
        await tray.act("login on")
        assert settings.load(places).start_at_login
        assert entry.exists()
        await shell.until(lambda state: state.at_login)
        settings.change(places, start_at_login=False)
        await shell.until(lambda state: not state.at_login)


async def test_the_logs_folder_is_there_to_be_opened(
    server: BridgeServer, places: Places, shell: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(tray, "open_folder", opened.append)
    one = Tray(places, shell)
    async with shown(one):
        await one.act("logs")
    assert opened == [places.logs]
    assert places.logs.is_dir()


async def test_quitting_ends_the_service_too(server: BridgeServer, places: Places, shell: Shown) -> None:
    tray = Tray(places, shell)
    async with shown(tray) as task:
        await shell.until(running)
        await tray.act("quit")
        assert await asyncio.wait_for(task, 5) == ()
        await asyncio.wait_for(server.wait(), 5)


async def test_panels_of_an_older_version_are_told(
    server: BridgeServer, places: Places, shell: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dist/aftereffects-script").mkdir(parents=True)
    (tmp_path / "dist/aftereffects-script" / plugins.SCRIPT).write_text("(function () { newer(); })();")
    (tmp_path / plugins.SCRIPT).write_text("(function () {})();")
    note(places, plugins.KIND, [str(tmp_path / plugins.SCRIPT)])
    monkeypatch.setattr(plugins, "folder", lambda: tmp_path / "dist")
    async with shown(Tray(places, shell)):
        await shell.until(lambda state: state.note is not None and "older version" in state.note)
    assert len(shell.told) == 1


async def test_an_uninstalled_app_has_no_icon(server: BridgeServer, places: Places, shell: Shown) -> None:
    async with shown(Tray(places, shell)) as task:
        await shell.until(running)
        await server.stop()
        shutil.rmtree(places.config)
        assert await asyncio.wait_for(task, 5) == ()


# Updates


class Offered:
    """A new version that is offered."""

    def __init__(self, newer: str | None) -> None:
        self.newer, self.installed = newer, 0

    def look(self) -> str | None:
        return self.newer

    def install(self) -> None:
        self.installed += 1


async def test_a_newer_version_is_found_by_itself_installed_on_request_and_gone_on_with(
    server: BridgeServer, places: Places, shell: Shown
) -> None:
    updates = Offered("9.0")
    tray = Tray(places, shell, updates=updates)
    async with shown(tray) as task:
        await shell.until(lambda state: running(state) and state.newer == "9.0")
        assert updates.installed == 0
        await tray.act("update")
        assert await asyncio.wait_for(task, 5) == program("tray", windowed=True)
        assert updates.installed == 1
        await asyncio.wait_for(server.wait(), 5)


async def test_switched_off_it_looks_only_when_it_is_asked(server: BridgeServer, places: Places, shell: Shown) -> None:
    settings.change(places, check_for_updates=False)
    tray = Tray(places, shell, updates=Offered("9.0"))
    async with shown(tray):
        await shell.until(running)
        await asyncio.sleep(0.1)
        assert shell.states[-1].newer is None
        await tray.act("check")
        assert shell.states[-1].newer == "9.0"


# Starting the service


@asynccontextmanager
async def services(places: Places) -> AsyncIterator[Callable[[Places], "subprocess.Popen[bytes]"]]:
    """Starts services as the tray would, and ends them."""
    started: list[subprocess.Popen[bytes]] = []

    def start(places: Places) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([*SERVE, str(places.config), str(places.data)], stdout=subprocess.DEVNULL))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()


async def test_who_starts_it_for_the_first_time_is_shown_what_there_is_to_set_up(
    places: Places, shell: Shown, opened: list[str]
) -> None:
    async with services(places) as start:
        async with shown(Tray(places, shell, start=start)):
            await shell.until(running)
            async with asyncio.timeout(10):
                while not opened:
                    await asyncio.sleep(0.05)
            assert opened[0].endswith("/setup")
            async with await Client.connect(places) as client:
                await client.end()
            await shell.until(lambda state: state.service == "gone")
        again = Shown()
        async with shown(Tray(places, again, start=start)):
            await again.until(running)
            await asyncio.sleep(0.3)
    assert len(opened) == 1


async def test_it_starts_the_service_and_starts_it_again_after_a_crash(places: Places, shell: Shown) -> None:
    async with services(places) as start, shown(Tray(places, shell, start=start)):
        await shell.until(running)
        first = discover(places.discovery)
        assert first is not None
        subprocess.run(["kill", "-9", str(first.pid)], check=True)
        await shell.until(lambda state: not running(state))
        await shell.until(running)
        second = discover(places.discovery)
        assert second is not None
        assert second.pid != first.pid
        assert alive(places)


async def test_a_service_that_was_ended_stays_ended_until_the_person_starts_it(places: Places, shell: Shown) -> None:
    async with services(places) as start:
        tray = Tray(places, shell, start=start)
        async with shown(tray):
            await shell.until(running)
            async with await Client.connect(places) as client:
                await client.end()
            await shell.until(lambda state: state.service == "gone")
            await asyncio.sleep(1.2)
            assert not alive(places)
            await tray.act("start")
            await shell.until(running)


async def test_a_service_that_falls_at_once_is_given_up_with_a_word(places: Places, shell: Shown) -> None:
    def falls(places: Places) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    async with shown(Tray(places, shell, start=falls)):
        state = await shell.until(lambda state: state.service == "gone")
        assert state.note == "The service does not start: see its logs"


# pystray's menu, which Windows and macOS show


class Dispatched:
    """An event loop that remembers what it was to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def call_soon_threadsafe(self, *call: Any) -> None:
        self.calls.append(call)


@pytest.fixture
def icon(monkeypatch: pytest.MonkeyPatch) -> pystray_icon.PystrayIcon:
    pytest.importorskip("pystray._base") if "pystray" in sys.modules else monkeypatch.setenv("PYSTRAY_BACKEND", "dummy")
    monkeypatch.setattr(pystray_icon, "_x11_tray", lambda: True)
    return pystray_icon.PystrayIcon()


def test_pystray_gets_the_same_menu(icon: pystray_icon.PystrayIcon) -> None:
    state = State(service="running", at_login=True)
    icon._state = state
    lines = list(icon.icon.menu.items)
    assert [line.text for line in lines if line.text != "- - - -"] == [item.text for item in menu(state) if item.text]
    by_text = {line.text: line for line in lines}
    assert by_text["Start at login"].checked is True
    assert by_text["Open Videoshop"].default
    assert not by_text["Ready"].enabled
    loop: Any = Dispatched()
    icon.loop = loop
    by_text["Pause the queue"](icon.icon)
    assert loop.calls == [(icon.act, "pause")]


def test_without_a_screen_it_says_what_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(TrayError, match="no screen") as refused:
        pystray_icon.PystrayIcon()
    assert "videoshop open" in refused.value.hint

"""The icon in a real panel: seen on its screen, its menu driven over the bus and with a mouse."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress, Properties, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from bridge_server.client import Client
from bridge_server.desktop.icon import FILL
from bridge_server.desktop.instance import alive, discover, single
from bridge_server.desktop.paths import Places
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.desktop.panel import BAR, Panel, session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a desktop of Linux")

ICON = ("mousemove", "12", str(BAR // 2))


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    with session(tmp_path_factory.mktemp("home")) as panel:
        yield panel


@asynccontextmanager
async def tray(panel: Panel, places: Places, **more: str) -> AsyncIterator["subprocess.Popen[str]"]:
    """`videoshop tray --at-login` in the session."""
    environment = panel.environment | {
        "VIDEOSHOP_CONFIG": str(places.config),
        "VIDEOSHOP_DATA": str(places.data),
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge_server.cli", "tray", "--at-login"],
        env={name: value for name, value in environment.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        said, _ = await asyncio.to_thread(process.communicate, timeout=10)
        assert said == ""


class Menu:
    """The menu of an icon, as a panel reads and drives it over the bus."""

    def __init__(self, panel: Panel) -> None:
        self._bus: Any = open_dbus_connection(panel.environment["DBUS_SESSION_BUS_ADDRESS"])
        watcher = DBusAddress(
            "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher", "org.kde.StatusNotifierWatcher"
        )
        ((_, items),) = self._asked(Properties(watcher).get("RegisteredStatusNotifierItems"))
        (name,) = [item.partition("/")[0] for item in items]
        self.item = DBusAddress("/StatusNotifierItem", name, "org.kde.StatusNotifierItem")
        (told,) = self._asked(Properties(self.item).get_all())
        self.properties: dict[str, Any] = {key: value for key, (_, value) in told.items()}
        self._menu = DBusAddress(self.properties["Menu"], name, "com.canonical.dbusmenu")

    def _asked(self, message: Any) -> Any:
        return unwrap_msg(self._bus.send_and_get_reply(message, timeout=10))

    def lines(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """The id and the properties of each line, by what it says."""
        _, (_, _, below) = self._asked(new_method_call(self._menu, "GetLayout", "iias", (0, -1, [])))
        told = [(id, {key: value for key, (_, value) in properties.items()}) for _, (id, properties, _) in below]
        return {properties["label"]: (id, properties) for id, properties in told if "label" in properties}

    def click(self, line: str) -> None:
        self._asked(new_method_call(self._menu, "Event", "isvu", (self.lines()[line][0], "clicked", ("s", ""), 0)))

    def close(self) -> None:
        self._bus.close()


async def until_paused(client: Client, paused: bool) -> None:
    async with asyncio.timeout(20):
        while (await client.queue()).paused != paused:
            await asyncio.sleep(0.05)


async def test_the_icon_is_seen_and_its_menu_pauses_works_and_quits(panel: Panel, places: Places, clip: Path) -> None:
    loop = asyncio.get_running_loop()

    async def seen(colour: tuple[int, int, int]) -> bool:
        return await loop.run_in_executor(None, panel.shows, colour)

    service = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    with single(places):
        async with service, tray(panel, places) as process:
            assert await seen(FILL["idle"])
            async with await Client.connect(places) as client:
                await drive_over_the_bus(panel, client, seen)
                await work(client, clip)
                assert await seen(FILL["working"])
            await loop.run_in_executor(None, quit_by_mouse, panel)
            assert await loop.run_in_executor(None, process.wait, 20) == 0
            await asyncio.wait_for(service.wait(), 20)


async def drive_over_the_bus(panel: Panel, client: Client, seen: Any) -> None:
    menu = await asyncio.to_thread(Menu, panel)
    assert menu.properties["Title"] == "Videoshop Bridge: Ready"
    assert [(width, height, len(pixels)) for width, height, pixels in menu.properties["IconPixmap"]] == [
        (22, 22, 4 * 22 * 22),
        (44, 44, 4 * 44 * 44),
    ]
    lines = await asyncio.to_thread(menu.lines)
    assert list(lines)[:4] == ["Ready", "Open Videoshop", "Set up plugins and the diffusion method", "Pair a plugin"]
    assert lines["Ready"][1]["enabled"] is False
    assert lines["Start at login"][1]["toggle-state"] == 0
    await asyncio.to_thread(menu.click, "Pause the queue")
    await until_paused(client, True)
    assert await seen(FILL["paused"])
    await asyncio.to_thread(menu.click, "Start at login")
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(menu.lines))["Start at login"][1]["toggle-state"] != 1:
            await asyncio.sleep(0.05)
    assert (Path(panel.environment["HOME"]) / ".config/autostart/videoshop.desktop").exists()
    await asyncio.to_thread(menu.click, "Pair a plugin")
    async with asyncio.timeout(20):
        while not any(line.startswith("Code for the panel: ") for line in await asyncio.to_thread(menu.lines)):
            await asyncio.sleep(0.05)
    await asyncio.to_thread(menu.click, "Go on with the queue")
    await until_paused(client, False)
    menu.close()


async def work(client: Client, clip: Path) -> None:
    """Have a job run."""
    grant = await client.grant(clip)
    edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
    settings = {"steps": "40", "pause": "0.5"}
    params = m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited, frame=2),), settings=settings)
    await client.submit(params)


def quit_by_mouse(panel: Panel) -> None:
    """Open the menu with the right button, and choose its last line."""
    panel.do(*ICON, "click", "3")
    assert panel.opens()
    if folder := os.environ.get("VIDEOSHOP_TESTS_PICTURES"):
        panel.picture().save(Path(folder) / "tray.png")
    panel.do("key", "End", "Return")


async def test_in_a_panel_of_x11_alone_the_icon_is_seen_and_a_click_opens_the_page(
    panel: Panel, places: Places, browser: Path, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    loop = asyncio.get_running_loop()
    service = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    more = {"DBUS_SESSION_BUS_ADDRESS": "", "PYSTRAY_BACKEND": "xorg", "BROWSER": str(browser)}
    with single(places):
        async with service, tray(panel, places, **more):
            assert await loop.run_in_executor(None, panel.shows, FILL["idle"])
            async with asyncio.timeout(30):
                while not opened.exists():
                    await asyncio.to_thread(panel.do, *ICON, "click", "1")
                    await asyncio.sleep(0.5)
    assert opened.read_text() == (places.config / "open.html").as_uri()


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser that writes down the page it was given, in “opened” beside it."""
    browser = tmp_path / "browser"
    opened = tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n')
    browser.chmod(0o755)
    return browser


def test_on_a_desktop_without_a_place_for_icons_the_service_starts_and_its_page_opens(
    places: Places, browser: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    with session(tmp_path / "home", icons=False) as desktop:
        environment = desktop.environment | {
            "VIDEOSHOP_CONFIG": str(places.config),
            "VIDEOSHOP_DATA": str(places.data),
            "BROWSER": str(browser),
        }
        command = [sys.executable, "-m", "bridge_server.cli", "tray"]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (told.returncode, told.stdout) == (0, "")
        assert "The page opens in the browser." in told.stderr
        running = discover(places.discovery)
        assert running is not None
        try:
            opened = tmp_path / "opened"
            while not opened.exists():
                time.sleep(0.05)
            assert opened.read_text() == (places.config / "open.html").as_uri()
            page = (places.config / "open.html").read_text()
            assert f"http://localhost:{running.port}/#" in page
            assert '/setup"' in page  # nothing has run here before
        finally:
            os.kill(running.pid, signal.SIGTERM)
            while alive(places):
                time.sleep(0.05)


async def test_started_again_it_opens_the_page_of_the_one_that_is_there(
    panel: Panel, places: Places, browser: Path, tmp_path: Path
) -> None:
    service = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    with single(places):
        async with service, tray(panel, places, BROWSER=str(browser)):
            loop = asyncio.get_running_loop()
            assert await loop.run_in_executor(None, panel.shows, FILL["idle"])
            environment = panel.environment | {
                "VIDEOSHOP_CONFIG": str(places.config),
                "VIDEOSHOP_DATA": str(places.data),
                "BROWSER": str(browser),
            }
            command = (sys.executable, "-m", "bridge_server.cli", "tray")
            again = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
            _, said = await asyncio.wait_for(again.communicate(), 30)
            assert again.returncode == 0
            assert "The icon is shown already." in said.decode()
            async with asyncio.timeout(10):
                while not (tmp_path / "opened").exists():
                    await asyncio.sleep(0.05)
    assert '/setup"' not in (places.config / "open.html").read_text()


def test_without_a_panel_it_says_so_and_what_works_without(places: Places, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment |= {
        "HOME": str(tmp_path),
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/none",
        "VIDEOSHOP_CONFIG": str(places.config),
        "VIDEOSHOP_DATA": str(places.data),
    }
    told = subprocess.run(
        [sys.executable, "-m", "bridge_server.cli", "tray"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        "Error: No icon can be shown here: the session has no message bus.",
        "Hint: Use `videoshop open` for the page and `videoshop jobs` for the queue; they need no tray.",
    ]

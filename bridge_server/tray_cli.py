"""`videoshop tray`: the icon, a client of the service like any other."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places, private_folder

if TYPE_CHECKING:
    from bridge_server.desktop.tray import Shell
    from bridge_server.desktop.tray_state import Action

EPILOG = "**Example**\n\n`videoshop settings set start_at_login on` shows it each time you log in."

LOGIN_SECONDS = 60.0
"""How long a panel may take to come up after the login."""


def tray(
    at_login: Annotated[bool, typer.Option("--at-login", help="Wait for the panel, which may come up later.")] = False,
) -> None:
    """Show the icon: how it stands, the job that runs, pairing, pause, start at login. It starts the service.

    The service and every other command work without it. Where the desktop has no place for an icon, or has it
    already, the page opens.
    """
    from bridge_server.desktop.faults import TrayError

    places = Places.of_user()
    try:
        with _alone(places):
            then = _shown_as_chosen(places, at_login)
    except TrayError as error:
        if at_login or error.code not in ("tray.no_place", "tray.already") or not _has_screen():
            raise
        _note(f"{error.message} The page opens in the browser.")
        _open_page(places)
        return
    if then:
        os.execv(then[0], then) if sys.platform != "win32" else subprocess.Popen(then)


def _shown_as_chosen(places: Places, at_login: bool) -> tuple[str, ...]:
    """Bring what starts at login in line with the settings, and show the icon; see `_shown`."""
    from bridge_server.desktop import autostart, settings
    from bridge_server.desktop.faults import TrayError
    from bridge_server.desktop.instance import alive
    from bridge_server.desktop.tray import start_service

    try:
        autostart.reconcile(places, settings.load(places, _note).start_at_login)
    except OSError as error:
        _note(f"What starts at login could not be brought in line with the settings: {error.strerror}.")
    try:
        return _shown(places, LOGIN_SECONDS if at_login else 0.0)
    except TrayError:
        if at_login and not alive(places):  # without an icon the panels still need the service
            start_service(places)
        raise


def _shown(places: Places, patience: float) -> tuple[str, ...]:
    """Show the icon until the person quits; the command to go on with. Raises TrayError where none can be shown."""
    from bridge_server.desktop.faults import TrayError

    async def follow(shell: Any) -> tuple[str, ...]:
        return await _follow(places, shell)

    if sys.platform == "linux":
        try:
            from bridge_server.desktop import status_notifier
        except ImportError:
            raise TrayError.not_installed() from None
        try:
            begun = time.monotonic()
            return asyncio.run(status_notifier.run(follow, patience=patience))
        except TrayError as error:
            first = error
        try:
            from bridge_server.desktop import pystray_icon

            return pystray_icon.run(follow, patience=max(0.0, begun + patience - time.monotonic()))
        except TrayError:
            raise first from None
    from bridge_server.desktop import pystray_icon

    return pystray_icon.run(follow, patience=patience)


async def _follow(places: Places, shell: "Shell") -> tuple[str, ...]:
    """The tray behind a shell, until the person quits, or Ctrl-C takes the icon away."""
    from bridge_server.desktop.frozen import frozen
    from bridge_server.desktop.tray import Tray
    from bridge_server.update_cli import Updates

    tray = Tray(places, shell, updates=Updates(places) if frozen() else None)
    loop, doing = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def act(action: "Action") -> None:
        task = loop.create_task(tray.act(action))
        doing.add(task)
        task.add_done_callback(doing.discard)

    shell.act = act
    if sys.platform != "win32":
        with contextlib.suppress(RuntimeError, ValueError):  # pystray has the first thread: there Ctrl-C ends all
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, tray.quit)
    return await tray.run()


def _has_screen() -> bool:
    return sys.platform != "linux" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _open_page(places: Places) -> None:
    """Start the service, if it does not run, and open its page. Raises BridgeError."""
    from bridge_server.desktop.faults import TrayError
    from bridge_server.desktop.instance import alive, discover
    from bridge_server.desktop.tray import START_SECONDS, start_service
    from bridge_server.pairing_cli import open_in_browser

    first = not places.token.exists()
    if not alive(places):
        start_service(places)
    deadline = time.monotonic() + START_SECONDS
    while not (alive(places) and discover(places.discovery)):
        if time.monotonic() > deadline:
            raise TrayError.service_silent(f"it said nothing for {START_SECONDS:.0f} s")
        time.sleep(0.1)
    open_in_browser("/setup" if first else "")


@contextlib.contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Be this user's only icon. Raises TrayError."""
    from bridge_server.desktop.faults import TrayError
    from engine.lock import hold

    lock = private_folder(places.config) / "tray.lock"
    with open(lock, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        try:
            hold(file)
        except OSError:
            raise TrayError.already() from None
        yield


def _note(trouble: str) -> None:
    say(f"[yellow]Note:[/] {plain(trouble)}")

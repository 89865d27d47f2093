"""The tray icon of Windows, of macOS, and of X11's older panels, by pystray.

Those of X11 show no menu, as it has none to give them: there a click opens the page.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from bridge_server.desktop.faults import TrayError
from bridge_server.desktop.icon import draw, steps
from bridge_server.desktop.tray_state import Action, Item, State, headline, menu, mood, share

SIZE = 64
LOOK_SECONDS = 0.5


def run(work: "Work", *, patience: float) -> tuple[str, ...]:
    """Show an icon in this thread, the process's first, while `work` runs in another; return what it does.

    Raises TrayError where there is no place for one within `patience` seconds.
    """
    shell = PystrayIcon(patience)
    results: list[tuple[str, ...]] = []
    faults: list[BaseException] = []

    def working() -> None:
        try:
            results.append(asyncio.run(_with(shell, work)))
        except BaseException as error:
            faults.append(error)
        finally:
            shell.icon.stop()

    thread = threading.Thread(target=working, name="tray")

    def begin(icon: Any) -> None:
        icon.visible = True
        thread.start()

    shell.icon.run(begin)
    if thread.ident is not None:
        thread.join()
    if faults:
        raise faults[0]
    return results[0] if results else ()


async def _with(shell: "PystrayIcon", work: "Work") -> tuple[str, ...]:
    shell.loop = asyncio.get_running_loop()
    return await work(shell)


class PystrayIcon:
    """The icon. `act` hears, in the thread of `loop`, what the person chose."""

    def __init__(self, patience: float = 0.0) -> None:
        self._pystray = _pystray(patience)
        self._state = State()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.act: Callable[[Action], None] = lambda action: None
        self.icon = self._pystray.Icon(
            "videoshop", draw("idle", SIZE), "Videoshop Bridge", menu=self._pystray.Menu(self._lines)
        )
        if type(self.icon).__module__ == "pystray._xorg":
            _ask_for_clicks(self.icon)

    def show(self, state: State) -> None:
        before, self._state = self._state, state
        if (mood(before), steps(share(before))) != (mood(state), steps(share(state))):
            self.icon.icon = draw(mood(state), SIZE, share(state))
        if headline(before) != headline(state):
            self.icon.title = f"Videoshop Bridge: {headline(state)}"
        if menu(before) != menu(state):
            self.icon.update_menu()

    def tell(self, title: str, text: str) -> None:
        if self.icon.HAS_NOTIFICATION:
            self.icon.notify(text, title)

    def _lines(self) -> Iterator[Any]:
        for item in menu(self._state):
            yield self._pystray.Menu.SEPARATOR if not item.text else self._line(item)

    def _line(self, item: Item) -> Any:
        return self._pystray.MenuItem(
            item.text,
            lambda icon, line: self._choose(item.act),
            checked=None if item.checked is None else lambda line: bool(item.checked),
            default=item.default,
            enabled=item.act is not None,
        )

    def _choose(self, action: Action | None) -> None:
        if action is not None and self.loop is not None:
            self.loop.call_soon_threadsafe(self.act, action)


Work = Callable[[PystrayIcon], Coroutine[Any, Any, tuple[str, ...]]]
"""What goes on while an icon is shown: the program to go on with then, if any."""


def _pystray(patience: float) -> Any:
    """pystray, once there is a place for its icon. Raises TrayError."""
    if sys.platform == "linux":
        deadline = time.monotonic() + patience
        while not _x11_tray():
            if time.monotonic() > deadline:
                raise TrayError.no_place("this session has no panel with a place for icons")
            time.sleep(LOOK_SECONDS)
    try:
        import pystray
    except ImportError as error:
        raise TrayError.no_place(str(error)) from None
    return pystray


def _x11_tray() -> bool:
    """Whether a panel of X11 takes icons: it owns the selection that is made for that. Raises TrayError."""
    try:
        import Xlib.display
        import Xlib.error
    except ImportError:
        raise TrayError.not_installed() from None
    try:
        display = Xlib.display.Display()
    except (Xlib.error.DisplayError, OSError):
        raise TrayError.no_place("there is no screen") from None
    try:
        selection = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
        owner: int = display.get_selection_owner(selection)
        return owner != 0  # nobody
    finally:
        display.close()


def _ask_for_clicks(icon: Any) -> None:
    """pystray 0.19 handles clicks on X11, but does not ask for them; some panels pass them on all the same."""
    from Xlib import X

    icon._window.change_attributes(event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask)
    icon._display.flush()

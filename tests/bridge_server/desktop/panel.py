"""A desktop's session for tests: a screen without glass, a message bus and Xfce's panel with its place for icons."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jeepney import message_bus
from jeepney.io.blocking import open_dbus_connection
from PIL import Image, ImageGrab

from tests.needs import needed

SIZE = (640, 360)
BAR = 32
"""Height of the panel, at the top of the screen; icons stand at its left end."""

PANELS, PANEL_SECONDS = 4, 20.0
"""How often a panel is started, and how long each may take."""

CONFIG = f"""<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="{BAR}"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
"""


class Panel:
    """The session; `environment` is that of its programs."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def picture(self) -> Image.Image:
        """What the screen shows."""
        return ImageGrab.grab(xdisplay=self.environment["DISPLAY"]).convert("RGB")

    def shows(self, colour: tuple[int, int, int], seconds: float = 30.0) -> bool:
        """Whether an icon of this colour stands in the panel, or comes to stand there."""
        return self._comes(lambda: self._count(colour, (0, 0, 3 * BAR, BAR)) > 60, seconds)

    def opens(self, seconds: float = 20.0) -> bool:
        """Whether a menu hangs below the panel, or comes to hang there: the screen is black where nothing is."""
        below = (0, BAR + 2, 300, SIZE[1])
        return self._comes(lambda: self._count((0, 0, 0), below) < 0.8 * 300 * (SIZE[1] - BAR - 2), seconds)

    def _count(self, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> int:
        return sum(count for count, pixel in self.picture().crop(box).getcolors(1 << 24) or () if pixel == colour)

    def _comes(self, true: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def do(self, *words: str) -> None:
        """Move the mouse, click, press keys: xdotool's words."""
        subprocess.run([needed("desktop", ("xdotool",)), *words], env=self.environment, check=True, timeout=20)


@contextlib.contextmanager
def session(home: Path, *, icons: bool = True) -> Iterator[Panel]:
    """A session with its own home folder; everything of it ends with the block. Without `icons` it has no panel."""
    screen, bus = needed("desktop", ("Xvfb",)), needed("desktop", ("dbus-daemon",))
    panel = needed("desktop", ("xfce4-panel",))
    channel = home / ".config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"
    channel.parent.mkdir(parents=True)
    channel.write_text(CONFIG)
    (home / "run").mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_"))}
    environment = kept | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "NO_AT_BRIDGE": "1",
        "LC_ALL": "C.UTF-8",
    }
    with contextlib.ExitStack() as stack:
        number = _said(stack, [screen, "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-displayfd", "1"], environment)
        environment["DISPLAY"] = f":{number}"
        environment["DBUS_SESSION_BUS_ADDRESS"] = _said(
            stack, [bus, "--session", "--nofork", "--print-address=1"], environment
        )
        if icons:
            _start_panel(stack, panel, environment)
        yield Panel(environment)


def _start_panel(stack: contextlib.ExitStack, panel: str, environment: dict[str, str]) -> None:
    """Start the panel until it has its place for icons: on a busy machine it may give up waiting for its settings."""
    for _ in range(PANELS):
        process = _running(stack, [panel, "--disable-wm-check"], environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PANEL_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if _has_watcher(environment):
                return
            time.sleep(0.1)
        process.kill()
    raise AssertionError("the panel has no place for icons")


def _has_watcher(environment: dict[str, str]) -> bool:
    with open_dbus_connection(environment["DBUS_SESSION_BUS_ADDRESS"]) as bus:
        reply = bus.send_and_get_reply(message_bus.NameHasOwner("org.kde.StatusNotifierWatcher"), timeout=10)
    (owned,) = reply.body
    return bool(owned)


def _said(stack: contextlib.ExitStack, command: list[str], environment: dict[str, str]) -> str:
    """Start a program, and return the line that it says first."""
    process = _running(stack, command, environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline().decode().strip()
    assert line, f"{command[0]} ended at once"
    return line


def _running(
    stack: contextlib.ExitStack, command: list[str], environment: dict[str, str], stdout: int
) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.DEVNULL)

    def end() -> None:
        process.terminate()
        process.communicate(timeout=10)

    stack.callback(end)
    return process

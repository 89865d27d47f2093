"""How this program is started again: by the tray, at login, after an update."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bridge_server.desktop.frozen import frozen
from bridge_server.desktop.paths import CONFIG, DATA

CONSOLE, WINDOWED = "videoshop", "videoshop-tray"
"""The app's two programs that do the same, with a console and without."""

INSTALLED = "VIDEOSHOP_INSTALLED"
"""Environment variable that names the program that was installed, to the version that it handed over to: what starts
that one starts whichever is to run."""

KEPT = (CONFIG, DATA)
"""Environment variables without which another start would be another installation's."""


def program(*arguments: str, windowed: bool = False, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The command line that runs this app again; `windowed`: without a console, where the system would open one.

    An AppImage is mounted anew for each run: its file is what stays.
    """
    if not frozen():
        return (_interpreter(windowed), "-P", "-m", "bridge_server.cli", *arguments)
    if sys.platform == "linux":
        return (environment.get(INSTALLED) or environment.get("APPIMAGE") or sys.executable, *arguments)
    own = Path(environment.get(INSTALLED) or sys.executable)
    other = own.with_name(f"{WINDOWED if windowed else CONSOLE}{own.suffix}")
    return (str(other if other.exists() else own), *arguments)


def _interpreter(windowed: bool) -> str:
    silent = Path(sys.executable).with_name("pythonw.exe")
    return str(silent) if windowed and sys.platform == "win32" and silent.exists() else sys.executable


def start_apart(command: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """Start a program that outlives this one, and whose window nobody sees."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=flags,
        close_fds=True,
    )

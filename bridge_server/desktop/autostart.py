"""What starts with the person's session: rendered from the program's own command line, kept as the settings say.

| system | the service | the icon |
| --- | --- | --- |
| Windows | started by the icon | a value under `Run` in the registry of the user |
| macOS | a LaunchAgent, started again when it fails | another one, for sessions with a screen |
| Linux with systemd | a unit of the user, started again when it fails | an XDG autostart entry |
| other | started by the icon | an XDG autostart entry |

No entry needs an administrator, and none starts anything before the person is there: the graphics card and the folders
are theirs.
"""

import contextlib
import importlib
import logging
import os
import plistlib
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from bridge_server.desktop import outside
from bridge_server.desktop.made import made, note, write_whole
from bridge_server.desktop.paths import Places
from bridge_server.desktop.program import KEPT, program
from bridge_server.desktop.settings import chosen

log = logging.getLogger("videoshop.desktop")

KIND = "autostart"
UNIT = "videoshop.service"
LABEL = "org.videoshop.bridge"
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
VALUE = "Videoshop Bridge"
SYSTEMCTL_SECONDS = 10.0


@dataclass(frozen=True)
class Entry:
    """A file with this text; `link`: a symbolic link to it; else, a value of the registry's key `Run`."""

    place: str
    text: str
    link: bool = False


@dataclass(frozen=True)
class System:
    """What decides what starts a session's programs."""

    platform: str
    home: Path
    config: Path
    systemd: bool

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> "System":
        home = Path.home()
        config = environment.get("XDG_CONFIG_HOME", "")
        runtime = environment.get("XDG_RUNTIME_DIR", "")
        return cls(
            sys.platform,
            home,
            Path(config) if PurePath(config).is_absolute() else home / ".config",
            systemd=bool(runtime) and (Path(runtime) / "systemd").is_dir(),
        )


def entries(
    system: System, serve: Sequence[str], tray: Sequence[str], environment: Mapping[str, str]
) -> tuple[Entry, ...]:
    """What starts `serve` and `tray`, command lines, with the session; `environment` is set for both."""
    if system.platform == "win32":
        return (Entry(rf"HKCU\{RUN}\{VALUE}", subprocess.list2cmdline(tray)),)
    if system.platform == "darwin":
        agents = system.home / "Library/LaunchAgents"
        return (
            Entry(str(agents / f"{LABEL}.plist"), service_agent(serve, environment)),
            Entry(str(agents / f"{LABEL}.tray.plist"), icon_agent(tray, environment)),
        )
    icon = Entry(str(system.config / "autostart/videoshop.desktop"), desktop_entry(tray, environment))
    if not system.systemd:
        return (icon,)
    units = system.config / "systemd/user"
    return (
        Entry(str(units / UNIT), systemd_unit(serve, environment)),
        Entry(str(units / "default.target.wants" / UNIT), f"../{UNIT}", link=True),  # what `systemctl enable` makes
        icon,
    )


def systemd_unit(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """A unit that is started again when it fails, four times a minute at most; not when the person ended it.

    `MemoryDenyWriteExecute`, which others of its kind have, would keep the engine from compiling for the GPU.
    """
    lines = [
        "[Unit]",
        "Description=Videoshop Bridge",
        "StartLimitIntervalSec=60",
        "StartLimitBurst=4",
        "",
        "[Service]",
        *(f"Environment={_systemd_word(f'{name}={value}')}" for name, value in environment.items()),
        f"ExecStart={' '.join(_systemd_word(word).replace('$', '$$') for word in command)}",
        "Restart=on-failure",
        "RestartSec=1",
        "NoNewPrivileges=true",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _systemd_word(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{quoted}"'


def desktop_entry(command: Sequence[str], environment: Mapping[str, str]) -> str:
    words = [*command]
    if environment:
        words = ["env", *(f"{name}={value}" for name, value in environment.items()), *words]
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=Videoshop Bridge",
        "Comment=Propagates an edited frame through a video",
        f"Exec={' '.join(map(_desktop_word, words))}",
        "Terminal=false",
        "X-GNOME-Autostart-enabled=true",
    ]
    return "\n".join(lines) + "\n"


def _desktop_word(word: str) -> str:
    """A word of `Exec`: quoted, and the backslashes of its quoting once more, as in every value."""
    quoted = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return f'"{quoted}"'.replace("\\", "\\\\").replace("%", "%%")


def service_agent(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """`KeepAlive` only after a failure: kept alive in any case, it would come back when the person quits."""
    return _plist(
        Label=LABEL,
        ProgramArguments=list(command),
        EnvironmentVariables=dict(environment),
        RunAtLoad=True,
        KeepAlive={"SuccessfulExit": False},
        ThrottleInterval=15,
        ProcessType="Background",
    )


def icon_agent(command: Sequence[str], environment: Mapping[str, str]) -> str:
    return _plist(
        Label=f"{LABEL}.tray",
        ProgramArguments=list(command),
        EnvironmentVariables=dict(environment),
        RunAtLoad=True,
        LimitLoadToSessionType="Aqua",
        ProcessType="Interactive",
    )


def _plist(**keys: Any) -> str:
    return plistlib.dumps({name: value for name, value in keys.items() if value != {}}).decode()


# Keeping them as the settings say


def reconcile(
    places: Places,
    wanted: bool,
    *,
    thorough: bool = False,
    system: System | None = None,
    environment: Mapping[str, str] = os.environ,
    registry: Any = None,
) -> bool:
    """Make the entries, or remove those that were made; whether anything had to change. Raises OSError.

    What was not made here is left alone: an entry of another installation, or one that the person wrote. `thorough`:
    entries that are ours to the letter count as made here, though nobody wrote that down.
    """
    known = made(places).get(KIND, ())
    if not (wanted or known or thorough):
        return False
    system = system or System.here(environment)
    kept = {name: environment[name] for name in KEPT if environment.get(name) and name not in chosen(environment)}
    serve = program("serve", environment=environment)
    tray = program("tray", "--at-login", windowed=True, environment=environment)
    ours, shelf = entries(system, serve, tray, kept), _Shelf(registry)
    due = ours if wanted else ()
    if thorough:
        found = [entry.place for entry in ours if shelf.read(entry.place) == entry.text]
        known = tuple(dict.fromkeys((*known, *found)))
    stale = [place for place in known if place not in {entry.place for entry in due}]
    missing = [entry for entry in due if shelf.read(entry.place) != entry.text]
    if stale or missing or len(known) != len(due):
        note(places, KIND, [*known, *(entry.place for entry in due)])  # before: a crash leaves nothing unknown behind
    for place in stale:
        shelf.remove(place)
    for entry in missing:
        shelf.write(entry)
    if stale or missing:
        note(places, KIND, [entry.place for entry in due])
        if any(UNIT in place for place in (*stale, *(entry.place for entry in missing))):
            _tell_systemd()
    return bool(stale or missing)


def starts_by_systemd(places: Places) -> bool:
    """Whether the service is a unit of the user: then systemd starts it, and starts it again when it fails."""
    return any(PurePath(place).name == UNIT for place in made(places).get(KIND, ()))


class _Shelf:
    """Files, links and values of the registry, by the place of an entry."""

    def __init__(self, registry: Any = None) -> None:
        self._registry = registry

    def read(self, place: str) -> str | None:
        if place.startswith("HKCU\\"):
            key, value = _split(place)
            try:
                with self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, key) as opened:
                    return str(self._winreg.QueryValueEx(opened, value)[0])
            except FileNotFoundError:
                return None
        path = Path(place)
        try:
            return str(path.readlink()) if path.is_symlink() else path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def write(self, entry: Entry) -> None:
        if entry.place.startswith("HKCU\\"):
            key, value = _split(entry.place)
            with self._winreg.CreateKey(self._winreg.HKEY_CURRENT_USER, key) as opened:
                self._winreg.SetValueEx(opened, value, 0, self._winreg.REG_SZ, entry.text)
            return
        path = Path(entry.place)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            path.unlink(missing_ok=True)
            path.symlink_to(entry.text)
        else:
            write_whole(path, entry.text)

    def remove(self, place: str) -> None:
        if place.startswith("HKCU\\"):
            key, value = _split(place)
            with (
                contextlib.suppress(FileNotFoundError),
                self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, key, 0, self._winreg.KEY_SET_VALUE) as opened,
            ):
                self._winreg.DeleteValue(opened, value)
            return
        path = Path(place)
        path.unlink(missing_ok=True)
        _remove_empty(path.parents)

    @property
    def _winreg(self) -> Any:
        """The registry of Windows; it is no module anywhere else."""
        return self._registry or importlib.import_module("winreg")


def _split(place: str) -> tuple[str, str]:
    key, _, value = place.removeprefix("HKCU\\").rpartition("\\")
    return key, value


def _remove_empty(folders: Iterable[Path]) -> None:
    """Folders that may have been made for an entry go with it, as far as nothing else is in them."""
    for folder in folders:
        if folder.name not in {"default.target.wants", "user", "systemd", "autostart", "LaunchAgents"}:
            return
        try:
            folder.rmdir()
        except OSError:
            return


def _tell_systemd() -> None:
    """Have the units read again; where no bus is there to ask, they are read at the next login anyway."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["systemctl", "--user", "daemon-reload"],
            env=outside.environment(),
            capture_output=True,
            timeout=SYSTEMCTL_SECONDS,
            check=False,
        )

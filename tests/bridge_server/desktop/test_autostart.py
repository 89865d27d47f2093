"""What starts at login: judged by the programs that will read it, and kept as the settings say."""

import configparser
import os
import plistlib
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from bridge_server.desktop import autostart
from bridge_server.desktop.autostart import RUN, VALUE, System, entries, reconcile
from bridge_server.desktop.made import made
from bridge_server.desktop.paths import Places
from bridge_server.desktop.settings import change
from tests.needs import needed

AWKWARD = ("/opt/Video $HOP 100%/`vs`", "it's", 'a "word"', "back\\slash")
SERVE, TRAY = (*AWKWARD, "serve"), (*AWKWARD, "tray")
ENVIRONMENT = {"VIDEOSHOP_CONFIG": '/home/a b/50% "c"'}


def system(tmp_path: Path, platform: str = "linux", *, systemd: bool = True) -> System:
    return System(platform, tmp_path, tmp_path / ".config", systemd)


def texts(system: System) -> dict[str, str]:
    return {Path(entry.place).name: entry.text for entry in entries(system, SERVE, TRAY, ENVIRONMENT) if not entry.link}


# Each entry, by who will read it


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = needed("desktop", ("systemd-analyze",))
    unit = tmp_path / "videoshop.service"
    unit.write_text(autostart.systemd_unit((sys.executable, *AWKWARD[1:], "serve"), ENVIRONMENT))
    judged = subprocess.run(
        [analyze, "verify", "--user", str(unit)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_LOG_LEVEL": "info"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in judged.stderr.splitlines() if "videoshop" in line]
    assert (judged.returncode, ours) == (0, [])


def test_systemd_would_refuse_a_broken_unit(tmp_path: Path) -> None:
    analyze = needed("desktop", ("systemd-analyze",))
    unit = tmp_path / "videoshop.service"
    unit.write_text(autostart.systemd_unit((sys.executable,), {}).replace("ExecStart=", "ExecStart=not/full "))
    judged = subprocess.run(
        [analyze, "verify", "--user", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert judged.returncode != 0


def test_the_unit_starts_the_very_words_again_after_a_failure_only(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(texts(system(tmp_path))["videoshop.service"])
    line = unit["Service"]["ExecStart"]
    assert tuple(word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)) == SERVE
    assert unit["Service"]["Restart"] == "on-failure"
    assert shlex.split(unit["Service"]["Environment"]) == ['VIDEOSHOP_CONFIG=/home/a b/50%% "c"']
    assert "MemoryDenyWriteExecute" not in unit["Service"]


def test_the_desktop_takes_the_autostart_entry(tmp_path: Path) -> None:
    validate = needed("desktop", ("desktop-file-validate",))
    entry = tmp_path / "videoshop.desktop"
    entry.write_text(texts(system(tmp_path))["videoshop.desktop"])
    judged = subprocess.run([validate, str(entry)], capture_output=True, text=True, timeout=60, check=False)
    assert (judged.returncode, judged.stdout) == (0, "")


def test_the_autostart_entry_starts_the_very_words(tmp_path: Path) -> None:
    (line,) = [
        line.removeprefix("Exec=")
        for line in texts(system(tmp_path))["videoshop.desktop"].splitlines()
        if line.startswith("Exec=")
    ]
    unescaped = line.replace("%%", "%").replace("\\\\", "\\")
    said = subprocess.run(["sh", "-c", rf"printf '%s\0' {unescaped}"], capture_output=True, text=True, check=True)
    assert said.stdout.split("\0")[:-1] == ["env", 'VIDEOSHOP_CONFIG=/home/a b/50% "c"', *TRAY]


def test_the_agents_of_macos_start_the_very_words(tmp_path: Path) -> None:
    agents = {name: plistlib.loads(text.encode()) for name, text in texts(system(tmp_path, "darwin")).items()}
    service, icon = agents["org.videoshop.bridge.plist"], agents["org.videoshop.bridge.tray.plist"]
    assert tuple(service["ProgramArguments"]) == SERVE
    assert tuple(icon["ProgramArguments"]) == TRAY
    assert service["EnvironmentVariables"] == ENVIRONMENT
    assert service["KeepAlive"] == {"SuccessfulExit": False}
    assert service["ProcessType"] == "Background"
    assert icon["LimitLoadToSessionType"] == "Aqua"
    assert "KeepAlive" not in icon
    assert {name.removesuffix(".plist") for name in agents} == {agent["Label"] for agent in agents.values()}


def test_windows_gets_one_value_that_its_own_rules_split_into_the_very_words(tmp_path: Path) -> None:
    (entry,) = entries(system(tmp_path, "win32"), SERVE, TRAY, {})
    assert entry.place == rf"HKCU\{RUN}\{VALUE}"
    assert windows_words(entry.text) == list(TRAY)


def windows_words(line: str) -> list[str]:
    """The words of a command line, by the rules of Microsoft's C runtime."""
    words: list[str] = []
    word, quoted, backslashes, begun = "", False, 0, False
    for letter in [*line, " "]:
        if letter == "\\":
            backslashes += 1
            continue
        if letter == '"':
            word += "\\" * (backslashes // 2) + ('"' if backslashes % 2 else "")
            quoted, begun = quoted ^ (backslashes % 2 == 0), True
        else:
            word += "\\" * backslashes
            if letter in " \t" and not quoted:
                if word or begun:
                    words.append(word)
                word, begun = "", False
            else:
                word += letter
        backslashes = 0
    return words


# As the settings say


class Registry:
    """The calls of `winreg` that are made, on a dictionary."""

    HKEY_CURRENT_USER, REG_SZ, KEY_SET_VALUE = 1, 1, 2

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, tuple[int, str]]] = {RUN: {"Other": (1, "other.exe")}}
        self._open = ""

    def OpenKey(self, root: int, key: str, reserved: int = 0, access: int = 1) -> Self:  # noqa: N802
        if key not in self.keys:
            raise FileNotFoundError(key)
        self._open = key
        return self

    def CreateKey(self, root: int, key: str) -> Self:  # noqa: N802
        self.keys.setdefault(key, {})
        return self.OpenKey(root, key)

    def QueryValueEx(self, key: Self, value: str) -> tuple[str, int]:  # noqa: N802
        try:
            kind, text = self.keys[self._open][value]
        except KeyError:
            raise FileNotFoundError(value) from None
        return text, kind

    def SetValueEx(self, key: Self, value: str, reserved: int, kind: int, text: str) -> None:  # noqa: N802
        self.keys[self._open][value] = (kind, text)

    def DeleteValue(self, key: Self, value: str) -> None:  # noqa: N802
        if self.keys[self._open].pop(value, None) is None:
            raise FileNotFoundError(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open = ""


@pytest.fixture(autouse=True)
def _no_systemctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "_tell_systemd", lambda: None)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_entries_are_made_kept_and_removed(places: Places, tmp_path: Path, platform: str) -> None:
    home = tmp_path / "home"
    here = system(home, platform)
    assert reconcile(places, True, system=here, environment={})
    written = files(home)
    assert written
    assert not reconcile(places, True, system=here, environment={})
    victim = home / sorted(written)[0]
    victim.unlink()
    assert reconcile(places, True, system=here, environment={})
    assert files(home) == written
    assert reconcile(places, False, system=here, environment={})
    assert files(home) == set()
    assert not places.made.exists()


def test_the_unit_is_enabled_as_systemctl_would(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    reconcile(places, True, system=system(home), environment={})
    units = home / ".config/systemd/user"
    assert (units / "default.target.wants/videoshop.service").resolve() == units / "videoshop.service"
    assert autostart.starts_by_systemd(places)


def test_another_program_path_rewrites_the_entries(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    reconcile(places, True, system=system(home), environment={})
    monkeypatch.setattr(sys, "executable", "/opt/videoshop/versions/2/videoshop")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert reconcile(places, True, system=system(home), environment={})
    unit = (home / ".config/systemd/user/videoshop.service").read_text()
    assert 'ExecStart="/opt/videoshop/versions/2/videoshop" "serve"\n' in unit


def test_a_session_without_systemd_keeps_the_desktop_entry_alone(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    reconcile(places, True, system=system(home), environment={})
    reconcile(places, True, system=system(home, systemd=False), environment={})
    assert files(home) == {".config/autostart/videoshop.desktop"}
    assert not autostart.starts_by_systemd(places)


def test_what_was_not_made_here_stays(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    other = home / ".config/autostart/videoshop.desktop"
    other.parent.mkdir(parents=True)
    other.write_text("of another installation")
    assert not reconcile(places, False, system=system(home), environment={})
    assert other.read_text() == "of another installation"


def test_a_folder_of_the_settings_is_no_word_of_an_entry(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {"VIDEOSHOP_CONFIG": "/c", "VIDEOSHOP_DATA": "/d", "VIDEOSHOP_CHOSEN": "VIDEOSHOP_DATA"}
    reconcile(places, True, system=system(home), environment=environment)
    unit = (home / ".config/systemd/user/videoshop.service").read_text()
    assert "VIDEOSHOP_CONFIG=/c" in unit
    assert "VIDEOSHOP_DATA" not in unit


def test_who_looks_thoroughly_finds_what_nobody_wrote_down(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    reconcile(places, True, system=system(home), environment={})
    places.made.unlink()
    foreign = home / ".config/autostart/videoshop.desktop"
    foreign.write_text("of another installation")
    reconcile(places, False, thorough=True, system=system(home), environment={})
    assert files(home) == {".config/autostart/videoshop.desktop"}


def test_the_registry_of_windows_gets_the_value_and_loses_it(places: Places, tmp_path: Path) -> None:
    registry: Any = Registry()
    here = system(tmp_path, "win32")
    assert reconcile(places, True, system=here, environment={}, registry=registry)
    kind, line = registry.keys[RUN][VALUE]
    assert (kind, windows_words(line)[-2:]) == (Registry.REG_SZ, ["tray", "--at-login"])
    assert not reconcile(places, True, system=here, environment={}, registry=registry)
    assert reconcile(places, False, system=here, environment={}, registry=registry)
    assert registry.keys[RUN] == {"Other": (1, "other.exe")}
    assert made(places) == {}


def test_a_place_that_cannot_be_written_is_told_of_and_is_known(places: Places, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".config").write_text("no folder")
    with pytest.raises(OSError, match=r"\.config"):
        reconcile(places, True, system=system(home), environment={})
    assert len(made(places)["autostart"]) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="starts the service in a home of Linux")
def test_the_service_brings_the_entries_in_line_and_lets_chosen_pages_in(places: Places, tmp_path: Path) -> None:
    change(places, start_at_login=True, origins=("file://",))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment |= {
        "HOME": str(tmp_path / "home"),
        "VIDEOSHOP_CONFIG": str(places.config),
        "VIDEOSHOP_DATA": str(places.data),
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "bridge_server.cli", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stdout is not None
        port = int(service.stdout.readline().rpartition(":")[2].split("/")[0])
        assert (tmp_path / "home/.config/autostart/videoshop.desktop").exists()
        assert {origin: status(port, origin) for origin in ("file://", "http://evil.com")} == {
            "file://": 200,
            "http://evil.com": 403,
        }
    finally:
        service.terminate()
        service.communicate(timeout=10)


def status(port: int, origin: str) -> int:
    """What the service answers to a page of this origin."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/", headers={"Host": f"localhost:{port}", "Origin": origin})
    answer = connection.getresponse()
    connection.close()
    return answer.status

"""macOS: what the Installer's package is made of, read by what reads it."""

import json
import plistlib
import subprocess
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from installer import frozen
from installer.macos import BUNDLE, COMPONENT, packages, write_room
from installer.product import AUTOSTART, IDENTIFIER, Part, programs, version

EPOCH = 1_700_000_000


@pytest.fixture
def room(app: Path, tmp_path: Path) -> Path:
    write_room(tmp_path / "room", app, tmp_path)
    return tmp_path / "room"


def test_the_component_stays_where_it_was_installed(room: Path) -> None:
    (component,) = plistlib.loads((room / "component.plist").read_bytes())
    assert component["RootRelativeBundlePath"] == BUNDLE
    assert component["BundleIsRelocatable"] is False


def test_the_hardened_runtime_is_opened_for_ctypes_alone(room: Path) -> None:
    allowed = plistlib.loads((room / "entitlements.plist").read_bytes())
    assert allowed == {"com.apple.security.cs.allow-unsigned-executable-memory": True}


def test_the_distribution_names_what_is_in_the_package(room: Path) -> None:
    root = ET.parse(room / "distribution.xml").getroot()
    assert root.tag == "installer-gui-script"
    named = [one for one in root.iter("pkg-ref") if one.text]
    assert [(one.get("id"), one.get("version"), one.text) for one in named] == [(IDENTIFIER, version(), COMPONENT)]
    choices = {one.get("choice") for one in root.iter("line")}
    assert choices == {one.get("id") for one in root.iter("choice")}
    domains = root.find("domains")
    assert domains is not None
    assert domains.get("enable_currentUserHome") == "true"
    licence = root.find("license")
    assert licence is not None
    assert (room / "resources" / str(licence.get("file"))).is_file()


@pytest.mark.parametrize("name", ["make_pkg.sh", "scripts/preinstall"])
def test_scripts_are_scripts_with_nothing_left_to_fill_in(room: Path, name: str) -> None:
    text = (room / name).read_text("utf-8")
    assert not [word for word in text.split("@")[1::2] if word.isupper()]
    assert (room / name).stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", str(room / name)], capture_output=True).returncode == 0


def test_nothing_starts_at_login_and_what_the_person_switched_on_ends(room: Path) -> None:
    assert "LaunchAgents" not in (room / "make_pkg.sh").read_text()
    assert all(agent in (room / "scripts" / "preinstall").read_text() for agent in AUTOSTART.launch_agents)


def test_the_app_lives_in_the_menu_bar_and_starts_its_tray() -> None:
    said = plistlib.loads(plistlib.dumps(frozen.info_plist()))
    assert said["LSUIElement"] is True
    assert said["CFBundleExecutable"] in {program.name for program in programs("macos") if program.windowed}


def test_without_apples_tools_there_is_an_archive_and_what_a_package_is_made_of(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (app / "Contents" / "Resources").mkdir(parents=True)
    (archive,) = packages(app, tmp_path, EPOCH)
    with tarfile.open(archive) as tar:
        assert tar.getmember(f"{BUNDLE}/Contents/Resources/Uninstall.command").mode == 0o755
    assert "pkgbuild is missing" in capsys.readouterr().out
    assert (tmp_path / "build" / "macos" / "distribution.xml").is_file()


def test_in_the_bundle_only_code_lies_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "made.ccx"
    plugin.touch()
    monkeypatch.setattr(frozen, "PLUGINS", (Part("plugins/made.ccx", str(plugin)),))
    monkeypatch.setattr(frozen, "tools", lambda: (Part("uv", str(plugin)),))
    monkeypatch.setattr("installer.notices.write", lambda inside, folder: None)
    app = tmp_path / BUNDLE
    (app / "Contents" / "Frameworks").mkdir(parents=True)
    frozen._furnish_bundle(app, {"manifest": "https://example.org", "key": "0f" * 32})
    inside = app / "Contents" / "Frameworks"
    assert (inside / "updates.json").resolve() == app / "Contents" / "Resources" / "updates.json"
    assert json.loads((inside / "updates.json").read_text())["manifest"] == "https://example.org"
    assert (inside / "plugins" / "made.ccx").resolve() == app / "Contents" / "Resources" / "plugins" / "made.ccx"
    assert (inside / "engine").is_symlink()
    assert (inside / "engine" / "worker.py").is_file()

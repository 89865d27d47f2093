"""The panels in homes laid out as Adobe's programs do, with a stand-in for Adobe's installer."""

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bridge_server import cli
from bridge_server.desktop import settings
from bridge_server.desktop.faults import PluginError
from bridge_server.desktop.made import made, note
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.desktop.plugins import CCX, CSXS, KIND, PLUGINS, SCRIPT, Hosts, install, outdated, remove, standing
from tests.bridge_server.desktop.test_autostart import Registry
from tests.plugin import npm

AGENT = {
    "win32": "Adobe/Adobe Desktop Common/RemoteComponents/UPI/UnifiedPluginInstallerAgent/"
    "UnifiedPluginInstallerAgent.exe",
    "darwin": "Adobe/Adobe Desktop Common/RemoteComponents/UPI/UnifiedPluginInstallerAgent/"
    "UnifiedPluginInstallerAgent.app/Contents/MacOS/UnifiedPluginInstallerAgent",
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What `npm run build` leaves."""
    folder = tmp_path / "dist"
    (folder / "aftereffects/CSXS").mkdir(parents=True)
    (folder / "aftereffects/CSXS/manifest.xml").write_text("<ExtensionManifest/>")
    (folder / "aftereffects/index.html").write_text("panel")
    (folder / "aftereffects-script").mkdir()
    (folder / "aftereffects-script" / SCRIPT).write_text("(function () {})();")
    with zipfile.ZipFile(folder / CCX, "w") as package:
        package.writestr("manifest.json", json.dumps({"name": "Videoshop Panel", "version": "0.1.0"}))
    return folder


@pytest.fixture(params=["win32", "darwin"])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> Hosts:
    return Hosts(request.param, tmp_path / "home", tmp_path / "home/Roaming", tmp_path / "common")


def agent(hosts: Hosts, log: Path, code: int = 0) -> None:
    """Adobe's installer: writes down its words, and ends with `code`."""
    place = hosts.root / AGENT[hosts.platform]
    assert place == hosts.agent
    place.parent.mkdir(parents=True)
    place.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(log)!r}, 'a').write('|'.join(sys.argv[1:]) + '\\n')\n"
        f"print('Status = -201: not compatible' if {code} else 'Installation Successful')\nsys.exit({code})\n"
    )
    place.chmod(0o755)


def test_adobes_installer_takes_the_package_and_gives_it_back(
    places: Places, built: Path, hosts: Hosts, tmp_path: Path
) -> None:
    agent(hosts, tmp_path / "log")
    assert install(places, "photoshop", built, hosts).done
    assert remove(places, hosts) == []
    dash = "/" if hosts.platform == "win32" else "--"
    assert (tmp_path / "log").read_text().splitlines() == [
        f"{dash}install|{built / CCX}",
        f"{dash}remove|Videoshop Panel",
    ]
    assert not places.made.exists()


def test_what_adobes_installer_says_is_passed_on_with_what_to_do(
    places: Places, built: Path, hosts: Hosts, tmp_path: Path
) -> None:
    agent(hosts, tmp_path / "log", code=1)
    told = install(places, "photoshop", built, hosts)
    assert not told.done
    assert "Status = -201: not compatible" in told.says
    assert str(built / CCX) in told.then[0]
    assert made(places) == {}


def test_without_adobes_installer_the_double_click_is_told(places: Places, built: Path, hosts: Hosts) -> None:
    told = install(places, "photoshop", built, hosts)
    assert not told.done
    assert told.then[0] == f"Double-click {built / CCX}: Creative Cloud installs it."


def test_the_extension_is_copied_its_page_let_in_and_all_of_it_taken_back(
    places: Places, built: Path, hosts: Hosts
) -> None:
    told = install(places, "after-effects", built, hosts)
    target = hosts.extensions / "videoshop"
    assert told.done
    assert (target / "CSXS/manifest.xml").read_text() == "<ExtensionManifest/>"
    assert settings.load(places).origins == ("file://",)
    assert any("PlayerDebugMode" in line for line in told.then)
    (built / "aftereffects/index.html").write_text("newer panel")
    (built / "aftereffects/CSXS/manifest.xml").unlink()
    install(places, "after-effects", built, hosts)
    assert (target / "index.html").read_text() == "newer panel"
    assert not (target / "CSXS/manifest.xml").exists()
    assert settings.load(places).origins == ("file://",)
    assert [path.name for path in hosts.extensions.iterdir()] == ["videoshop"]
    assert remove(places, hosts) == []
    assert not target.exists()


def test_what_others_installed_stays(places: Places, built: Path, hosts: Hosts) -> None:
    other = hosts.extensions / "com.other"
    other.mkdir(parents=True)
    install(places, "after-effects", built, hosts)
    remove(places, hosts)
    assert list(hosts.extensions.iterdir()) == [other]


def test_a_copy_that_fails_leaves_the_panel_that_was_there(
    places: Places, built: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(places, "after-effects", built, hosts)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(PluginError, match="No space left"):
        install(places, "after-effects", built, hosts)
    assert (hosts.extensions / "videoshop/index.html").read_text() == "panel"


def test_the_script_goes_to_each_after_effects_that_is_new_enough(places: Places, built: Path, hosts: Hosts) -> None:
    for version in ("24.6", "25.0", "26.3", "Logs"):
        (hosts.after_effects / version).mkdir(parents=True)
    assert install(places, "script", built, hosts).done
    found = sorted(str(path.relative_to(hosts.after_effects)) for path in hosts.after_effects.rglob(SCRIPT))
    assert found == [f"{version}/Scripts/ScriptUI Panels/{SCRIPT}" for version in ("25.0", "26.3")]
    remove(places, hosts)
    assert not list(hosts.after_effects.rglob(SCRIPT))


def test_a_plugin_of_another_version_is_outdated_and_one_that_is_gone_is_damaged(
    places: Places, built: Path, hosts: Hosts, tmp_path: Path
) -> None:
    agent(hosts, tmp_path / "log")
    (hosts.after_effects / "25.1").mkdir(parents=True)
    assert outdated(places, built) == []
    for plugin in PLUGINS:
        assert standing(places, plugin, built) == "absent"
        assert install(places, plugin, built, hosts).done
        assert standing(places, plugin, built) == "ready"
    with zipfile.ZipFile(built / CCX, "w") as package:
        package.writestr("manifest.json", json.dumps({"name": "Videoshop Panel", "version": "0.2.0"}))
    (built / "aftereffects/index.html").write_text("a newer panel")
    (built / "aftereffects-script" / SCRIPT).write_text("(function () { newer(); })();")
    assert outdated(places, built) == list(PLUGINS)
    for plugin in PLUGINS:
        assert standing(places, plugin, built) == "outdated"
        assert install(places, plugin, built, hosts).done
        assert standing(places, plugin, built) == "ready"
    (hosts.extensions / "videoshop/index.html").unlink()
    (hosts.scripts()[0] / SCRIPT).unlink()
    assert standing(places, "after-effects", built) == "outdated"
    assert standing(places, "script", built) == "damaged"


def test_a_plugin_of_a_version_that_nobody_noted_is_outdated_and_taken_back_by_its_name(
    places: Places, built: Path, hosts: Hosts, tmp_path: Path
) -> None:
    agent(hosts, tmp_path / "log")
    note(places, KIND, ["photoshop:Videoshop Panel"])
    assert standing(places, "photoshop", built) == "outdated"
    (built / CCX).rename(tmp_path / "elsewhere")
    assert standing(places, "photoshop", built) == "ready"  # there is none to compare it with
    assert remove(places, hosts) == []
    assert (tmp_path / "log").read_text().endswith("remove|Videoshop Panel\n")


def test_what_was_allowed_before_is_not_asked_for_again(places: Places, built: Path, tmp_path: Path) -> None:
    hosts = Hosts("win32", tmp_path / "home", tmp_path / "home/Roaming", tmp_path / "common")
    registry: Any = Registry()
    assert "not signed" in install(places, "after-effects", built, hosts, registry=registry).then[0]
    install(places, "after-effects", built, hosts, unsigned=True, registry=registry)
    told = install(places, "after-effects", built, hosts, registry=registry)
    assert not any("not signed" in line for line in told.then)


def test_one_plugin_is_taken_back_and_the_others_stay(
    places: Places, built: Path, hosts: Hosts, tmp_path: Path
) -> None:
    agent(hosts, tmp_path / "log")
    (hosts.after_effects / "25.1").mkdir(parents=True)
    for plugin in PLUGINS:
        install(places, plugin, built, hosts)
    remove(places, hosts, which=["photoshop", "script"])
    assert [standing(places, plugin, built) for plugin in PLUGINS] == ["absent", "ready", "absent"]
    assert (hosts.extensions / "videoshop").exists()
    assert not list(hosts.after_effects.rglob(SCRIPT))


def test_without_an_after_effects_the_menu_is_told(places: Places, built: Path, hosts: Hosts) -> None:
    told = install(places, "script", built, hosts)
    assert not told.done
    assert "Install ScriptUI Panel…" in told.then[1]


def test_the_package_that_is_really_built_has_the_name_that_adobes_installer_wants(tmp_path: Path) -> None:
    done = npm("run", "build", "--", "photoshop", "aftereffects", "--out", str(tmp_path), patience=60)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / CCX) as package:
        told = json.loads(package.read("manifest.json"))
    manifest = json.loads((tmp_path / "photoshop/manifest.json").read_text())
    assert (told["name"], told["version"]) == (manifest["name"], manifest["version"])
    assert (tmp_path / "aftereffects/CSXS/manifest.xml").exists()
    assert (tmp_path / "aftereffects-script" / SCRIPT).exists()


def test_unsigned_extensions_are_allowed_on_request_and_forbidden_again(
    places: Places, built: Path, tmp_path: Path
) -> None:
    hosts = Hosts("win32", tmp_path / "home", tmp_path / "home/Roaming", tmp_path / "common")
    registry: Any = Registry()
    install(places, "after-effects", built, hosts, unsigned=True, registry=registry)
    assert registry.keys[CSXS] == {"PlayerDebugMode": (Registry.REG_SZ, "1")}
    remove(places, hosts, registry=registry)
    assert registry.keys[CSXS] == {}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a system without Adobe's programs")
def test_where_adobes_programs_do_not_run_the_command_says_what_to_use(
    places: Places, built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG, str(places.config))
    monkeypatch.setenv(DATA, str(places.data))
    assert cli.run(["plugins", "install", "photoshop", "--from", str(built)]) == 1
    assert "Photoshop runs on Windows and macOS alone" in capsys.readouterr().err
    assert cli.run(["plugins", "install", "--from", str(built / "none")]) == 2
    assert "npm run build" in capsys.readouterr().err

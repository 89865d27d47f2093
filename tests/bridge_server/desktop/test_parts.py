"""What can be installed beside the service: how each part stands, and what becomes of it."""

import json
import zipfile
from pathlib import Path

import pytest

from bridge_server.desktop import parts, plugins
from bridge_server.desktop.faults import SetupError
from bridge_server.desktop.paths import Places
from bridge_server.desktop.plugins import Hosts
from bridge_server.desktop.runtime import place, probe, upkeep
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.protocol import messages as m
from engine.videoshop.catalogue import MANIFEST, MARKER, STORE
from tests.bridge_server.desktop.runtime.wheels import Shelf, quiet, starts

LINUX = Hosts("linux", Path("/nowhere"), Path("/nowhere"), Path("/nowhere"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are kept."""
    monkeypatch.setenv(STORE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def options(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Where the engine's environment is made of small packages, and this Python has no torch."""
    shelf = Shelf.of(tmp_path / "shelf")
    shelf.lock("cpu", probe.system())
    options = Options(wheels=shelf.wheels, locks=shelf.locks, trial=starts)
    monkeypatch.setattr(upkeep, "DEFAULT", options)
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    return options


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """A person with After Effects, and the panels that the app brings."""
    built = tmp_path / "dist"
    (built / "aftereffects").mkdir(parents=True)
    (built / "aftereffects/index.html").write_text("panel")
    (built / "aftereffects-script").mkdir()
    (built / "aftereffects-script" / plugins.SCRIPT).write_text("(function () {})();")
    with zipfile.ZipFile(built / plugins.CCX, "w") as package:
        package.writestr("manifest.json", json.dumps({"name": "Videoshop Bridge", "version": "0.1.0"}))
    monkeypatch.setattr(plugins, "folder", lambda: built)
    hosts = Hosts("darwin", tmp_path / "home", tmp_path / "home", tmp_path / "common")
    (hosts.after_effects / "25.1").mkdir(parents=True)
    return hosts


def part(places: Places, hosts: Hosts, name: str) -> m.Part:
    return next(one for one in parts.parts(places, hosts) if one.part == name)


def install(places: Places, hosts: Hosts, name: str, *, accepted: bool = False) -> tuple[list[m.Work], object]:
    seen: list[m.Work] = []
    told = parts.install(places, hosts, name, seen.append, accepted=accepted, token=None)
    return seen, told


def test_adobes_programs_are_elsewhere_on_a_system_that_has_none(places: Places) -> None:
    panels = [one for one in parts.parts(places, LINUX) if one.group == "panels"]
    assert {one.part: one.state for one in panels} == dict.fromkeys(plugins.PLUGINS, "elsewhere")


def test_a_panel_is_installed_and_taken_back(places: Places, windows: Hosts) -> None:
    assert part(places, windows, "script").state == "absent"
    _, told = install(places, windows, "script")
    assert isinstance(told, plugins.Told)
    assert told.done
    assert part(places, windows, "script").state == "ready"
    assert part(places, windows, "script").removable
    assert parts.remove(places, windows, "script") == []
    assert part(places, windows, "script").state == "absent"


def test_a_panel_that_can_only_be_installed_by_hand_says_how(places: Places, windows: Hosts) -> None:
    _, told = install(places, windows, "photoshop")
    assert isinstance(told, plugins.Told)
    assert not told.done
    assert "Double-click" in told.then[0]
    assert part(places, windows, "photoshop").state == "absent"


def test_after_effects_panel_is_unsigned_which_the_person_has_to_agree_to(places: Places, windows: Hosts) -> None:
    licence = part(places, windows, "after-effects").licence
    assert licence is not None
    assert "PlayerDebugMode" in licence.rule
    with pytest.raises(SetupError, match="only after its terms were agreed to"):
        install(places, windows, "after-effects")
    assert not windows.extensions.exists()


def test_the_engines_environment_is_installed_mended_and_removed(places: Places, options: Options) -> None:
    before = part(places, LINUX, "engine")
    assert before.state == "absent"
    assert options.wheels is not None
    assert before.size == sum(path.stat().st_size for path in options.wheels.glob("*.whl"))
    assert before.note is not None
    assert before.note.startswith("cpu: ")
    seen, _ = install(places, LINUX, "engine")
    assert {work.phase for work in seen} >= {"fetch", "verify", "try"}
    assert all(0 <= work.done <= work.total for work in seen)
    assert part(places, LINUX, "engine").state == "ready"

    installed = place.home(places).installed()
    assert installed is not None
    packages = place.packages_of(place.home(places).environment(installed))
    (packages / "tiny_0/data.bin").unlink()
    assert part(places, LINUX, "engine").state == "damaged"
    install(places, LINUX, "engine")
    assert part(places, LINUX, "engine").state == "ready"

    assert parts.remove(places, LINUX, "engine") == []
    assert part(places, LINUX, "engine").state == "absent"


def test_an_installation_that_was_stopped_has_begun(places: Places) -> None:
    def stop(work: m.Work) -> None:
        if work.phase == "verify":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parts.install(places, LINUX, "engine", stop, accepted=False, token=None)
    begun = part(places, LINUX, "engine")
    assert (begun.state, begun.removable) == ("begun", True)


def test_what_a_stopped_removal_left_can_be_removed(places: Places, options: Options) -> None:
    upkeep.install(places, "cpu", options, quiet)
    place.home(places).version.unlink()
    left = part(places, LINUX, "engine")
    assert (left.state, left.removable) == ("absent", True)
    parts.remove(places, LINUX, "engine")
    assert not part(places, LINUX, "engine").removable


def test_a_newer_lockfile_makes_it_outdated(places: Places, options: Options) -> None:
    upkeep.install(places, "cpu", options, quiet)
    lockfile = next(options.locks.iterdir())
    lockfile.write_text(lockfile.read_text().replace("tiny-5==", "# tiny-5=="))
    assert part(places, LINUX, "engine").state == "outdated"


def test_what_this_python_has_already_needs_no_environment(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda name: object())
    engine = part(places, LINUX, "engine")
    assert (engine.state, engine.removable) == ("ready", False)
    install(places, LINUX, "engine")
    assert place.home(places).installed() is None


def test_a_system_without_a_build_of_torch_is_told_so(places: Places, options: Options) -> None:
    next(options.locks.iterdir()).unlink()
    engine = part(places, LINUX, "engine")
    assert engine.state == "elsewhere"
    with pytest.raises(RuntimeFault):
        install(places, LINUX, "engine")


@pytest.mark.parametrize(("there", "state"), [(None, "absent"), (MARKER, "begun"), (MANIFEST, "ready")])
def test_a_model_stands_as_its_folder_says(places: Places, store: Path, there: str | None, state: str) -> None:
    if there is not None:
        (store / "svd").mkdir(parents=True)
        (store / "svd" / there).write_text("{}")
    model = part(places, LINUX, "svd")
    assert model.state == state
    assert (model.licence is None) == (state == "ready")
    assert model.size == 4_510_000_000


def test_a_model_comes_after_the_engine_that_fetches_it(places: Places) -> None:
    with pytest.raises(SetupError, match="which is not installed"):
        install(places, LINUX, "svd", accepted=True)


def test_a_model_goes_though_the_engine_went_before(places: Places, store: Path) -> None:
    (store / "svd").mkdir(parents=True)
    (store / "svd" / MARKER).write_text("{}")
    assert parts.remove(places, LINUX, "svd") == []
    assert not (store / "svd").exists()


def test_there_are_no_other_parts(places: Places) -> None:
    with pytest.raises(SetupError, match="There is no part “python”"):
        install(places, LINUX, "python")
    with pytest.raises(SetupError, match="There is no part “python”"):
        parts.remove(places, LINUX, "python")

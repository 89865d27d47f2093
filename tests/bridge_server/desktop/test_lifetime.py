"""An app from its install to its end, in a home that was empty: what is there at each step, and what is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from bridge_server.client import Client
from bridge_server.desktop.instance import alive, discover
from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import home as engine_home
from bridge_server.desktop.runtime import probe, upkeep
from bridge_server.desktop.runtime.code import IN_USE
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer
from engine.lock import hold
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.desktop.apps import Offer, make_app, packed
from tests.bridge_server.desktop.runtime.wheels import Shelf, quiet, starts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")

SHARED = {".cache", ".config", ".local", ".local/share"}
"""Folders that belong to nobody, and may be there."""
CONFIG, DATA = ".config/videoshop", ".local/share/videoshop"


class Home:
    """A home folder, and the app that was installed outside of it."""

    def __init__(self, folder: Path, program: Path, source: Path) -> None:
        self.folder, self.program = folder, program
        self.told = ""
        self.places = Places(folder / CONFIG, folder / DATA)
        kept = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
        self.environment = {name: value for name, value in os.environ.items() if name in kept}
        self.environment |= {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder.parent / "run"),
            "VIDEOSHOP_UPDATES": str(source),
        }

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command of the app; what it prints. `told` is what it says besides, without breaks of lines."""
        done = subprocess.run(
            [self.program, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        self.told = " ".join(done.stderr.split())
        return done.stdout.strip() if code == 0 else done.stderr.strip()

    def files(self) -> set[str]:
        """Every file below the home folder."""
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }

    def serve(self) -> None:
        """Start the service, as a login would."""
        subprocess.Popen(
            [self.program, "serve", "--port", "0"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.until(lambda: self.version() is not None)

    def version(self) -> str | None:
        """The version of the service that runs."""
        found = discover(self.places.discovery)
        return found.version if found is not None and alive(self.places) else None

    def until(self, true: Callable[[], bool], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def offer() -> Iterator[Offer]:
    with Offer() as offer:
        yield offer


@pytest.fixture
def home(tmp_path: Path, offer: Offer) -> Iterator[Home]:
    (tmp_path / "home").mkdir()
    (tmp_path / "run/systemd").mkdir(parents=True)
    installed = make_app(tmp_path / "opt/videoshop", "0.1.0")
    home = Home(tmp_path / "home", installed, offer.write_source(tmp_path / "updates.json"))
    yield home
    found = discover(home.places.discovery)
    if found is not None and alive(home.places):
        os.kill(found.pid, signal.SIGKILL)


async def use(home: Home, clip: Path) -> Path:
    """Have a clip propagated; the folder of the result."""
    async with await Client.connect(home.places) as client:
        grant = await client.grant(clip)
        edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
        job = (await client.submit(m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited, frame=2),)))).job
        result = (await client.result(job)).result
    assert result is not None
    return Path(result.folder)


def downloaded(home: Home) -> Path:
    """A model, as `videoshop weights download` leaves it."""
    model = home.places.data / "weights/svd"
    model.mkdir(parents=True)
    (model / "weights.json").write_text("{}")
    (model / "unet.safetensors").write_bytes(bytes(64))
    return model


async def test_install_use_update_roll_back_uninstall(home: Home, offer: Offer, clip: Path, tmp_path: Path) -> None:
    assert home.files() == set()
    home.run("settings", "set", "start_at_login", "on")
    units = ".config/systemd/user"
    entries = {f"{units}/videoshop.service", f"{units}/default.target.wants/videoshop.service"}
    entries |= {".config/autostart/videoshop.desktop"}
    assert entries < home.files()

    home.serve()
    result = await use(home, clip)
    downloaded(home)

    make_app(tmp_path / "new", "0.2.0")
    offer.publish("0.2.0", packed(tmp_path / "new"))
    home.run("update", "install")
    assert home.version() == "0.2.0"
    unit = (home.folder / units / "videoshop.service").read_text()
    assert f'ExecStart="{home.program}" "serve"\n' in unit  # what is installed, which hands over

    assert "installed version" in home.run("update", "rollback")
    home.until(lambda: home.version() == "0.1.0")
    home.until(lambda: not (home.places.versions / "0.2.0").exists())
    assert home.run("update", "check") == "This is the newest version."

    (home.places.data / "notes.txt").write_text("of the person")
    home.run("uninstall", "--yes", "--keep-results", "--remove-weights")
    assert not alive(home.places)
    results = {str(path.relative_to(home.folder)) for path in result.iterdir()}
    assert home.files() == results | {f"{DATA}/notes.txt"}
    assert len(results) > 2

    (home.places.data / "notes.txt").unlink()
    home.run("uninstall", "--yes", "--remove-results")
    assert {str(path.relative_to(home.folder)) for path in home.folder.rglob("*")} <= SHARED


async def test_without_a_word_results_and_weights_stay_and_the_next_install_leaves_them_alone(home: Home) -> None:
    model = downloaded(home)
    out = home.places.jobs / str(uuid4()) / "out"
    out.mkdir(parents=True)
    (out / "flat.mp4").write_bytes(b"result")
    (out.parent / "edited.png").write_bytes(b"upload")
    home.run("settings", "set", "start_at_login", "on")
    home.run("uninstall")
    kept = {out / "flat.mp4", model / "weights.json", model / "unet.safetensors"}
    assert home.files() == {str(path.relative_to(home.folder)) for path in kept}
    async with BridgeServer(home.places, ports=(0,), engine=ENGINE, patience=PATIENCE):
        pass
    assert all(path.exists() for path in kept)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """An engine's environment of small packages."""
    shelf = Shelf.of(tmp_path / "shelf")
    shelf.lock("cpu", probe.system())
    return Options(wheels=shelf.wheels, locks=shelf.locks, trial=starts)


def test_the_engines_environment_goes_wherever_it_was_moved_and_what_else_lies_there_stays(
    home: Home, options: Options, tmp_path: Path
) -> None:
    upkeep.install(home.places, "cpu", options, quiet)
    (home.places.engine / "version.json.4711").write_text("{")  # as a kill leaves it
    home.run("uninstall")
    assert {str(path.relative_to(home.folder)) for path in home.folder.rglob("*")} <= SHARED
    large = tmp_path / "large/engine"
    upkeep.install(home.places, "cpu", options, quiet)
    upkeep.move(home.places, large, options, quiet)
    (large / "photo.jpg").write_text("of the person")
    home.run("uninstall")
    assert {str(path.relative_to(home.folder)) for path in home.folder.rglob("*")} <= SHARED
    assert [path.name for path in large.iterdir()] == ["photo.jpg"]


def test_an_environment_on_a_disk_that_is_not_there_is_told(home: Home, options: Options, tmp_path: Path) -> None:
    upkeep.install(home.places, "cpu", options, quiet)
    upkeep.move(home.places, tmp_path / "disk/engine", options, quiet)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    home.run("uninstall")
    assert f"{tmp_path / 'disk/engine'}: held the engine's environment, and is not there now" in home.told
    assert {str(path.relative_to(home.folder)) for path in home.folder.rglob("*")} <= SHARED


def test_while_a_job_runs_in_the_engines_environment_nothing_is_removed(home: Home, options: Options) -> None:
    installed = upkeep.install(home.places, "cpu", options, quiet)
    home.run("settings", "set", "start_at_login", "on")
    before = home.files()
    with (engine_home(home.places).environment(installed) / IN_USE).open("ab") as file:
        hold(file)
        assert "A job runs in the engine's environment." in home.run("uninstall", code=2)
        assert home.files() - {f"{DATA}/engine/envs/{installed.folder}/{IN_USE}"} == before
    home.run("uninstall")
    assert home.files() == set()


def test_a_new_version_whose_service_does_not_listen_gives_way_to_the_old_one(
    home: Home, offer: Offer, tmp_path: Path
) -> None:
    home.serve()
    make_app(tmp_path / "new", "0.2.0", "if 'serve' in sys.argv: sys.exit('a port is gone')")
    offer.publish("0.2.0", packed(tmp_path / "new"))
    assert "its service does not listen" in home.run("update", "install", code=2)
    home.until(lambda: home.version() == "0.1.0")

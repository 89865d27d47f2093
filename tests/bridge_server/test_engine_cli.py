"""`videoshop engine`, as a person uses it."""

import asyncio
import json
from pathlib import Path

import pytest

from bridge_server import cli
from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.desktop.runtime import place, probe, upkeep
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.desktop.runtime.wheels import Shelf, starts


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A person with nothing yet, and six small packages locked for the processor."""
    shelf = Shelf.of(tmp_path / "shelf")
    shelf.lock("cpu", probe.system())
    monkeypatch.setenv(CONFIG, str(tmp_path / "config"))
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    monkeypatch.setattr(
        upkeep, "Options", lambda wheels=None, proxy=None: Options(shelf.wheels, proxy, shelf.locks, starts)
    )
    return Places.of_user()


def test_from_nothing_to_an_environment_and_back(
    capsys: pytest.CaptureFixture[str], person: Places, tmp_path: Path
) -> None:
    assert cli.run(["engine", "install", "--backend", "cpu"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path}/data/engine: cpu, whole, 0.0 GB\n"
    assert shown.err.splitlines()[0] == "Preparing…"
    assert shown.err.splitlines()[-1] == "Trying the engine…"

    assert cli.run(["engine", "verify"]) == 0
    home = place.home(person)
    installed = home.installed()
    assert installed is not None
    damaged = place.packages_of(home.environment(installed)) / "tiny_0/data.bin"
    damaged.write_bytes(b"short")
    capsys.readouterr()
    assert cli.run(["engine", "verify"]) == 2
    shown = capsys.readouterr()
    assert "tiny_0/data.bin of tiny-0 is damaged" in shown.err
    assert "Hint: Run `videoshop engine repair`" in shown.err
    assert cli.run(["engine", "repair"]) == 0
    assert cli.run(["engine", "verify"]) == 0

    assert cli.run(["engine", "move", str(tmp_path / "large")]) == 0
    capsys.readouterr()
    assert cli.run(["engine", "remove"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/large: removed")
    assert not (tmp_path / "large").exists()


def test_the_state_for_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["engine", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "data/engine")
    assert (told["state"], told["backend"], told["unfinished"], told["busy"]) == ("absent", None, None, False)
    assert told["suggested"]["backend"] in ("cu128", "cu126", "rocm", "xpu", "mps", "cpu")
    assert told["suggested"]["why"]


def test_the_state_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["engine", "status"]) == 0
    shown = capsys.readouterr().out
    assert "not installed; the method flow works without it" in " ".join(shown.split())
    assert "This machine" in shown


def test_what_was_begun_and_not_ended_is_told(capsys: pytest.CaptureFixture[str], person: Places) -> None:
    home = place.home(person)
    home.root.mkdir(parents=True)
    place.write_whole(home.incomplete, place.Unfinished(doing="install", backend="cpu"))
    assert cli.run(["engine", "status"]) == 0
    assert "install was stopped: run it again, it goes on" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", ["verify", "repair", "remove"])
def test_without_an_environment_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert cli.run(["engine", command]) == 2
    shown = capsys.readouterr().err
    assert "Error: The engine's environment is not installed." in shown
    assert "Hint: Run `videoshop engine install`" in shown


def test_a_backend_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["engine", "install", "--backend", "cuda"]) == 2
    assert "Hint: Use auto or one of: cpu." in capsys.readouterr().err


async def test_an_engine_of_the_service_that_rests_does_not_hold_the_environment(person: Places, clip: Path) -> None:
    assert await asyncio.to_thread(cli.run, ["engine", "install", "--backend", "cpu"]) == 0
    async with (
        BridgeServer(person, ports=(0,), engine=ENGINE, patience=PATIENCE) as server,
        await Client.connect(person) as client,
    ):
        await client.probe(await client.grant(clip))
        assert server._questions_engine.pid is not None
        assert await asyncio.to_thread(cli.run, ["engine", "remove"]) == 0
        assert server._questions_engine.pid is None

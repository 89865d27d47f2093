"""What is installed beside the service: asked for by clients, done one after the other by a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bridge_server.client import Client
from bridge_server.desktop import settings
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer
from bridge_server.setup import own_step
from tests.bridge_server.conftest import ENGINE, PATIENCE


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """What the stand-in for the setup's process keeps."""
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


@pytest_asyncio.fixture
async def server(places: Places, shelf: Path) -> AsyncIterator[BridgeServer]:
    step = (sys.executable, "-m", "tests.bridge_server.fake_setup", str(shelf))
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE, setup_step=step) as server:
        yield server


async def until(client: Client, true: Callable[[m.SetupState], bool]) -> list[m.SetupState]:
    """What is told until a state is as it should be, that state included."""
    seen = []
    async with asyncio.timeout(30):
        async for state in client.watch_setup():
            seen.append(state)
            if true(state):
                return seen
    raise AssertionError("the bridge is gone")


def part(state: m.SetupState, name: str) -> m.Part:
    return next(one for one in state.parts if one.part == name)


def idle(state: m.SetupState) -> bool:
    return state.work is None and not state.waiting


def wishes(shelf: Path) -> list[tuple[str, str]]:
    """What the stand-in was asked for, but for looks."""
    lines = [json.loads(line) for line in (shelf / "wishes").read_text().splitlines()]
    return [(line["do"], line["part"]) for line in lines if line["do"] != "look"]


async def test_a_part_is_installed_step_by_step_and_removed(client: Client, shelf: Path) -> None:
    asked = await client.set_up("engine")
    assert part(asked, "engine").state == "absent"
    told = await until(client, lambda state: idle(state) and part(state, "engine").state == "ready")
    steps = [state.work.done for state in told if state.work is not None and state.work.phase == "fetch"]
    assert steps == sorted(steps)
    assert part(told[-1], "engine").removable
    await client.take_away("engine")
    await until(client, lambda state: idle(state) and part(state, "engine").state == "absent")
    assert wishes(shelf) == [("install", "engine"), ("remove", "engine")]


async def test_an_engine_that_rests_does_not_hold_what_is_removed(
    client: Client, server: BridgeServer, clip: Path
) -> None:
    await client.set_up("engine")
    await until(client, lambda state: idle(state) and part(state, "engine").state == "ready")
    await client.probe(await client.grant(clip))
    resting = server._questions_engine
    assert resting.pid is not None
    await client.take_away("engine")
    await until(client, lambda state: idle(state) and part(state, "engine").state == "absent")
    assert resting.pid is None


async def test_every_client_that_watches_hears_of_it(client: Client, server: BridgeServer, places: Places) -> None:
    async with await Client.connect(places) as other:
        hearing = asyncio.create_task(until(other, lambda state: part(state, "engine").state == "ready"))
        await until(client, idle)
        await client.set_up("engine")
        assert idle((await hearing)[-1])


async def test_one_thing_is_done_at_a_time_and_the_rest_waits_in_its_order(client: Client, shelf: Path) -> None:
    await client.set_up("slow")
    await client.set_up("engine")
    state = await client.set_up("svd", accepted=True)
    assert state.work is not None
    assert (state.work.part, state.waiting) == ("slow", ("engine", "svd"))
    state = await client.set_up("engine")  # once is enough
    assert state.waiting == ("engine", "svd")
    await client.stop_setup("slow")
    told = await until(client, lambda state: idle(state) and part(state, "svd").state == "ready")
    assert part(told[-1], "slow").error is None
    assert wishes(shelf) == [("install", "slow"), ("install", "engine"), ("install", "svd")]


async def test_what_waits_can_be_dropped(client: Client, shelf: Path) -> None:
    await client.set_up("slow")
    await client.set_up("engine")
    assert (await client.stop_setup("engine")).waiting == ()
    await client.stop_setup("slow")
    await until(client, idle)
    assert wishes(shelf) in ([("install", "slow")], [])  # stopped before it began, or after


async def test_the_contrary_of_what_is_under_way_is_refused(client: Client, shelf: Path) -> None:
    await client.set_up("slow")
    await client.set_up("engine")
    for name in ("slow", "engine"):
        with pytest.raises(BridgeError, match=f"Something else is being done to {name}"):
            await client.take_away(name)
    await client.stop_setup("engine")
    await client.stop_setup("slow")
    await until(client, idle)


async def test_what_is_stopped_in_the_middle_is_no_failure(client: Client, shelf: Path) -> None:
    await client.set_up("slow")
    while not (shelf / "slow.begun").exists():
        await asyncio.sleep(0.02)
    await client.stop_setup("slow")
    told = await until(client, idle)
    assert part(told[-1], "slow").error is None
    assert part(told[-1], "slow").state == "absent"
    with pytest.raises(BridgeError, match="Nothing is done to slow now"):
        await client.stop_setup("slow")


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("failing", "engine.offline", "The network is away."),
        ("crashing", "setup.failed", "the disk burns"),
        ("rubbish", "setup.failed", "nobody understands"),
    ],
)
async def test_a_failure_is_told_with_its_part_until_it_is_tried_again(
    client: Client, name: str, code: str, says: str
) -> None:
    await client.set_up(name)
    told = await until(client, lambda state: idle(state) and part(state, name).error is not None)
    error = part(told[-1], name).error
    assert error is not None
    assert error.code == code
    assert says in error.message
    await client.set_up(name)
    seen = await until(client, idle)
    assert any(state.work is not None and part(state, name).error is None for state in seen) or idle(seen[0])


async def test_a_licence_has_to_be_accepted(client: Client, shelf: Path) -> None:
    with pytest.raises(BridgeError, match="only after its terms were agreed to") as refused:
        await client.set_up("svd")
    assert refused.value.code == "setup.not_accepted"
    assert "https://terms.example" in refused.value.hint
    assert wishes(shelf) == []


async def test_what_is_no_part_is_refused(client: Client) -> None:
    with pytest.raises(BridgeError, match=r"There is no part “\.\./\.\./etc” to set up"):
        await client.set_up("../../etc")


async def test_a_token_goes_to_the_process_alone(
    client: Client, shelf: Path, places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    await client.set_up("svd", accepted=True, token="hf_secret")
    await until(client, lambda state: idle(state) and part(state, "svd").state == "ready")
    assert "hf_secret" in (shelf / "wishes").read_text()
    kept = [path for folder in (places.config, places.data) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hf_secret" in path.read_bytes()]
    assert "hf_secret" not in caplog.text


async def test_a_page_that_a_panel_needs_is_let_in_at_once(
    client: Client, server: BridgeServer, places: Places
) -> None:
    settings.change(places, origins=("file://",))  # as the installation of After Effects' panel does
    assert "file://" not in server._origins
    await client.set_up("after-effects")
    told = await until(client, lambda state: idle(state) and part(state, "after-effects").state == "ready")
    assert part(told[-1], "after-effects").todo == ("Start it again.",)
    assert "file://" in server._origins


async def test_the_process_ends_with_the_service(places: Places, shelf: Path) -> None:
    step = (sys.executable, "-m", "tests.bridge_server.fake_setup", str(shelf))
    async with (
        BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE, setup_step=step) as server,
        await Client.connect(places) as client,
    ):
        await client.set_up("slow")
        while not (shelf / "slow.begun").exists():
            await asyncio.sleep(0.02)
        assert server._setup is not None
        child = server._setup._child
        assert child is not None
    assert not child.lives
    assert await child.exit_code() is not None


@pytest.mark.parametrize("name", ["videoshop.exe", "videoshop-tray.exe", "videoshop"])
def test_the_app_starts_it_by_its_program_with_a_console(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / name))
    assert own_step() == (str(tmp_path / name.replace("-tray", "")), "setup-step")

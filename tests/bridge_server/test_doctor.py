"""`videoshop doctor`: each link is broken for real, and is the first one that is named."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bridge_server import doctor
from bridge_server import server as service
from bridge_server.desktop.instance import Instance, announce, single
from bridge_server.desktop.paths import CONFIG, DATA, Places, private_folder
from bridge_server.doctor import Check, examine, first_broken
from bridge_server.protocol import messages as m
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer
from bridge_server.worker import ENGINE

DOCTOR = (sys.executable, "-m", "bridge_server.cli", "doctor")
GET_THEM = "The method videoshop alone needs them; get them with `videoshop weights download`."
WELL = f"'{sys.executable}' -m tests.bridge_server.well_engine"


@pytest.fixture(autouse=True)
def well_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A simulated engine that lacks nothing; what it is called with, it lacks."""

    def lacking(*what: str) -> None:
        monkeypatch.setenv(ENGINE, " ".join((WELL, *what)))

    lacking()
    return lacking


async def broken(places: Places) -> Check:
    """The first broken link."""
    found = first_broken([check async for check in examine(places)])
    assert found is not None
    assert found.hint.endswith(".")
    return found


async def named(places: Places) -> dict[str, Check]:
    return {check.name: check async for check in examine(places)}


@asynccontextmanager
async def running(places: Places) -> AsyncIterator[BridgeServer]:
    """A service as `videoshop serve` runs it."""
    with single(places):
        async with BridgeServer(places, ports=(0,)) as server:
            yield server


@contextmanager
def claimed(places: Places, port: int, pid: int | None = None) -> Iterator[None]:
    """The lock and the announcement of a service at a port."""
    with single(places):
        pairing_token(places.token)
        announce(
            places.discovery,
            Instance(port=port, protocol=1, instance=uuid4(), pid=os.getpid() if pid is None else pid, version="1"),
        )
        yield


async def test_where_all_is_well_every_link_is_ok_and_is_told_in_order(places: Places) -> None:
    async with running(places):
        checks = [check async for check in examine(places)]
    states = {check.name: check.state for check in checks}
    assert states.pop("environment") == "absent"  # the engine runs without one
    assert list(states.values()) == ["ok"] * 10, [check.says for check in checks]
    assert [check.name for check in checks] == [
        "folders",
        "token",
        "service",
        "port",
        "handshake",
        "environment",
        "engine",
        "codecs",
        "videoshop",
        "weights",
        "disk",
    ]
    assert checks[8].says == "torch 2.9.0 on NVIDIA RTX 4090, 24 GB."


async def test_to_ask_makes_nothing(places: Places) -> None:
    found = await broken(places)
    assert (found.name, found.says) == ("service", "No service is running.")
    assert not places.config.exists()
    assert not places.data.exists()


# Folders


async def test_a_file_in_a_folders_place_is_named(places: Places) -> None:
    places.data.write_text("no folder")
    found = await broken(places)
    assert (found.name, found.says) == ("folders", f"{places.data} cannot be used: “data” is no folder.")
    assert DATA in found.hint


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that even root cannot write, on Linux")
async def test_a_folder_that_cannot_be_written_is_named(places: Places) -> None:
    found = await broken(Places(places.config, Path("/proc")))
    assert found.name == "folders"
    assert found.says.startswith("/proc cannot be used: ")


@pytest.mark.parametrize(
    ("name", "mode", "inner"), [("config", 0o755, 0o700), ("data", 0o777, 0o700), ("data", 0o755, 0o750)]
)
async def test_a_folder_that_is_open_to_others_is_named_with_the_command_that_closes_it(
    places: Places, name: str, mode: int, inner: int
) -> None:
    folder: Path = getattr(places, name)
    private_folder(places.jobs).chmod(inner)
    private_folder(folder).chmod(mode)
    found = await broken(places)
    assert found.name == "folders"
    assert f"chmod 700 '{folder}'" in found.hint


async def test_a_data_folder_that_others_see_is_well_while_what_it_keeps_is_closed(places: Places) -> None:
    private_folder(places.jobs)
    places.data.chmod(0o755)
    assert (await named(places))["folders"].state == "ok"


def test_a_disk_that_takes_no_byte_is_named(places: Places) -> None:
    private_folder(places.data)
    environment = os.environ | {CONFIG: str(places.config), DATA: str(places.data)}
    script = (
        "import resource, signal, sys\nfrom bridge_server.doctor import check_folders\n"
        "from bridge_server.desktop.paths import Places\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "check = check_folders(Places.of_user())\nprint(check.state, check.says)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"broken {places.data} cannot be used: File too large.\n"


async def test_a_disk_without_room_for_results_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_BYTES", 1 << 60)
    private_folder(places.jobs / "a" / "out")
    (places.jobs / "a" / "out" / "flat.mp4").write_bytes(bytes(200_000_000))
    async with running(places):
        found = await broken(places)
    assert found.name == "disk"
    assert found.says.endswith("results take 0.2 GB.")


# Token


async def test_a_token_that_others_can_read_is_named(places: Places) -> None:
    async with running(places):
        places.token.chmod(0o644)
        found = await broken(places)
    assert found.name == "token"
    assert "can be read by others" in found.says


async def test_a_token_that_is_none_is_named(places: Places) -> None:
    async with running(places):
        places.token.write_text("something else")
        assert (await broken(places)).name == "token"


async def test_a_token_that_went_while_the_service_runs_is_named_and_none_is_made(places: Places) -> None:
    async with running(places):
        places.token.unlink()
        found = await broken(places)
    assert (found.name, found.says) == ("token", "It is gone, though the service that knows it runs.")
    assert not places.token.exists()


# Service and port


async def test_a_crashed_service_is_told_from_none(places: Places) -> None:
    with claimed(places, 5, pid=77):
        pass
    found = await broken(places)
    assert (found.name, found.hint) == ("service", "Start it with `videoshop serve`.")
    assert found.says == "The service (pid 77) ended without a goodbye: it crashed, or was killed."


async def test_a_service_that_does_not_say_where_it_is_is_named(places: Places) -> None:
    with single(places):
        found = await broken(places)
    assert (found.name, found.says) == ("service", "A service runs, but does not say on which port.")


@pytest.fixture
def other_program() -> Iterator[tuple[int, int]]:
    """Another program that listens: its port and its process."""
    script = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.kill()


async def test_where_the_usual_ports_are_taken_it_says_by_whom(
    places: Places, other_program: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, pid = other_program
    monkeypatch.setattr(doctor, "PORTS", (port,))
    found = await broken(places)
    assert found.name == "service"
    assert f"(pid {pid})" in found.hint
    assert "videoshop serve --port 0" in found.hint


async def test_another_program_on_the_services_port_is_named(places: Places, other_program: tuple[int, int]) -> None:
    port, pid = other_program
    with claimed(places, port):
        found = await broken(places)
    assert found.name == "port"
    assert f"(pid {pid}) listens there" in found.says


async def test_a_port_without_a_listener_is_named(places: Places) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with claimed(places, port):
        found = await broken(places)
    assert (found.name, found.says) == ("port", f"Nothing listens on port {port}.")


# Handshake


@asynccontextmanager
async def rogue(places: Places, talk: Callable[[ServerConnection], Any]) -> AsyncIterator[None]:
    """A server of the test's on the announced port."""
    async with serve(talk, "127.0.0.1", 0) as server:
        with claimed(places, server.sockets[0].getsockname()[1]):
            yield


def hello(**changes: Any) -> str:
    return m.encode(m.Hello(id="s1", bridge_version="0.1.0", instance=uuid4(), challenge="0" * 64, **changes))


async def test_a_server_that_cannot_prove_the_token_is_named_and_gets_nothing_more(places: Places) -> None:
    heard = []

    async def talk(socket: ServerConnection) -> None:
        await socket.send(hello())
        heard.append(json.loads(await socket.recv())["type"])
        await socket.send(m.encode(m.Identified(id="s2", re="c0", hmac="0" * 64, session=uuid4(), jobs=())))
        heard.extend([json.loads(message)["type"] async for message in socket])

    async with rogue(places, talk):
        found = await broken(places)
    assert found.name == "handshake"
    assert "does not know the pairing token" in found.says
    assert heard == ["identify"]


async def test_a_service_of_another_protocol_is_named(places: Places) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send(hello(protocol_min=7, protocol_max=8))
        await socket.wait_closed()

    async with rogue(places, talk):
        found = await broken(places)
    assert (found.name, found.says) == ("handshake", "The bridge speaks protocol 7 to 8, this client speaks 1.")


async def test_a_service_of_another_version_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "version", lambda: "9.9")
    async with running(places):
        found = await broken(places)
    assert found.name == "handshake"
    assert found.says.startswith("The service is version 9.9, this command is ")


async def test_a_service_that_says_nothing_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "HANDSHAKE_SECONDS", 0.3)
    async with rogue(places, lambda socket: socket.wait_closed()):
        assert (await broken(places)).name == "handshake"


async def test_a_service_with_another_token_is_named(places: Places) -> None:
    async with running(places):
        places.token.write_text("ab" * 32)
        found = await broken(places)
    assert found.name == "handshake"
    assert "videoshop serve" in found.hint


# Engine


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/nowhere/engine", "The engine does not start: No such file or directory."),
        (f"'{sys.executable}' -m no_such_engine", "No module named no_such_engine"),
        (f"'{sys.executable}' -m tests.bridge_server.fake_engine", ""),
    ],
)
async def test_an_engine_that_does_not_start_or_knows_too_little_is_named(
    places: Places, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.setenv(ENGINE, command)
    async with running(places):
        found = await broken(places)
    assert found.name == ("engine" if said else "codecs")
    assert said in found.says
    assert ENGINE in found.hint or not said


@pytest.mark.parametrize(
    ("lacks", "name", "said"),
    [
        ("h264", "codecs", "FFmpeg lacks: H.264 encoder."),
        ("about", "codecs", "The engine's answer to “about” is not one that this bridge knows."),
        ("cuda", "videoshop", "torch is installed, but does not load: libcudart.so.12"),
    ],
)
async def test_what_the_engine_lacks_is_named(
    places: Places, well_engine: Callable[..., None], lacks: str, name: str, said: str
) -> None:
    well_engine(lacks)
    async with running(places):
        found = await broken(places)
    assert found.name == name
    assert found.says.startswith(said)


@pytest.mark.parametrize("lacks", ["h264", "cuda"])
async def test_the_app_is_installed_again_where_from_source_it_is_a_package(
    places: Places, well_engine: Callable[..., None], monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    well_engine(lacks)
    async with running(places):
        assert "pip install" in (await broken(places)).hint
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        assert (await broken(places)).hint == "Install Videoshop Bridge again."


@pytest.mark.parametrize(
    ("lacks", "absent", "hint"),
    [
        ("torch", {"videoshop", "weights"}, GET_THEM),
        ("weights", {"weights"}, GET_THEM),
        ("part", {"weights"}, "Run `videoshop weights download svd`: it goes on where it was."),
    ],
)
async def test_the_method_videoshop_and_its_weights_may_be_absent(
    places: Places, well_engine: Callable[..., None], lacks: str, absent: set[str], hint: str
) -> None:
    well_engine(lacks)
    async with running(places):
        checks = await named(places)
    assert first_broken(tuple(checks.values())) is None
    assert {name for name, check in checks.items() if check.state == "absent"} == absent | {"environment"}
    assert checks["weights"].hint == hint


# The command


def told(places: Places, *arguments: str, encoding: str = "utf-8") -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {CONFIG: str(places.config), DATA: str(places.data), "COLUMNS": "200"}
    return subprocess.run(
        [*DOCTOR, *arguments], env=environment, capture_output=True, encoding=encoding, timeout=60, check=False
    )


async def test_the_command_shows_each_link_and_exits_0_when_all_is_well(places: Places) -> None:
    async with running(places):
        done = await asyncio.to_thread(told, places)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "✓ Folders: Writable, and closed to others."
    assert [line[0] for line in lines[:11]] == ["✓"] * 5 + ["–"] + ["✓"] * 5
    assert "All is well." in lines


def test_the_command_names_the_first_broken_link_and_what_to_do_and_exits_1(places: Places) -> None:
    done = told(places)
    assert (done.returncode, done.stderr) == (1, "")
    assert "✗ Service: No service is running." in done.stdout
    assert "First broken link: service. No service is running.\nWhat to do: Start it with" in done.stdout


def test_for_programs_the_checks_are_json(places: Places) -> None:
    done = told(places, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["broken"]) == (1, False, "service")
    assert found["checks"][2] == {
        "name": "service",
        "state": "broken",
        "says": "No service is running.",
        "hint": "Start it with `videoshop serve`.",
        "facts": {},
    }


def test_an_output_of_few_letters_still_gets_the_words(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert "Service: No service is running." in told(places, encoding="cp1252").stdout


async def test_the_real_engine_is_well(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE)
    async with running(places):
        checks = await named(places)
    assert first_broken(tuple(checks.values())) is None, [check.says for check in checks.values()]
    assert checks["engine"].says == "Reads a clip of 60 frames, 640×480, h264."
    assert checks["codecs"].says.startswith("H.264, ProRes 4444, FFV1: encoders and decoders of FFmpeg ")

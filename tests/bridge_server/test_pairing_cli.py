"""`videoshop pair` and `videoshop open`: a code, and what it is good for."""

import asyncio
import re
import stat
from pathlib import Path

import pytest

from bridge_server import cli
from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import UnreachableError
from bridge_server.handshake import pair
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer


@pytest.fixture(autouse=True)
def _places_of_the_test(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG, str(places.config))
    monkeypatch.setenv(DATA, str(places.data))


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(cli.run, arguments)


async def test_the_shown_code_lets_one_host_in(
    server: BridgeServer, places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("pair") == 0
    out, err = capsys.readouterr()
    assert "within 5 minutes" in err
    token = await pair(server.port, out.strip().lower(), "panel")
    assert token == pairing_token(places.token)
    async with await Client.connect(places, token=token) as client:
        await client.ping()
    with pytest.raises(UnreachableError, match="4010"):
        await pair(server.port, out.strip(), "another panel")


async def test_a_wrong_code_lets_nobody_in(server: BridgeServer) -> None:
    with pytest.raises(UnreachableError, match="4010"):
        await pair(server.port, "00000-00000", "panel")


async def test_the_page_is_opened_by_way_of_a_file_that_only_its_owner_reads(
    server: BridgeServer, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_browser(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", open_browser)
    assert await run("open") == 0
    (address,) = opened
    assert address.startswith("file://")
    page = Path(address.removeprefix("file://"))
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    (code,) = re.findall(rf"http://localhost:{server.port}/#([0-9A-Z]{{10}})\"", page.read_text())
    assert code not in address
    assert await pair(server.port, code, "page") == pairing_token(places.token)


async def test_the_address_is_printed_on_request(server: BridgeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("open", "--print") == 0
    assert re.fullmatch(rf"http://localhost:{server.port}/#[0-9A-Z]{{10}}\n", capsys.readouterr().out)


async def test_without_a_browser_it_says_what_to_do(
    server: BridgeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert await run("open") == 2
    assert "videoshop open --print" in capsys.readouterr().err


async def test_without_a_service_there_is_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("pair") == 2
    assert "No bridge is running." in capsys.readouterr().err

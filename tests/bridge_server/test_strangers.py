"""Who knocks without coming in, who comes in and floods, and who takes the bridge's place: on real sockets."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge_server.client import Client
from bridge_server.desktop.paths import Places
from bridge_server.errors import UnreachableError
from bridge_server.handshake import greeted, identify, pair
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.runner import Preview
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.test_server import _url, params

REQUEST = (
    "GET /bridge HTTP/1.1\r\n{hosts}Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextlib.asynccontextmanager
async def service(places: Places) -> AsyncIterator[BridgeServer]:
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server:
        yield server


def request(server: BridgeServer, *hosts: str) -> bytes:
    lines = "".join(f"Host: {host}\r\n" for host in hosts or (f"localhost:{server.port}",))
    return REQUEST.format(hosts=lines).encode()


async def knock(server: BridgeServer, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw connection that says this and nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(said)
    return reader, writer


async def ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


async def close_code(stranger: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await stranger.wait_closed()
    return stranger.close_code


# Those who never come in


async def test_two_hundred_half_handshakes_keep_nobody_out_and_are_all_closed(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDENTIFY_SECONDS", 2.0)
    async with service(places) as server:
        whole = request(server)
        knocks = [b"", whole[:30], whole[:-2], whole]
        strangers = [await knock(server, knocks[number % 4]) for number in range(200)]
        async with asyncio.timeout(1.8), await Client.connect(places) as client:  # before any of them is overdue
            await client.ping()
            assert sum(not connection.session.identified for connection in server._connections) <= limits.STRANGERS
        async with asyncio.timeout(8):
            await asyncio.gather(*(ended(reader) for reader, _ in strangers))
            while server._connections:
                await asyncio.sleep(0.01)
        for _, writer in strangers:
            writer.close()


async def test_of_too_many_who_send_no_request_the_oldest_are_cut(server: BridgeServer, places: Places) -> None:
    strangers = [await knock(server, b"GET /bridge") for _ in range(limits.ARRIVING)]
    async with await Client.connect(places) as client:
        late = [await knock(server, b"") for _ in range(3)]
        async with asyncio.timeout(2):
            await asyncio.gather(*(ended(reader) for reader, _ in strangers[:3]))
        await client.ping()
        assert not any(reader.at_eof() for reader, _ in [*strangers[3:], *late])
    for _, writer in [*strangers, *late]:
        writer.close()


async def test_of_too_many_strangers_the_oldest_go_first(server: BridgeServer) -> None:
    strangers = [await connect(_url(server), proxy=None) for _ in range(limits.STRANGERS + 3)]
    for stranger in strangers:
        with contextlib.suppress(ConnectionClosed):
            await stranger.recv()
    for stranger in strangers[:3]:
        await close_code(stranger)
    assert [stranger.state.name for stranger in strangers[3:]] == ["OPEN"] * limits.STRANGERS
    assert len(server._connections) == limits.STRANGERS
    for stranger in strangers:
        stranger.transport.abort()


async def test_a_client_that_is_in_is_never_put_out_for_strangers(server: BridgeServer, client: Client) -> None:
    strangers = [await connect(_url(server), proxy=None) for _ in range(2 * limits.STRANGERS)]
    await client.ping()
    assert len(server._connections) == limits.STRANGERS + 1
    for stranger in strangers:
        stranger.transport.abort()


async def test_those_who_guess_and_leave_hold_no_place(server: BridgeServer, places: Places) -> None:
    for _ in range(20):
        server._door.wrong()  # from here on a wrong proof is answered after 8 seconds
    guessing = []
    for _ in range(limits.STRANGERS + 5):
        guess = await connect(_url(server), proxy=None)
        hello = await greeted(guess, server.port)
        wrong = m.Identify(id="1", protocol=1, host="x", client=uuid4(), nonce="0" * 64, hmac="0" * 64)
        await guess.send(m.encode(wrong))
        assert hello.instance == server.instance
        guessing.append(guess)
    assert len(server._connections) <= limits.STRANGERS
    for guess in guessing:
        guess.transport.abort()
    async with asyncio.timeout(4):
        while server._connections:
            await asyncio.sleep(0.01)
    async with await Client.connect(places) as client:
        await client.ping()


async def test_one_more_than_all_places_is_refused_503_and_gets_the_next_free_one(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS", 4)
    async with service(places) as server:
        clients = [await Client.connect(places) for _ in range(4)]
        with pytest.raises(UnreachableError, match="503"):
            await Client.connect(places)
        await clients[0].close()
        async with asyncio.timeout(2):
            while len(server._connections) == 4:
                await asyncio.sleep(0.01)
        async with await Client.connect(places) as late:
            await late.ping()
        for client in clients:
            await client.close()


# Requests that are no host's


@pytest.mark.parametrize("hosts", [["localhost:{port}", "evil.com"], ["localhost:{port}", "localhost:{port}"]])
async def test_two_host_headers_are_refused(server: BridgeServer, hosts: list[str]) -> None:
    reader, writer = await knock(server, request(server, *[host.format(port=server.port) for host in hosts]))
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_no_host_header_is_refused(server: BridgeServer) -> None:
    reader, writer = await knock(server, REQUEST.format(hosts="").encode())
    assert b" 403 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    "origin",
    [
        "http://trusted.example.evil.com",
        "http://trusted.example:80",
        "http://trusted.example/",
        "https://trusted.example",
        "http://TRUSTED.example",
        "http://a.trusted.example",
        "http://trusted.example, http://evil.com",
    ],
)
async def test_an_origin_that_only_looks_like_an_allowed_one_is_refused(places: Places, origin: str) -> None:
    async with BridgeServer(places, ports=(0,), origins=["http://trusted.example"]) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(_url(server), additional_headers={"Origin": origin}, proxy=None)
        assert caught.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/bridge/", "/bridge?token=1", "/bridge/../bridge", "//bridge", "/etc/passwd"])
async def test_any_other_path_is_nothing_to_connect_to(server: BridgeServer, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None)
    assert caught.value.response.status_code in (200, 404)


# Replays and guesses


async def test_a_proof_that_was_overheard_opens_no_second_connection(
    server: BridgeServer, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    overheard: list[str] = []
    send = ClientConnection.send

    async def tapped(socket: ClientConnection, message: str) -> None:
        overheard.append(message)
        await send(socket, message)

    with monkeypatch.context() as listening:
        listening.setattr(ClientConnection, "send", tapped)
        first = await Client.connect(places)
    async with connect(_url(server), proxy=None) as second:
        await second.recv()
        await second.send(overheard[0])
        assert await close_code(second) == 4009
    await first.ping()
    await first.close()


async def test_five_wrong_codes_end_the_pairing(server: BridgeServer, client: Client) -> None:
    code = (await client.open_pairing()).code
    for _ in range(limits.CODE_TRIES):
        with pytest.raises(UnreachableError, match="4010"):
            await pair(server.port, "00000-00000", "guess")
    with pytest.raises(UnreachableError, match="4010"):
        await pair(server.port, code, "late")


# Those who are in, and flood


async def test_a_message_of_just_the_limit_is_read_and_one_byte_more_closes_1009(
    server: BridgeServer, places: Places
) -> None:
    for size, code in ((limits.MESSAGE, 4005), (limits.MESSAGE + 1, 1009)):
        client = await Client.connect(places)
        await client._socket.send(bytes(size))
        assert await close_code(client._socket) == code
        await client.close()


async def test_a_stranger_is_not_heard_beyond_the_limit_either(server: BridgeServer) -> None:
    async with connect(_url(server), proxy=None) as stranger:
        await stranger.recv()
        with contextlib.suppress(ConnectionClosed):
            await stranger.send(bytes(limits.MESSAGE + 1))
        assert await close_code(stranger) == 1009


@pytest.mark.parametrize("piece", [b"", b"x", bytes(65536)])
async def test_endless_fragments_end_with_1009(server: BridgeServer, places: Places, piece: bytes) -> None:
    size = bytes([0x80 | len(piece)]) if len(piece) < 126 else struct.pack(">BQ", 0xFF, len(piece))
    begun, more = (bytes([opcode]) + size + bytes(4) + piece for opcode in (2, 0))  # masked with zeros, never final
    async with await Client.connect(places) as other:
        flooding = await Client.connect(places)
        flooding._socket.transport.write(begun + more * (10_000 if len(piece) < 126 else 30))
        assert await close_code(flooding._socket) == 1009
        await other.ping()
        await flooding.close()


async def test_one_who_never_reads_costs_no_memory_for_previews_and_is_let_go_for_states(
    server: BridgeServer, client: Client, clip: Path, places: Places
) -> None:
    lazy = await never_reading(server, places)
    (connection,) = (each for each in server._connections if each.session.host == "lazy")
    job = (await client.submit(await params(client, clip, act="deaf"))).job
    lazy.protocol.send_text(m.encode(m.QueueWatch(id="q")).encode())
    lazy.transport.write(b"".join(lazy.protocol.data_to_send()))
    async with asyncio.timeout(5):
        while not connection.session.watches(job):
            await asyncio.sleep(0.01)

    def held() -> int:
        return connection._outbox.bytes + connection._socket.transport.get_write_buffer_size()

    peak = 0
    for frame in range(500):
        server._show(Preview(job, frame, bytes(200_000)))
        await asyncio.sleep(0)
        peak = max(peak, held())
    assert peak < limits.OUTBOX_BYTES
    assert connection in server._connections
    async with asyncio.timeout(20):
        while connection in server._connections:
            server._tell(m.QueueState(paused=False, order=tuple(uuid4() for _ in range(200))))
            peak = max(peak, held())
            await asyncio.sleep(0)
    assert peak <= limits.OUTBOX_BYTES + 300_000
    await client.ping()
    lazy.transport.abort()
    await client.cancel(job)


async def never_reading(server: BridgeServer, places: Places) -> ClientConnection:
    """A client that is in, and reads nothing any more."""
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    small.setblocking(False)
    lazy = await connect(_url(server), sock=small, compression=None)
    await identify(lazy, await greeted(lazy, server.port), server.port, pairing_token(places.token), "lazy")
    lazy.transport.pause_reading()
    return lazy


# Those who take the bridge's place


@contextlib.asynccontextmanager
async def rogue(places: Places, answer: str) -> AsyncIterator[tuple[int, list[str | bytes]]]:
    """A program on a port of the bridge that does not know the token; what it was sent."""
    heard: list[str | bytes] = []

    async def play(socket: ServerConnection) -> None:
        hello = m.Hello(id="1", bridge_version="9", instance=uuid4(), challenge="ab" * 32)
        await socket.send(m.encode(hello))
        async for message in socket:
            heard.append(message)
            identified = m.Identified(id="2", re="c0", hmac="cd" * 32, session=uuid4())
            paired = m.Paired(id="2", re="c0", hmac="cd" * 32, token="ef" * 32)
            await socket.send(m.encode(identified if answer == "identified" else paired))

    async with serve(play, "127.0.0.1", 0) as listening:
        yield next(iter(listening.sockets)).getsockname()[1], heard


async def test_a_program_in_the_bridges_place_gets_a_proof_that_it_cannot_use_and_nothing_else(places: Places) -> None:
    token = pairing_token(places.token)
    async with rogue(places, "identified") as (port, heard):
        with pytest.raises(UnreachableError) as caught:
            await Client.connect(places, port=port)
        assert caught.value.code == "bridge.not_trusted"
    (only,) = heard
    assert json.loads(only)["type"] == "identify"
    assert token.hex() not in str(only)


async def test_a_host_that_pairs_with_a_program_in_the_bridges_place_keeps_nothing(places: Places) -> None:
    async with rogue(places, "paired") as (port, heard):
        with pytest.raises(UnreachableError) as caught:
            await pair(port, "ABCDE-12345", "host")
        assert caught.value.code == "bridge.not_trusted"
    (only,) = heard
    assert "ABCDE" not in str(only)


async def test_a_program_in_between_cannot_pass_the_handshake_on(server: BridgeServer, places: Places) -> None:
    passed: list[str | bytes] = []

    async def between(host: ServerConnection) -> None:
        async with connect(_url(server), proxy=None) as bridge:
            await host.send(await bridge.recv())
            passed.append(await host.recv())
            await bridge.send(passed[-1])
            await bridge.wait_closed()
            await host.close(bridge.close_code or 1011, "")

    async with serve(between, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        with pytest.raises(UnreachableError, match="4009"):
            await Client.connect(places, port=port)
    assert len(passed) == 1

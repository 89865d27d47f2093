"""The real service on a real socket, with a simulated engine process behind it."""

import asyncio
import os
import random
import socket
import stat
from pathlib import Path
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge_server.client import Client, JobNews, Preview
from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, ServiceError, UnreachableError
from bridge_server.handshake import greeted, identify
from bridge_server.listening import listen
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.processes import gone


async def params(client: Client, clip: Path, **settings: str) -> m.JobParams:
    grant = await client.grant(clip)
    edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
    return m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited, frame=2),), settings=settings)


async def submit(client: Client, clip: Path, **settings: str) -> UUID:
    return (await client.submit(await params(client, clip, **settings))).job


async def test_a_frame_is_uploaded_and_submitted_and_its_progress_previews_and_result_come_back(
    client: Client, clip: Path, places: Places
) -> None:
    job = await submit(client, clip, steps="4", pause="0.15")
    news = [news async for news in client.watch(job)]

    states = [(item.state, item.stage) for item in news if isinstance(item, m.JobState)]
    assert states[-4:] == [("running", None), ("running", "probe"), ("running", "propagate"), ("done", None)]
    assert [item.done for item in news if isinstance(item, m.JobProgress)][-1] == 4
    assert b"fake picture of frame 3" in [item.jpeg for item in news if isinstance(item, Preview)][-1]
    numbers = [item.seq for item in news if not isinstance(item, Preview)]
    assert numbers == sorted(set(numbers))

    ended = news[-1]
    assert isinstance(ended, m.JobState)
    assert ended.result is not None
    assert ended.result.files == ("edited_0.tif", "flat.mp4", "layer.mov", "report.json")
    assert (Path(ended.result.folder) / "flat.mp4").read_bytes() == b"frames"
    assert Path(ended.result.folder).is_relative_to(places.jobs)


async def test_raw_pixels_reach_the_engine_as_an_image_file_of_the_same_samples(client: Client, clip: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (1100, 700, 4), dtype=np.uint16)
    edited = await client.upload_raw(pixels.astype("<u2").tobytes(), 700, 1100, 4, 16)
    grant = await client.grant(clip)
    job = (await client.submit(m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited),)))).job
    ended = await client.result(job)
    assert ended.result is not None
    image = cv2.imread(str(Path(ended.result.folder) / "edited_0.tif"), cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert np.array_equal(image[..., [2, 1, 0, 3]], pixels)


async def test_a_png_reaches_the_engine_byte_for_byte(client: Client, clip: Path, tmp_path: Path) -> None:
    image = tmp_path / "edited.png"
    cv2.imwrite(str(image), np.random.default_rng(2).integers(0, 256, (900, 800, 3), dtype=np.uint8))
    edited = await client.upload_png(image)
    grant = await client.grant(clip)
    job = (await client.submit(m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited),)))).job
    ended = await client.result(job)
    assert ended.result is not None
    assert (Path(ended.result.folder) / "edited_0.png").read_bytes() == image.read_bytes()


async def test_the_engine_answers_questions_while_a_job_runs(client: Client, clip: Path) -> None:
    job = await submit(client, clip, steps="1000", pause="0.01")
    grant = await client.grant(clip)
    edited = await client.upload_raw(bytes(16), 4, 4, 1, 8)
    assert (await client.probe(grant)).fps == "30000/1001"
    assert (await client.frame(grant, 7)).name == "a clip_000007.png"
    assert (await client.locate(grant, edited)).confidence == 0.875
    await client.cancel(job)
    assert (await client.result(job)).state == "cancelled"


async def test_a_running_job_is_cancelled_within_a_second(client: Client, clip: Path) -> None:
    job = await submit(client, clip, steps="10000", pause="0.01")
    await _until_running(client, job)
    await client.cancel(job)
    async with asyncio.timeout(1):
        assert (await client.result(job)).state == "cancelled"


async def test_an_engine_that_does_not_listen_is_stopped_within_a_second(client: Client, clip: Path) -> None:
    job = await submit(client, clip, act="deaf")
    await _until_running(client, job)
    await client.cancel(job)
    async with asyncio.timeout(1):
        assert (await client.result(job)).state == "cancelled"
    assert (await client.result(await submit(client, clip))).state == "done"


async def test_a_waiting_job_is_cancelled_at_once_and_the_running_one_goes_on(client: Client, clip: Path) -> None:
    first = await submit(client, clip, steps="30", pause="0.01")
    second = await submit(client, clip)
    assert (await client.cancel(second)).state == "cancelled"
    assert (await client.result(first)).state == "done"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("crash", "engine.crashed"),
        ("freeze", "engine.hung"),
        ("refuse", "edit.size_differs"),
        ("fault", "internal"),
    ],
)
async def test_a_job_whose_engine_fails_says_why_and_the_next_one_runs(
    client: Client, clip: Path, act: str, code: str
) -> None:
    failing, next = await submit(client, clip, act=act), await submit(client, clip)
    failed = await client.result(failing)
    assert (failed.state, failed.error and failed.error.code) == ("failed", code)
    assert failed.error is not None
    assert failed.error.message
    assert failed.error.hint
    assert (await client.result(next)).state == "done"


async def test_a_job_that_failed_leaves_no_half_written_file(client: Client, clip: Path, places: Places) -> None:
    await client.result(await submit(client, clip, act="crash"))
    assert [path.name for path in places.jobs.rglob("*.mp4")] == []


async def test_what_the_engine_prints_does_not_disturb_its_messages(client: Client, clip: Path) -> None:
    assert (await client.result(await submit(client, clip, act="chatter"))).state == "done"


async def test_a_job_goes_on_without_its_client_and_tells_another_client_all_of_it(
    client: Client, clip: Path, places: Places
) -> None:
    job = await submit(client, clip, steps="20", pause="0.01")
    await client.close()
    async with await Client.connect(places) as other:
        assert job in [snapshot.job for snapshot in other.identified.jobs]
        states = [news.state async for news in other.watch(job) if isinstance(news, m.JobState)]
    assert states[0] == "queued"
    assert states[-1] == "done"


async def test_watching_since_a_number_replays_only_what_came_after_it(client: Client, clip: Path) -> None:
    job = await submit(client, clip)
    await client.result(job)
    whole = [news.seq async for news in client.watch(job) if not isinstance(news, Preview)]
    rest = [news.seq async for news in client.watch(job, since=2) if not isinstance(news, Preview)]
    assert rest == [seq for seq in whole if seq > 2]


async def test_a_result_is_fetched_through_the_socket(client: Client, clip: Path, tmp_path: Path) -> None:
    clip.write_bytes(random.Random(5).randbytes(5_000_000))
    job = await submit(client, clip, pause="0.2")
    await client.result(job)
    with (tmp_path / "fetched").open("w+b") as file:
        file.write(clip.read_bytes()[:1_234_567])
        await client.fetch(m.JobFile(job=job, file="flat.mp4"), file, offset=1_234_567)
    assert (tmp_path / "fetched").read_bytes() == clip.read_bytes()
    with (tmp_path / "thumbnail").open("w+b") as file:
        await client.fetch(m.JobFile(job=job, file="thumbnail.jpg"), file)
    assert b"fake picture of frame" in (tmp_path / "thumbnail").read_bytes()


async def test_a_page_sends_its_clip_asks_for_an_estimate_and_looks_at_small_frames(
    client: Client, tmp_path: Path
) -> None:
    grant = await client.upload_clip("shot.mov", random.Random(6).randbytes(3_000_000))
    edited = await client.upload_raw(bytes(48), 4, 4, 3, 8)
    asked = m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited, frame=2),))
    estimate = await client.estimate(asked)
    assert (estimate.frames, estimate.windows, estimate.keyframes) == (59, 1, (2,))
    await client.frame(grant, 7, small=True)
    with (tmp_path / "small.jpg").open("w+b") as file:
        await client.fetch(m.ClipFile(grant=grant, frame=7, small=True), file)
    assert (tmp_path / "small.jpg").read_bytes() == b"a small picture"
    ended = await client.result((await client.submit(asked)).job)
    assert ended.state == "done"
    assert (await client.probe(await client.grant_result(ended.job, "flat.mp4"))).frames == 60


async def test_who_watches_the_queue_hears_of_every_job_of_everybody(
    client: Client, clip: Path, places: Places
) -> None:
    async with await Client.connect(places) as other:
        watching = other.watch_all()
        first = await anext(watching)
        assert isinstance(first, m.QueueState)
        job = await submit(client, clip, steps="2", pause="0.3")
        heard = []
        async for news in watching:
            heard.append(news)
            if isinstance(news, m.JobState) and news.ended is not None:
                break
    states = [(news.state, news.stage) for news in heard if isinstance(news, m.JobState) and news.job == job]
    assert states[0] == ("queued", None)
    assert states[-1] == ("done", None)
    assert any(isinstance(news, Preview) for news in heard)
    assert [news.order for news in heard if isinstance(news, m.QueueState)] == [(job,), ()]


async def test_who_comes_late_is_shown_the_newest_preview(client: Client, clip: Path, places: Places) -> None:
    job = await submit(client, clip, steps="1", pause="60")
    await _until_preview(client, job)
    async with await Client.connect(places) as late:
        await _until_preview(late, job)
    await client.cancel(job)


async def test_after_a_restart_the_queue_is_as_it_was_and_the_running_job_runs_again(
    places: Places, clip: Path
) -> None:
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE), await Client.connect(places) as one:
        running = await submit(one, clip, steps="1000", pause="0.01")
        waiting = [await submit(one, clip) for _ in range(3)]
        await one.move(waiting[2], waiting[0])
        await _until_running(one, running)
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE), await Client.connect(places) as two:
        jobs = {job.job: job for job in two.identified.jobs}
        assert (jobs[running].state, jobs[running].attempt) in (("queued", 1), ("running", 2))
        assert (await two.queue()).order[-3:] == (waiting[2], waiting[0], waiting[1])
        await _until_running(two, running)
        await two.cancel(running)
        assert [(await two.result(job)).state for job in waiting] == ["done"] * 3


async def test_a_held_job_stops_at_work_and_runs_again_when_it_is_released(client: Client, clip: Path) -> None:
    job = await submit(client, clip, steps="1000", pause="0.01")
    await _until_running(client, job)
    await client.hold(job)
    async for news in client.watch(job):
        if isinstance(news, m.JobState) and news.state == "queued" and news.held:
            break
    other = await submit(client, clip)
    assert (await client.result(other)).state == "done"
    await client.release(job)
    await _until_running(client, job)
    await client.cancel(job)
    ended = await client.result(job)
    assert (ended.state, ended.attempt) == ("cancelled", 2)


async def test_a_paused_queue_lets_the_engine_go(server: BridgeServer, client: Client, clip: Path) -> None:
    assert (await client.result(await submit(client, clip))).state == "done"
    pid = server._jobs_engine.pid
    assert pid is not None
    await client.pause()
    assert await asyncio.to_thread(gone, pid)
    job = await submit(client, clip)
    await client.resume()
    assert (await client.result(job)).state == "done"


async def test_an_idle_engine_is_let_go_when_a_client_asks(server: BridgeServer, client: Client, clip: Path) -> None:
    await client.probe(await client.grant(clip))
    pid = server._questions_engine.pid
    assert pid is not None
    await client.release_engine()
    assert await asyncio.to_thread(gone, pid)


async def test_the_engine_does_not_outlive_the_service(places: Places, clip: Path) -> None:
    server = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    async with server, await Client.connect(places) as client:
        job = await submit(client, clip, act="deaf")
        await _until_running(client, job)
        pid = server._jobs_engine.pid
        assert pid is not None
    assert gone(pid)


# Who gets in


async def test_a_wrong_token_is_refused_with_4009(server: BridgeServer, places: Places) -> None:
    with pytest.raises(UnreachableError, match="4009"):
        await Client.connect(places, token=bytes(32))


async def test_the_client_sends_nothing_to_a_service_that_cannot_prove_the_token(
    server: BridgeServer, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge_server.protocol.session.same", lambda given, expected: True)
    with pytest.raises(UnreachableError) as caught:
        await Client.connect(places, token=bytes(32))
    assert caught.value.code == "bridge.not_trusted"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.com", "null", "file://", "http://localhost:1", "http://localhost:{port}.evil.com", "http://[::1]"],
)
async def test_a_page_of_another_origin_is_refused_before_the_upgrade(server: BridgeServer, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(_url(server), additional_headers={"Origin": origin.format(port=server.port)}, proxy=None)
    assert caught.value.response.status_code == 403


async def test_two_origins_are_refused_though_one_is_allowed(places: Places) -> None:
    async with BridgeServer(places, ports=(0,), origins=["http://good"]) as server:
        await (await connect(_url(server), additional_headers={"Origin": "http://good"}, proxy=None)).close()
        both = [("Origin", "http://good"), ("Origin", "http://good")]
        with pytest.raises(InvalidStatus):
            await connect(_url(server), additional_headers=both, proxy=None)


@pytest.mark.parametrize("host", ["evil.com:{port}", "127.0.0.1", "localhost:1", "127.0.0.1:{port}.evil.com"])
async def test_a_rebinding_host_is_refused_though_its_origin_agrees(server: BridgeServer, host: str) -> None:
    host = host.format(port=server.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"GET /bridge HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b" 403 " in await reader.readline()
    writer.close()


async def test_an_unpaired_first_message_closes_4003_and_tells_nothing(server: BridgeServer) -> None:
    async with connect(_url(server), proxy=None) as socket:
        hello = m.decode_server(str(await socket.recv()))
        assert isinstance(hello, m.Hello)
        await socket.send(m.encode(m.JobList(id="1")))
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4003


async def test_a_client_that_never_identifies_is_closed_4004(
    server: BridgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDENTIFY_SECONDS", 0.05)
    assert await _close_code(server, []) == 4004


async def test_a_message_over_the_limit_closes_1009(client: Client, places: Places) -> None:
    await client._socket.send(bytes(limits.MESSAGE + 1))
    await client._socket.wait_closed()
    assert client._socket.close_code == 1009


async def test_a_binary_message_without_the_header_closes_4005(client: Client) -> None:
    await client._socket.send(b"anything else")
    await client._socket.wait_closed()
    assert client._socket.close_code == 4005


async def test_a_client_that_never_reads_is_let_go_and_harms_nobody(
    server: BridgeServer, client: Client, clip: Path, places: Places
) -> None:
    asked = await params(client, clip, act="deaf")
    for _ in range(100):
        await client.submit(asked)
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    small.setblocking(False)
    lazy = await connect(_url(server), sock=small, compression=None)
    hello = await greeted(lazy, server.port)
    await identify(lazy, hello, server.port, pairing_token(places.token), "lazy")
    lazy.transport.pause_reading()
    for _ in range(400):
        lazy.protocol.send_text(m.encode(m.JobList(id="again")).encode())
    for data in lazy.protocol.data_to_send():
        lazy.transport.write(data)
    peak = 0
    async with asyncio.timeout(10):
        while "lazy" in {connection.session.host for connection in server._connections}:
            await client.ping()
            peak = max([peak, *(connection._outbox.bytes for connection in server._connections)])
    assert 0 < peak <= limits.OUTBOX_BYTES
    lazy.transport.abort()
    await client.ping()


async def test_no_path_enters_but_by_a_grant(client: Client, clip: Path, places: Places) -> None:
    with pytest.raises(BridgeError) as caught:
        await client.probe(uuid4())
    assert caught.value.code == "grant.unknown"
    async with await Client.connect(places) as other:
        with pytest.raises(BridgeError) as caught:
            await other.probe(await client.grant(clip))
    assert caught.value.code == "grant.unknown"


async def test_transfers_that_no_job_took_are_gone_with_their_client(client: Client, places: Places) -> None:
    await client.upload_raw(bytes(16), 4, 4, 1, 8)
    assert list(places.incoming.rglob("*.tif"))
    await client.close()
    async with asyncio.timeout(2):
        while list(places.incoming.rglob("*.tif")):
            await asyncio.sleep(0.01)


async def test_an_unknown_chunk_is_answered_with_an_error_and_the_connection_lives(client: Client) -> None:
    await client._socket.send(Header(Kind.CHUNK, uuid4(), 0, 0).pack() + b"x")
    await client.ping()


# Where it listens


async def test_a_taken_port_is_passed_over_and_the_discovery_file_tells_the_one_taken(places: Places) -> None:
    base = random.Random(os.getpid()).randrange(20000, 30000)
    taken, sockets = listen(range(base, base + 50))
    try:
        async with BridgeServer(places, ports=(taken, 0)) as server:
            assert server.port not in (0, taken)
            found = discover(places.discovery)
            assert found is not None
            assert (found.port, found.instance) == (server.port, server.instance)
        assert discover(places.discovery) is None
        with pytest.raises(ServiceError) as caught:
            await BridgeServer(places, ports=(taken,)).start()
        assert caught.value.code == "service.ports_taken"
    finally:
        for opened in sockets:
            opened.close()


async def test_token_and_discovery_file_are_the_owners_alone(server: BridgeServer, places: Places) -> None:
    for path in (places.token, places.discovery):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_client_without_a_service_is_told_how_to_start_one(places: Places) -> None:
    with pytest.raises(UnreachableError) as caught:
        await Client.connect(places)
    assert caught.value.code == "bridge.not_running"
    assert "videoshop serve" in caught.value.hint


def _url(server: BridgeServer) -> str:
    return f"ws://127.0.0.1:{server.port}/bridge"


async def _close_code(server: BridgeServer, messages: list[str]) -> int | None:
    async with connect(_url(server), proxy=None) as socket:
        for message in messages:
            await socket.send(message)
        await socket.wait_closed()
        return socket.close_code


async def _until_preview(client: Client, job: UUID) -> None:
    async for news in client.watch(job):
        if isinstance(news, Preview):
            return


async def _until_running(client: Client, job: UUID) -> None:
    def stage(news: JobNews) -> bool:
        return isinstance(news, m.JobState) and news.stage is not None

    async for news in client.watch(job):
        if stage(news):
            return


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"frame": 1, "confidence": float("nan")},
        {"frame": "one", "confidence": 0.5},
        {"frame": 1, "confidence": None},
    ],
)
async def test_an_answer_of_the_engine_that_means_nothing_is_an_error(
    client: Client, server: BridgeServer, clip: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    async def say(do: str, question: object, **more: object) -> dict[str, object]:
        return answer

    monkeypatch.setattr(server, "_ask", say)
    edited = await client.upload_raw(bytes(16), 4, 4, 1, 8)
    with pytest.raises(BridgeError) as caught:
        await client.locate(await client.grant(clip), edited)
    assert caught.value.code == "engine.misunderstood"


async def test_a_job_that_was_held_and_released_a_thousand_times_can_still_be_watched(
    client: Client, server: BridgeServer, clip: Path, places: Places
) -> None:
    await client.pause()
    job = await submit(client, clip)
    for _ in range(1000):
        server.book.hold(job)
        server.book.release(job)
        await asyncio.sleep(0)
    async with await Client.connect(places) as other:
        told = 0
        async for news in other.watch(job):
            told += isinstance(news, m.JobState)
            if isinstance(news, m.JobState) and news.seq == 2001:
                break
    assert told == limits.REPLAYED


# The end


async def test_a_client_ends_the_service_which_says_so_to_everybody(places: Places) -> None:
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server:
        other = await Client.connect(places)
        async with await Client.connect(places) as client:
            await client.end()
            await asyncio.wait_for(server.wait(), 2)
    assert discover(places.discovery) is None
    with pytest.raises(UnreachableError, match="1001"):
        await other.ping()
    await other.close()


async def test_a_job_keeps_the_service_and_goes_on_in_the_next_one_where_it_was_ended_all_the_same(
    places: Places, clip: Path
) -> None:
    one = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    async with one as server, await Client.connect(places) as client:
        job = await submit(client, clip, steps="3", pause="0.3")
        while (await client.jobs())[0].state != "running":
            await asyncio.sleep(0.02)
        with pytest.raises(BridgeError, match="A job runs"):
            await client.end()
        await client.end(now=True)
        await asyncio.wait_for(server.wait(), 2)
    next_one = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    async with next_one, await Client.connect(places) as client:
        assert (await client.result(job)).state == "done"

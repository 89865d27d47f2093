"""What the machine does to the service: full and read-only disks, clips that move, clocks that jump, sleep, a kill."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from bridge_server import intake, retention, runner
from bridge_server.client import Client
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, ServiceError
from bridge_server.handshake import pair
from bridge_server.protocol import messages as m
from bridge_server.protocol.transfer import Header, Kind
from bridge_server.security import pairing_token
from bridge_server.server import BridgeServer
from bridge_server.store import VERSION
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.mounts import fill, read_only, small_disk
from tests.bridge_server.serve import SILENCE
from tests.bridge_server.test_server import params, submit

MB = 1 << 20


@contextlib.asynccontextmanager
async def service(places: Places) -> AsyncIterator[tuple[BridgeServer, Client]]:
    async with (
        BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server,
        await Client.connect(places) as client,
    ):
        yield server, client


async def state(client: Client, job: UUID) -> m.Snapshot:
    return next(known for known in await client.jobs() if known.job == job)


async def until(client: Client, job: UUID, *states: m.State) -> m.Snapshot:
    async with asyncio.timeout(10):
        while (known := await state(client, job)).state not in states:
            await asyncio.sleep(0.02)
    return known


def code_of(caught: "pytest.ExceptionInfo[BridgeError]") -> str:
    assert caught.value.hint
    return caught.value.code


# A disk that is full


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk, of which less than usual must stay free."""
    for module, name, value in (
        (intake, "RESERVE", 2 * MB),
        (runner, "RESERVE", 2 * MB),
        (runner, "FLOOR", MB),
        (runner, "LOOK_SECONDS", 0.05),
        (runner, "AGAIN_SECONDS", 0.05),
    ):
        monkeypatch.setattr(module, name, value)
    with small_disk(tmp_path / "disk", 8 * MB) as folder:
        yield folder


async def test_a_disk_that_fills_up_during_an_upload_is_said_so_and_the_next_one_has_room(
    disk: Path, tmp_path: Path
) -> None:
    async with service(Places(tmp_path / "config", disk)) as (_, client):
        with pytest.raises(BridgeError) as caught:
            await client.upload_raw(bytes(7 * MB), 7 * MB // 1024, 1024, 1, 8)
        assert code_of(caught) == "transfer.disk_full"
        upload = asyncio.create_task(client.upload_raw(bytes(4 * MB), 4096, 1024, 1, 8))
        async with asyncio.timeout(5):
            while not list((disk / "incoming").rglob("*.tif")):
                await asyncio.sleep(0)
        filler = fill(disk)
        with pytest.raises(BridgeError) as caught:
            await upload
        assert code_of(caught) == "transfer.disk_full"
        filler.unlink()
        await client.upload_raw(bytes(4 * MB), 4096, 1024, 1, 8)


async def test_a_job_that_the_full_disk_cannot_keep_is_not_accepted_and_later_it_is(
    disk: Path, clip: Path, tmp_path: Path
) -> None:
    async with service(Places(tmp_path / "config", disk)) as (_, client):
        asked, job = await params(client, clip), UUID(int=5)
        filler = fill(disk)
        with pytest.raises(BridgeError) as caught:
            await client.submit(asked, job)
        assert code_of(caught) in ("job.not_kept", "transfer.not_kept")
        assert await client.jobs() == ()
        filler.unlink()
        await client.submit(asked, job)
        assert (await client.result(job)).state == "done"


async def test_a_disk_that_fills_up_while_a_job_runs_fails_it_as_soon_as_that_can_be_written(
    disk: Path, clip: Path, tmp_path: Path
) -> None:
    async with service(Places(tmp_path / "config", disk)) as (server, client):
        job = await submit(client, clip, act="deaf")
        await until(client, job, "running")
        filler = fill(disk)
        async with asyncio.timeout(10):
            while server._jobs_engine.busy:
                await asyncio.sleep(0.02)
        assert (await state(client, job)).state in ("running", "failed")
        filler.unlink()
        failed = await until(client, job, "failed")
        assert failed.error is not None
        assert (failed.error.code, failed.error.retryable) == ("resource.disk_full", True)
        assert (await client.retry(job)).state in ("queued", "running")


# Folders that cannot be written to


async def test_a_transfer_into_a_read_only_folder_is_refused_and_the_connection_lives(
    places: Places, clip: Path
) -> None:
    async with service(places) as (_, client):
        with read_only(places.incoming):
            with pytest.raises(BridgeError) as caught:
                await params(client, clip)
            assert code_of(caught) == "transfer.not_kept"
            await client.ping()
        await params(client, clip)


async def test_a_transfer_whose_folder_became_read_only_is_thrown_away_without_harm(places: Places) -> None:
    async with service(places) as (_, client):
        begun = m.TransferBegin(
            id="b", transfer=UUID(int=1), kind="raw", size=12, width=2, height=2, channels=3, bits=8
        )
        await client._ask(begun, m.TransferReady)
        with read_only(places.incoming):
            await client._socket.send(Header(Kind.CHUNK, begun.transfer, 0, 0).pack() + bytes(13))
            await client._ask(m.TransferAbort(id="a", transfer=begun.transfer), m.TransferAborted)
            await client.ping()


async def test_a_job_that_cannot_be_kept_in_a_read_only_folder_is_not_accepted(places: Places, clip: Path) -> None:
    async with service(places) as (_, client):
        asked = await params(client, clip)
        with read_only(places.jobs):
            with pytest.raises(BridgeError) as caught:
                await client.submit(asked)
            assert code_of(caught) == "transfer.not_kept"
            assert await client.jobs() == ()
        assert (await client.result((await client.submit(asked)).job)).state == "done"


async def test_a_job_whose_folder_became_read_only_fails_and_is_retried(places: Places, clip: Path) -> None:
    async with service(places) as (_, client):
        await client.pause()
        job = await submit(client, clip)
        with read_only(places.jobs):
            await client.resume()
            failed = await until(client, job, "failed")
            assert failed.error is not None
            assert failed.error.code == "output.not_writable"
        await client.retry(job)
        await until(client, job, "done")


async def test_a_read_only_data_folder_keeps_the_service_from_starting_and_says_so(places: Places) -> None:
    with read_only(places.data), pytest.raises(ServiceError) as caught:
        await BridgeServer(places, ports=(0,), engine=ENGINE).start()
    assert code_of(caught) == "service.journal_unusable"


@pytest.mark.parametrize(("paired", "code"), [(False, "service.token_unusable"), (True, "service.not_announced")])
async def test_a_read_only_configuration_folder_keeps_the_service_from_starting_and_says_so(
    places: Places, paired: bool, code: str
) -> None:
    if paired:
        pairing_token(places.token)
    with read_only(places.config), pytest.raises(ServiceError) as caught:
        await BridgeServer(places, ports=(0,), engine=ENGINE).start()
    assert code_of(caught) == code
    async with service(places):
        pass


async def test_a_service_ends_in_good_order_though_its_folders_became_read_only(places: Places) -> None:
    server = BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE)
    await server.start()
    with read_only(places.config):
        await server.stop()
    async with service(places):
        pass


# A clip that is not what it was


async def test_a_clip_that_moved_while_its_job_waited_fails_it_and_put_back_it_runs(
    places: Places, clip: Path, tmp_path: Path
) -> None:
    async with service(places) as (_, client):
        await client.pause()
        moved, changed = await submit(client, clip), await submit(client, clip)
        clip.rename(tmp_path / "away.mp4")
        await client.hold(changed)
        await client.resume()
        failed = await until(client, moved, "failed")
        assert failed.error is not None
        assert (failed.error.code, failed.clip) == ("grant.missing", clip.name)
        (tmp_path / "away.mp4").rename(clip)
        await client.retry(moved)
        await until(client, moved, "done")
        clip.write_bytes(b"other frames")
        await client.release(changed)
        failed = await until(client, changed, "failed")
        assert failed.error is not None
        assert failed.error.code == "grant.changed"


async def test_a_clip_that_was_replaced_between_grant_and_submit_is_refused(
    places: Places, clip: Path, tmp_path: Path
) -> None:
    async with service(places) as (_, client):
        asked, status = await params(client, clip), clip.stat()
        other = tmp_path / "other.mp4"
        other.write_bytes(b"secret")  # of the same size and, below, of the same time
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.replace(clip)
        with pytest.raises(BridgeError) as caught:
            await client.submit(asked)
        assert code_of(caught) == "grant.changed"
        assert await client.jobs() == ()


# Clocks that jump


async def test_a_wall_clock_that_jumps_changes_neither_progress_nor_order_nor_pairing_nor_results(
    places: Places, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump, true_time = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + jump[0])
    async with service(places) as (server, client):
        code = (await client.open_pairing()).code
        first, second = await submit(client, clip, steps="12", pause="0.15"), await submit(client, clip)
        told: list[m.JobState | m.JobProgress] = []
        async for news in client.watch(first):
            if isinstance(news, (m.JobState, m.JobProgress)):
                told.append(news)
                jump[0] = (-1) ** len(told) * 400 * retention.DAY
        assert len([news for news in told if isinstance(news, m.JobProgress)]) > 6
        assert [news.seq for news in told] == sorted({news.seq for news in told})
        assert (await client.result(second)).state == "done"
        assert await pair(server.port, code, "host") == pairing_token(places.token)
        jump[0] = 4000 * retention.DAY
        await retention.tidy(server.book, places, retention.RETENTION)
        assert {job.job for job in await client.jobs()} == {first, second}
        assert (server.book.folder(first) / "out" / "flat.mp4").exists()


# A journal that is damaged or newer


async def test_a_damaged_journal_is_put_aside_the_service_starts_and_results_are_still_there(
    places: Places, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(places) as (_, client):
        done = await client.result(await submit(client, clip))
    assert done.result is not None
    places.journal.write_bytes(os.urandom(20_000))
    async with service(places) as (_, client):
        assert await client.jobs() == ()
        assert (Path(done.result.folder) / "flat.mp4").read_bytes() == clip.read_bytes()
        assert (await client.result(await submit(client, clip))).state == "done"
    assert "it was put aside as journal.damaged-" in caplog.text


async def test_a_journal_of_a_newer_bridge_keeps_the_service_from_starting(places: Places, clip: Path) -> None:
    async with service(places) as (_, client):
        await client.result(await submit(client, clip))
    with contextlib.closing(sqlite3.connect(places.journal)) as base:
        base.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = places.journal.read_bytes()
    with pytest.raises(ServiceError) as caught:
        await BridgeServer(places, ports=(0,), engine=ENGINE).start()
    assert code_of(caught) == "service.journal_newer"
    assert places.journal.read_bytes() == before
    assert next(places.jobs.rglob("flat.mp4")).exists()


# Sleep, and a kill


@contextlib.contextmanager
def process(places: Places) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.bridge_server.serve", str(places.config), str(places.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline() == "ready\n"
        try:
            yield serving
        finally:
            serving.kill()


async def test_a_service_that_slept_longer_than_its_patience_goes_on_with_its_job_and_its_clients(
    places: Places, clip: Path
) -> None:
    with process(places) as serving:
        async with await Client.connect(places) as client:
            job = await submit(client, clip, steps="50", pause="0.05")
            await until(client, job, "running")
            serving.send_signal(signal.SIGSTOP)
            await asyncio.sleep(SILENCE * 2)
            serving.send_signal(signal.SIGCONT)
            ended = await client.result(job)
            assert (ended.state, ended.error, ended.attempt) == ("done", None, 1)


async def test_a_service_that_was_killed_takes_its_jobs_up_again(places: Places, clip: Path) -> None:
    with process(places):
        async with await Client.connect(places) as client:
            running, waiting = await submit(client, clip, steps="1000", pause="0.01"), await submit(client, clip)
            await until(client, running, "running")
    with process(places):
        async with await Client.connect(places) as client:
            assert [job.job for job in await client.jobs()] == [running, waiting]
            again = await until(client, running, "running")
            assert again.attempt == 2
            await client.cancel(running)
            assert (await client.result(running)).state == "cancelled"
            assert (await client.result(waiting)).state == "done"

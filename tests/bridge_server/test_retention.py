"""What is forgotten by itself, and what never is."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import WorkerError
from bridge_server.protocol import messages as m
from bridge_server.retention import DAY, RETENTION, Ended, Retention, expired, size_of, tidy
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE
from tests.bridge_server.test_jobs import Desk

NOW = 1_000_000_000.0
JOBS = st.lists(
    st.builds(
        Ended,
        job=st.uuids(),
        ended=st.floats(NOW - 100 * DAY, NOW + 100 * DAY),
        has_result=st.booleans(),
        size=st.integers(0, 1000),
    ),
    max_size=12,
    unique_by=lambda job: job.job,
)
DAYS = st.none() | st.floats(0, 100)


@settings(max_examples=100, deadline=None)
@given(JOBS, DAYS, st.none() | st.integers(0, 5000))
def test_what_is_forgotten_is_over_its_days_or_the_oldest_of_too_much(
    jobs: list[Ended], result_days: float | None, most: int | None
) -> None:
    retention = Retention(result_days=result_days, most_bytes=most)
    forgotten = list(expired(jobs, retention, NOW))
    assert len(forgotten) == len(set(forgotten))
    over = {
        job.job
        for job in jobs
        if (days := result_days if job.has_result else retention.failed_days) is not None
        and NOW - job.ended > days * DAY
    }
    assert over <= set(forgotten)
    kept = [job for job in jobs if job.job not in forgotten]
    if most is None:
        assert over == set(forgotten)
        return
    assert sum(job.size for job in kept) <= most
    for_room = [job for job in jobs if job.job in set(forgotten) - over]
    if for_room:
        newest = max(for_room, key=lambda job: job.ended)
        assert all(job.ended >= newest.ended for job in kept)
        assert sum(job.size for job in kept) + newest.size > most


@settings(max_examples=100, deadline=None)
@given(JOBS, st.floats(-(10**4), 10**4))
def test_no_clock_makes_a_result_forgotten_unless_the_person_set_a_bound(jobs: list[Ended], jump: float) -> None:
    forgotten = set(expired(jobs, RETENTION, NOW + jump * DAY))
    assert not any(job.has_result for job in jobs if job.job in forgotten)


# On real folders


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "desk")
    desk.now = time.time()
    return desk


@pytest.fixture
def places(desk: Desk) -> Places:
    return Places(desk.place, desk.place)


def finished(desk: Desk, days: float, size: int = 0, *, done: bool = True) -> UUID:
    """A job that ended so many days ago with so many bytes of result."""
    job = desk.run()
    folder = desk.book.folder(job) / "out"
    folder.mkdir()
    (folder / "flat.mp4").write_bytes(bytes(size))
    now, desk.now = desk.now, desk.now - days * DAY
    desk.book.end(m.Result(folder=str(folder), files=("flat.mp4",)) if done else WorkerError.disk_full())
    desk.now = now
    return job


def left(desk: Desk) -> set[UUID]:
    on_disk = {UUID(folder.name) for folder in (desk.place / "jobs").iterdir()}
    assert on_disk == desk.journal.ids()
    return on_disk


async def test_old_failures_are_forgotten_with_their_files_and_results_stay(desk: Desk, places: Places) -> None:
    result, _, recent = finished(desk, 400), finished(desk, 31, done=False), finished(desk, 29, done=False)
    waiting = desk.submit()
    await tidy(desk.book, places, RETENTION)
    assert left(desk) == {result, recent, waiting}


async def test_the_oldest_results_make_room_when_the_person_set_a_bound(desk: Desk, places: Places) -> None:
    old, new = finished(desk, 2, size=50_000), finished(desk, 1, size=50_000)
    await tidy(desk.book, places, Retention(most_bytes=60_000))
    assert left(desk) == {new}
    assert old not in left(desk)


async def test_old_frames_are_forgotten_and_new_ones_and_a_broken_link_harm_nobody(desk: Desk, places: Places) -> None:
    old, new = (places.frames / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "shot_000001.png").write_bytes(b"x")
    long_ago = time.time() - 8 * DAY
    os.utime(old, (long_ago, long_ago))
    (places.frames / "link").symlink_to("nowhere")
    await tidy(desk.book, places, RETENTION)
    assert sorted(path.name for path in places.frames.iterdir()) == ["link", "new"]


async def test_a_journal_that_refuses_keeps_what_is_old_until_it_does_not(desk: Desk, places: Places) -> None:
    old = finished(desk, 31, done=False)
    desk.journal._base.execute("PRAGMA query_only = ON")
    await tidy(desk.book, places, RETENTION)
    assert left(desk) == {old}
    desk.journal._base.execute("PRAGMA query_only = OFF")
    await tidy(desk.book, places, RETENTION)
    assert left(desk) == set()


async def test_a_job_that_was_retried_while_it_was_looked_at_stays(
    desk: Desk, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = finished(desk, 31, done=False)
    ended = desk.book.ended
    monkeypatch.setattr(desk.book, "ended", lambda: (ended(), desk.book.retry(old))[0])
    await tidy(desk.book, places, RETENTION)
    assert left(desk) == {old}
    assert desk.order() == [old]


async def test_a_service_that_was_told_a_bound_keeps_no_more(places: Places, clip: Path) -> None:
    """The command's own options, in a process of its own."""
    async with BridgeServer(places, ports=(0,), engine=ENGINE), await Client.connect(places) as client:
        grant, edited = await client.grant(clip), await client.upload_raw(bytes(48), 4, 4, 3, 8)
        params = m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited),))
        job = (await client.submit(params)).job
        assert (await client.result(job)).state == "done"
    environment = os.environ | {CONFIG: str(places.config), DATA: str(places.data)}
    command = [sys.executable, "-m", "bridge_server.cli", "serve", "--port", "0", "--keep-gb", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        async with await Client.connect(places) as client:
            async with asyncio.timeout(10):
                while await client.jobs():
                    await asyncio.sleep(0.05)
        process.terminate()
    assert not (places.jobs / str(job)).exists()


def test_the_bytes_of_a_folder_are_those_of_all_files_below_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "x").write_bytes(bytes(10))
    (tmp_path / "a" / "b" / "y").write_bytes(bytes(32))
    (tmp_path / "a" / "link").symlink_to("nowhere")
    assert size_of(tmp_path) == 42 + len("nowhere")
    assert size_of(tmp_path / "gone") == 0

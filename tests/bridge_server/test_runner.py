"""Jobs run in a simulated engine process: what is told only when the journal has it, and what stops a job."""

import asyncio
import shutil
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from bridge_server import runner as running
from bridge_server.errors import BridgeError
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import Submission
from bridge_server.records import THUMBNAIL
from bridge_server.runner import FLOOR, Preview, Runner
from bridge_server.store import Kept
from bridge_server.worker import EngineProcess
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.processes import gone
from tests.bridge_server.test_jobs import Desk

Usage = namedtuple("Usage", "total used free")


class Works:
    """A desk whose jobs are run."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.engine = EngineProcess(ENGINE, PATIENCE)
        self.shown: list[Preview] = []
        self.runner = Runner(self.desk.book, self.engine, self.shown.append)

    def submit(self, **settings: str) -> UUID:
        edited = uuid4()
        params = m.JobParams(grant=uuid4(), keyframes=(m.KeyframeParams(edited=edited),), settings=settings)
        submission = Submission(uuid4(), "hash", params, self.desk.clip, {edited: self.desk.image})
        return self.desk.book.submit(submission).job

    async def until(self, job: UUID, *states: m.State, stage: str | None = None) -> m.Snapshot:
        async with asyncio.timeout(10):
            while True:
                snapshot = self.desk.state(job)
                if snapshot.state in states and (stage is None or snapshot.stage == stage):
                    return snapshot
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Works]:
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(running, "AGAIN_SECONDS", 0.02)
    works = Works(tmp_path / "desk")
    task = asyncio.create_task(works.runner.run())
    yield works
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await works.engine.close()
    works.desk.journal.close()


async def test_a_job_that_is_done_keeps_its_last_preview_as_its_thumbnail(works: Works) -> None:
    job = works.submit(steps="3", pause="0.05")
    done = await works.until(job, "done")
    assert done.result is not None
    thumbnail = works.desk.book.folder(job) / THUMBNAIL
    assert b"fake picture of frame 2" in thumbnail.read_bytes()
    assert {preview.job for preview in works.shown} == {job}
    assert works.runner.latest is None


async def test_a_journal_that_refuses_at_the_end_keeps_the_job_running_until_it_takes_it(works: Works) -> None:
    job = works.submit(steps="20", pause="0.02")
    await works.until(job, "running", stage="propagate")
    works.desk.journal._base.execute("PRAGMA query_only = ON")
    out = works.desk.book.folder(job) / "out" / "report.json"
    async with asyncio.timeout(10):
        while not out.exists() or works.engine.busy:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert works.desk.state(job).state == "running"
    assert not [news for news in works.desk.told(job) if isinstance(news, m.JobState) and news.state == "done"]
    works.desk.journal._base.execute("PRAGMA query_only = OFF")
    assert (await works.until(job, "done")).result is not None


async def test_a_stage_that_the_journal_did_not_take_is_told_when_it_does_and_the_work_goes_on(works: Works) -> None:
    works.desk.book.pause(now=False)
    job = works.submit(steps="40", pause="0.01")
    works.desk.book.resume()
    await works.until(job, "running")
    works.desk.journal._base.execute("PRAGMA query_only = ON")
    await asyncio.sleep(0.1)
    works.desk.journal._base.execute("PRAGMA query_only = OFF")
    await works.until(job, "done")
    states = works.desk.journal.states(job, 0)
    assert [state.state for state in states if state.stage is None] == ["queued", "running", "done"]
    assert "propagate" in [state.stage for state in states]


async def test_a_disk_that_is_almost_full_stops_the_job_and_it_can_be_retried(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = works.submit(act="deaf")
    await works.until(job, "running", stage="probe")
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: Usage(FLOOR, 1, FLOOR - 1))
        failed = await works.until(job, "failed")
        assert failed.error is not None
        assert (failed.error.code, failed.error.retryable) == ("resource.disk_full", True)
        other = works.submit()
        refused = await works.until(other, "failed")
        assert refused.error is not None
        assert refused.error.code == "resource.disk_full"
    works.desk.book.retry(other)
    assert (await works.until(other, "done")).error is None


async def test_a_clip_that_is_gone_when_its_turn_comes_fails_the_job_and_put_back_it_runs(
    works: Works, tmp_path: Path
) -> None:
    works.desk.book.pause(now=False)
    job, other = works.submit(), works.submit()
    works.desk.clip.rename(tmp_path / "elsewhere.mp4")
    works.desk.book.resume()
    for each in (job, other):
        failed = await works.until(each, "failed")
        assert failed.error is not None
        assert failed.error.code == "grant.missing"
    (tmp_path / "elsewhere.mp4").rename(works.desk.clip)
    works.desk.book.retry(job)
    assert (await works.until(job, "done")).error is None


async def test_a_clip_that_changed_since_it_was_submitted_fails_the_job(works: Works) -> None:
    works.desk.book.pause(now=False)
    job = works.submit()
    works.desk.clip.write_bytes(b"other frames")
    works.desk.book.resume()
    failed = await works.until(job, "failed")
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("grant.changed", "“clip.mp4” changed after it was granted.")


async def test_a_paused_queue_lets_the_engine_go_and_a_job_that_was_sent_back_runs_again(works: Works) -> None:
    job = works.submit(act="deaf")
    await works.until(job, "running", stage="probe")
    pid = works.engine.pid
    assert pid is not None
    works.desk.book.pause(now=True)
    await works.until(job, "queued")
    assert await asyncio.to_thread(gone, pid)
    works.desk.book.resume()
    again = await works.until(job, "running", stage="probe")
    assert again.attempt == 2
    works.desk.book.cancel(job)
    await works.until(job, "cancelled")


async def test_a_job_that_did_not_succeed_leaves_nothing_half_done(works: Works) -> None:
    job = works.submit(act="crash")
    failed = await works.until(job, "failed")
    assert failed.error is not None
    assert failed.error.code == "engine.crashed"
    assert not (works.desk.book.folder(job) / "out").exists()
    assert list((works.desk.book.folder(job) / "in").iterdir()) != []


async def test_a_job_whose_folder_cannot_be_written_to_fails_before_it_starts(works: Works) -> None:
    works.desk.book.pause(now=False)
    job = works.submit()
    (works.desk.book.folder(job) / "out").write_bytes(b"in the way")
    works.desk.book.resume()
    failed = await works.until(job, "failed")
    assert failed.error is not None
    assert (failed.error.code, failed.attempt) == ("output.not_writable", 0)
    assert (await works.until(works.submit(), "done")).attempt == 1


async def test_a_job_that_is_held_between_its_choice_and_its_start_does_not_start(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = running._cannot_start

    def hold(job: Kept, folder: Path) -> BridgeError | None:
        loop.call_soon_threadsafe(works.desk.book.hold, id)
        return looked(job, folder)

    loop = asyncio.get_running_loop()
    works.desk.book.pause(now=False)
    id, next = works.submit(), works.submit()
    monkeypatch.setattr(running, "_cannot_start", hold)
    works.desk.book.resume()
    await works.until(next, "done")
    assert (works.desk.state(id).state, works.desk.state(id).held) == ("queued", True)

"""The rules of jobs, on a real journal, without an engine."""

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from bridge_server.errors import LONGEST, GrantError, JobError, TransferError, WorkerError
from bridge_server.jobs import FALLS, PROGRESS_SECONDS, UNTOLD, JobBook
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import News, Rerun, Submission
from bridge_server.store import Journal, Kept
from engine.request import Event

RESULT = m.Result(folder="/out", files=("flat.mp4",))
REFUSED = WorkerError("clip.empty", "It is empty.", "Choose another.")


class Desk:
    """A book on a folder, its clock, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.place, self.now = folder, 1000.0
        self.news: list[News] = []
        self.stopped = 0
        folder.mkdir(exist_ok=True)
        self.image, self.clip = folder / "edited.png", folder / "clip.mp4"
        self.image.write_bytes(b"pixels")
        self.clip.write_bytes(b"frames")
        self.open()

    def open(self) -> None:
        """A service starts."""
        self.journal = Journal(self.place / "journal.sqlite")
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        self.book = JobBook(self.place / "jobs", self.journal, self.news.append, clock=clock, ticks=clock)
        self.book.stop_running = self._stop
        self.book.recover()

    def crash(self) -> None:
        """The service is gone at once, and starts again."""
        self.journal.close()
        self.open()

    def end(self) -> None:
        """The service ends in good order, and starts again."""
        self.book.interrupt()
        self.crash()

    def submit(self, id: UUID | None = None, priority: int = 0) -> UUID:
        edited = uuid4()
        params = m.JobParams(grant=uuid4(), keyframes=(m.KeyframeParams(edited=edited, frame=3),))
        files = {edited: self.image}
        return self.book.submit(
            Submission(id or uuid4(), "hash", params, self.clip, files, host="test", priority=priority)
        ).job

    def run(self, id: UUID | None = None) -> UUID:
        """A job that runs."""
        job = self.book.start(id or self.submit())
        assert job is not None
        return job.record.id

    def kept(self, job: UUID) -> Kept:
        kept = self.journal.find(job)
        assert kept is not None
        return kept

    def state(self, job: UUID) -> m.Snapshot:
        known = self.book.find(job)
        assert known is not None
        return known[1]

    def told(self, job: UUID) -> list[m.JobState | m.JobProgress]:
        return [item for item in self.news if isinstance(item, (m.JobState, m.JobProgress)) and item.job == job]

    def order(self) -> list[UUID]:
        return list(self.book.queue().order)

    def _stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def at_work(done: int, total: int = 60) -> Event:
    return Event(stage="propagate", done=done, total=total)


def code(act: Callable[[], object]) -> str:
    with pytest.raises(JobError) as caught:
        act()
    assert caught.value.hint
    return caught.value.code


# A job's life


def test_a_job_is_queued_runs_through_its_stages_and_is_done(desk: Desk) -> None:
    job = desk.submit()
    desk.now += 5
    desk.run(job)
    desk.book.advance(Event(stage="probe", done=0, total=1))
    desk.book.advance(at_work(0))
    desk.now += 5
    desk.book.end(RESULT)
    states = desk.journal.states(job, 0)
    assert [(state.state, state.stage) for state in states] == [
        ("queued", None),
        ("running", None),
        ("running", "probe"),
        ("running", "propagate"),
        ("done", None),
    ]
    assert [state.seq for state in states] == [1, 2, 3, 4, 5]
    last = desk.state(job)
    assert (last.result, last.attempt) == (RESULT, 1)
    assert (last.submitted, last.started, last.ended) == (1000, 1005, 1010)


def test_nothing_is_told_that_is_not_in_the_journal(desk: Desk) -> None:
    behind: list[int] = []

    def tell(news: News) -> None:
        if isinstance(news, m.JobState):
            behind.append(news.seq - desk.kept(news.job).snapshot.seq)

    desk.book._tell = tell
    job = desk.run()
    desk.book.advance(Event(stage="probe", done=0, total=1))
    desk.book.hold(job)
    desk.book.end(WorkerError.stopped())
    desk.book.cancel(job)
    desk.book.retry(job)
    assert behind == [0] * 7


def test_a_job_names_its_own_copies_of_its_images(desk: Desk) -> None:
    job = desk.submit()
    desk.image.unlink()
    (keyframe,) = desk.kept(job).record.request.keyframes
    assert keyframe.edited.read_bytes() == b"pixels"
    assert (keyframe.frame, keyframe.mask) == (3, None)
    assert desk.kept(job).record.request.output == desk.book.folder(job) / "out"


def test_a_job_whose_images_cannot_be_kept_is_not_accepted(desk: Desk) -> None:
    desk.image.unlink()
    with pytest.raises(TransferError):
        desk.submit()
    assert desk.book.list() == ()
    assert list((desk.place / "jobs").iterdir()) == []


def test_a_job_whose_clip_is_gone_is_not_accepted(desk: Desk) -> None:
    desk.clip.unlink()
    with pytest.raises(GrantError):
        desk.submit()
    assert desk.book.list() == ()


def test_only_so_many_jobs_wait(desk: Desk) -> None:
    for _ in range(limits.WAITING_JOBS):
        desk.submit()
    with pytest.raises(JobError) as caught:
        desk.submit()
    assert (caught.value.code, caught.value.retryable) == ("job.too_many", True)


def test_progress_is_told_ten_times_a_second_at_most_and_always_at_the_end(desk: Desk) -> None:
    job = desk.run()
    desk.book.advance(at_work(0))
    before = len(desk.told(job))
    for done in range(1, 61):
        desk.now += 0.01
        desk.book.advance(at_work(done))
    told = desk.told(job)[before:]
    assert len(told) <= 0.6 / PROGRESS_SECONDS + 1
    assert isinstance(told[-1], m.JobProgress)
    assert told[-1].done == 60


def test_a_job_that_fails_says_why(desk: Desk) -> None:
    job = desk.run()
    desk.book.end(REFUSED)
    last = desk.state(job)
    assert last.state == "failed"
    assert last.error is not None
    assert (last.error.code, last.error.hint) == ("clip.empty", "Choose another.")


def test_a_job_that_cannot_be_started_fails_in_the_queue(desk: Desk) -> None:
    job, other = desk.submit(), desk.submit()
    desk.book.fail(job, GrantError.missing("clip.mp4"))
    assert desk.state(job).state == "failed"
    assert desk.order() == [other]


# Watching


def test_what_happened_after_a_number_is_told_again_in_order(desk: Desk) -> None:
    job = desk.run()
    for done in range(3):
        desk.now += 1
        desk.book.advance(at_work(done))
    assert [event.seq for event in desk.book.since(job, 0)] == [1, 2, 3, 5]
    assert [event.seq for event in desk.book.since(job, 3)] == [5]
    assert [type(event) for event in desk.book.since(job, 5)] == [m.JobState]
    desk.book.end(RESULT)
    assert [event.seq for event in desk.book.since(job, 3)] == [6]


def test_of_an_attempt_that_is_over_nothing_is_told_again(desk: Desk) -> None:
    job = desk.run()
    desk.book.end(REFUSED)
    assert [state.state for state in desk.journal.states(job, 0)] == ["queued", "running", "failed"]
    desk.book.retry(job)
    desk.run(job)
    told = desk.book.since(job, 0)
    assert [event.state for event in told if isinstance(event, m.JobState)] == ["queued", "running"]
    assert told[0].seq == 4


def test_a_list_holds_the_newest_that_ended_then_what_runs_then_what_waits(desk: Desk) -> None:
    for _ in range(limits.LISTED + 5):
        desk.now += 1
        last = desk.submit()
        desk.book.cancel(last)
    waiting = [desk.submit() for _ in range(2)]
    running = desk.run()
    listed = [job.job for job in desk.book.list()]
    assert listed[-4:] == [last, running, *waiting]
    assert len(listed) == limits.LISTED + 3


# The queue


def test_jobs_run_in_the_order_in_which_they_came_one_at_a_time(desk: Desk) -> None:
    ids = [desk.submit() for _ in range(3)]
    ran = []
    while (job := desk.book.next()) is not None:
        ran.append(desk.run(job.record.id))
        assert desk.book.next() is None
        desk.book.end(RESULT)
    assert ran == ids


def test_a_higher_priority_runs_first(desk: Desk) -> None:
    low, middle, high = desk.submit(priority=-1), desk.submit(), desk.submit(priority=2)
    assert desk.order() == [high, middle, low]
    desk.book.prioritise(low, 2)
    assert desk.order() == [high, low, middle]


def test_a_job_is_moved_right_before_another_or_to_the_end(desk: Desk) -> None:
    one, two, three, high = desk.submit(), desk.submit(), desk.submit(), desk.submit(priority=1)
    desk.book.move(three, one)
    assert desk.order() == [high, three, one, two]
    desk.book.move(one, high)
    assert desk.order() == [one, high, three, two]
    assert desk.state(one).priority == 1
    desk.book.move(three, None)
    assert desk.order() == [one, high, two, three]
    desk.crash()
    assert desk.order() == [one, high, two, three]


def test_only_jobs_that_wait_are_moved(desk: Desk) -> None:
    running, waiting = desk.run(), desk.submit()
    assert code(lambda: desk.book.move(running, waiting)) == "job.state_forbids"
    assert code(lambda: desk.book.move(waiting, running)) == "job.state_forbids"
    assert code(lambda: desk.book.prioritise(running, 1)) == "job.state_forbids"


def test_a_held_job_is_passed_over_until_it_is_released(desk: Desk) -> None:
    first, second = desk.submit(), desk.submit()
    desk.book.hold(first)
    job = desk.book.next()
    assert job is not None
    assert job.record.id == second
    assert desk.book.start(first) is None
    desk.book.release(first)
    assert desk.run(first) == first


def test_a_running_job_that_is_held_goes_back_to_its_place_and_keeps_its_files(desk: Desk) -> None:
    first, second = desk.submit(), desk.submit()
    desk.run(first)
    assert desk.book.hold(first).stopping == "hold"
    assert desk.stopped == 1
    desk.book.end(WorkerError.stopped())
    last = desk.state(first)
    assert (last.state, last.held, last.stopping, last.stage) == ("queued", True, None, None)
    assert desk.order() == [first, second]


def test_a_paused_queue_starts_nothing_also_after_a_restart(desk: Desk) -> None:
    job = desk.submit()
    assert desk.book.pause(now=False).paused
    assert desk.book.next() is None
    desk.crash()
    assert desk.book.next() is None
    assert not desk.book.resume().paused
    assert desk.run(job) == job


def test_pausing_now_sends_the_running_job_back_and_it_runs_first_again(desk: Desk) -> None:
    job, _ = desk.submit(), desk.submit()
    desk.run(job)
    desk.book.pause(now=True)
    assert desk.state(job).stopping == "pause"
    desk.book.end(WorkerError.stopped())
    desk.book.resume()
    next = desk.book.next()
    assert next is not None
    assert (next.record.id, next.snapshot.held) == (job, False)


def test_a_change_of_the_queue_is_told(desk: Desk) -> None:
    one, two = desk.submit(), desk.submit()
    desk.book.move(two, one)
    desk.book.pause(now=False)
    states = [item for item in desk.news if isinstance(item, m.QueueState)]
    assert [(item.paused, item.order) for item in states] == [
        (False, (one,)),
        (False, (one, two)),
        (False, (two, one)),
        (True, (two, one)),
    ]


# Cancel, retry, rerun, remove


def test_a_cancelled_job_that_waits_never_runs(desk: Desk) -> None:
    first, second = desk.submit(), desk.submit()
    assert desk.book.cancel(first).state == "cancelled"
    assert desk.book.cancel(first).state == "cancelled"
    job = desk.book.next()
    assert job is not None
    assert job.record.id == second


def test_cancelling_a_running_job_stops_the_engine_and_its_answer_decides(desk: Desk) -> None:
    job = desk.run()
    snapshot = desk.book.cancel(job)
    assert (snapshot.state, snapshot.stopping, desk.stopped) == ("running", "cancel", 1)
    desk.book.end(WorkerError.stopped())
    assert (desk.state(job).state, desk.state(job).error) == ("cancelled", None)
    finished = desk.run()
    desk.book.cancel(finished)
    desk.book.end(RESULT)
    assert desk.state(finished).state == "done"


def test_a_hold_does_not_take_a_cancel_back(desk: Desk) -> None:
    job = desk.run()
    desk.book.cancel(job)
    assert desk.book.hold(job).stopping == "cancel"
    desk.book.end(WorkerError.stopped())
    assert desk.state(job).state == "cancelled"


def test_a_job_that_failed_is_queued_again_behind_the_others(desk: Desk) -> None:
    job = desk.run()
    desk.book.end(REFUSED)
    other = desk.submit()
    again = desk.book.retry(job)
    assert (again.state, again.error, again.ended, again.held) == ("queued", None, None, False)
    assert desk.order() == [other, job]
    assert desk.book.retry(job).seq == again.seq
    desk.run(job)
    assert desk.state(job).attempt == 2


def test_a_job_that_is_done_is_not_retried_and_one_that_ended_not_held(desk: Desk) -> None:
    job = desk.run()
    desk.book.end(RESULT)
    assert code(lambda: desk.book.retry(job)) == "job.state_forbids"
    assert code(lambda: desk.book.hold(job)) == "job.state_forbids"
    assert code(lambda: desk.book.release(job)) == "job.state_forbids"


def test_a_rerun_outlives_the_job_that_it_repeats(desk: Desk) -> None:
    old, new = desk.run(), uuid4()
    desk.book.end(RESULT)
    desk.book.rerun(Rerun(new, "other", old, m.Changes(seed=9)))
    desk.book.remove(old)
    request = desk.kept(new).record.request
    assert (request.seed, request.keyframes[0].edited.read_bytes()) == (9, b"pixels")
    assert request.output == desk.book.folder(new) / "out"


def test_a_rerun_of_a_job_whose_images_are_gone_is_refused(desk: Desk) -> None:
    old = desk.submit()
    desk.kept(old).record.request.keyframes[0].edited.unlink()
    assert code(lambda: desk.book.rerun(Rerun(uuid4(), "other", old, m.Changes()))) == "job.images_gone"


def test_unknown_jobs_are_unknown(desk: Desk) -> None:
    assert desk.book.find(uuid4()) is None
    acts: list[Callable[[UUID], object]] = [desk.book.cancel, desk.book.retry, desk.book.remove]
    for act in (*acts, lambda job: desk.book.since(job, 0)):
        assert code(functools.partial(act, uuid4())) == "job.unknown"


# When the service is gone


def test_after_a_restart_every_job_is_there_in_its_order(desk: Desk) -> None:
    ended = desk.run()
    desk.book.end(RESULT)
    waiting = [desk.submit() for _ in range(3)]
    before = [desk.state(job) for job in (ended, *waiting)]
    desk.crash()
    assert [desk.state(job) for job in (ended, *waiting)] == before
    assert desk.order() == waiting


def test_a_job_that_ran_is_interrupted_and_runs_again_first_with_numbers_that_were_never_told(desk: Desk) -> None:
    job, other = desk.submit(), desk.submit()
    desk.run(job)
    for done in range(5):
        desk.now += 1
        desk.book.advance(at_work(done))
    last = desk.told(job)[-1].seq
    desk.crash()
    states = [state for state in desk.journal.states(job, 0) if state.seq > last]
    assert [state.state for state in states] == ["interrupted", "queued"]
    assert states[0].seq > UNTOLD
    assert desk.order() == [job, other]
    told = desk.book.since(job, last)
    assert [event.state for event in told if isinstance(event, m.JobState)] == ["queued"]


def test_a_job_that_was_running_at_every_crash_is_not_started_again(desk: Desk) -> None:
    job = desk.submit()
    for _ in range(FALLS):
        desk.run(job)
        desk.crash()
    last = desk.state(job)
    assert (last.state, last.attempt) == ("interrupted", FALLS)
    assert last.error is not None
    assert (last.error.code, last.error.retryable) == ("job.interrupted", True)
    assert desk.order() == []
    desk.crash()
    assert desk.state(job).state == "interrupted"
    desk.book.retry(job)
    desk.run(job)
    desk.crash()
    assert desk.order() == [job]


def test_a_service_that_ends_in_good_order_does_not_count_against_its_job(desk: Desk) -> None:
    job = desk.submit()
    for _ in range(2 * FALLS):
        desk.run(job)
        desk.end()
    assert desk.order() == [job]


def test_a_cancel_and_a_hold_outlive_a_crash(desk: Desk) -> None:
    cancelled = desk.run()
    desk.book.cancel(cancelled)
    desk.crash()
    assert desk.state(cancelled).state == "cancelled"
    for gone in (desk.end, desk.crash):
        held = desk.run()
        desk.book.hold(held)
        gone()
        assert (desk.state(held).state, desk.state(held).held) == ("queued", True)


def test_files_of_a_job_that_was_never_acknowledged_are_cleared_away(desk: Desk) -> None:
    job = desk.submit()
    stray = desk.place / "jobs" / str(uuid4())
    (stray / "in").mkdir(parents=True)
    desk.crash()
    assert not stray.exists()
    assert desk.book.folder(job).exists()


def test_results_whose_journal_was_lost_stay(desk: Desk) -> None:
    job = desk.run()
    (desk.book.folder(job) / "out").mkdir()
    desk.journal.close()
    (desk.place / "journal.sqlite").write_bytes(b"no journal at all" * 500)
    desk.open()
    assert desk.book.find(job) is None
    assert (desk.book.folder(job) / "out").exists()
    assert len(list(desk.place.glob("journal.damaged-*.sqlite"))) == 1


def test_a_journal_that_cannot_be_written_changes_nothing_and_says_so(desk: Desk) -> None:
    job, running = desk.submit(), desk.run()
    before = desk.state(job), desk.state(running), desk.order(), len(desk.news)
    desk.journal._base.execute("PRAGMA query_only = ON")
    for act in (
        lambda: desk.submit(),
        lambda: desk.book.cancel(job),
        lambda: desk.book.hold(job),
        lambda: desk.book.prioritise(job, 3),
        lambda: desk.book.end(RESULT),
        lambda: desk.book.advance(at_work(1)),
        lambda: desk.book.pause(now=True),
    ):
        assert code(act) == "job.not_kept"
    assert (desk.state(job), desk.state(running), desk.order(), len(desk.news)) == before
    assert [path.name for path in (desk.place / "jobs").iterdir() if path.name not in (str(job), str(running))] == []
    desk.journal._base.execute("PRAGMA query_only = OFF")
    desk.book.end(RESULT)
    assert desk.state(running).state == "done"


def test_a_journal_held_by_another_program_is_a_job_that_is_not_kept(desk: Desk) -> None:
    desk.journal._base.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(desk.place / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert code(desk.submit) == "job.not_kept"
    other.execute("ROLLBACK")
    other.close()
    desk.submit()


def test_a_pause_does_not_take_a_hold_back(desk: Desk) -> None:
    job = desk.run()
    desk.book.hold(job)
    desk.book.pause(now=True)
    assert desk.state(job).stopping == "hold"
    desk.book.end(WorkerError.stopped())
    desk.book.resume()
    assert desk.state(job).held
    assert desk.book.next() is None


def test_a_result_stays_though_the_journal_that_knew_of_it_is_damaged(desk: Desk) -> None:
    job = desk.run()
    result = desk.book.folder(job) / "out" / "flat.mp4"
    result.parent.mkdir()
    result.write_bytes(b"film")
    desk.book.end(RESULT)
    desk.journal.close()
    (desk.place / "journal.sqlite").write_bytes(b"no journal at all" * 100)
    for _ in range(2):
        desk.open()
        assert desk.book.find(job) is None
        assert result.read_bytes() == b"film"
        desk.journal.close()


def test_a_removal_that_a_crash_cut_short_is_finished_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.run()
    (desk.book.folder(job) / "out").mkdir()
    desk.book.end(RESULT)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", lambda *folder, **how: None)
        desk.book.remove(job)
    assert len(list((desk.place / "jobs").iterdir())) == 1
    desk.crash()
    assert list((desk.place / "jobs").iterdir()) == []


def test_what_the_engine_says_is_told_as_one_line_that_ends(desk: Desk) -> None:
    job = desk.run()
    for done, said in enumerate(["two\nlines", "a file \udc80 of another age", "x" * 10_000]):
        desk.now += 1
        desk.book.advance(Event(stage="propagate", done=done, total=60, message=said))
    desk.book.end(WorkerError("clip.damaged", "It is\r\ndamaged \udcff.", "Choose another."))
    texts = [news.message for news in desk.told(job) if news.message is not None]
    assert texts[:2] == ["two lines", "a file   of another age"]
    assert len(texts[2]) == LONGEST
    last = desk.state(job).error
    assert last is not None
    assert last.message == "It is  damaged  ."


def test_the_longest_list_of_jobs_fits_into_one_message(desk: Desk) -> None:
    desk.clip = desk.clip.rename(desk.place / ("c" * 251 + ".mp4"))
    for _ in range(limits.LISTED):
        job = desk.run()
        desk.book.advance(Event(stage="propagate", done=1, total=60, message="m" * 10_000))
        desk.book.end(WorkerError("clip.damaged", "x" * 10_000, "y" * 10_000, ref="r" * 12))
        assert desk.state(job).state == "failed"
    for _ in range(limits.WAITING_JOBS):
        desk.submit()
    jobs = tuple(job.model_copy(update={"host": "h" * 64}) for job in desk.book.list())
    assert len(m.encode(m.JobJobs(id="x" * 64, re="y" * 64, jobs=jobs))) < limits.TEXT


def test_a_job_that_comes_back_stands_where_it_stood_though_others_were_moved_meanwhile(desk: Desk) -> None:
    first, second, third = (desk.submit() for _ in range(3))
    desk.run(first)
    desk.book.move(third, second)
    desk.book.pause(now=True)
    desk.book.end(WorkerError.stopped())
    assert desk.order() == [first, third, second]
    desk.crash()
    assert desk.order() == [first, third, second]

"""The job's states, without an engine."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.errors import JobError, TransferError, WorkerError
from bridge_server.jobs import LISTED, PROGRESS_SECONDS, REMEMBERED, Job, JobBook
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.session import JobEvent, Submission
from engine.request import Event, KeyframeFiles, Request

RESULT = m.Result(folder="/out", files=("flat.mp4",))


@pytest.fixture
def job() -> Job:
    request = Request(clip=Path("/c"), keyframes=(KeyframeFiles(edited=Path("/e")),), output=Path("/o"))
    return Job(UUID(int=1), "hash", request, 0)


def progress(done: int, total: int = 60) -> Event:
    return Event(stage="propagate", done=done, total=total)


def test_a_job_is_queued_runs_through_its_stages_and_is_done(job: Job) -> None:
    job.start()
    job.advance(Event(stage="probe", done=0, total=1), 0)
    job.advance(progress(0), 0)
    job.finish(RESULT)
    told = [(state.state, state.stage) for state in job.states]
    assert told == [
        ("queued", None),
        ("running", None),
        ("running", "probe"),
        ("running", "propagate"),
        ("done", None),
    ]
    assert [state.seq for state in job.states] == [1, 2, 3, 4, 5]
    assert job.snapshot.result == RESULT


def test_an_ended_job_cannot_change_any_more(job: Job) -> None:
    job.start()
    job.fail(WorkerError("x", "It fell.", "Lift it."))
    for change in (job.start, job.cancel, lambda: job.finish(RESULT)):
        with pytest.raises(RuntimeError):
            change()
    assert job.snapshot.error is not None
    assert job.snapshot.error.hint == "Lift it."


def test_a_job_that_did_not_start_cannot_be_done(job: Job) -> None:
    with pytest.raises(RuntimeError):
        job.finish(RESULT)


def test_progress_is_told_ten_times_a_second_at_most_and_always_at_the_end(job: Job) -> None:
    job.start()
    job.advance(progress(0), 0)
    told = [job.advance(progress(done), done * 0.01) for done in range(1, 61)]
    events = [event for event in told if event is not None]
    assert len(events) <= 0.6 / PROGRESS_SECONDS + 1
    assert isinstance(events[-1], m.JobProgress)
    assert events[-1].done == 60


def test_what_happened_after_a_number_is_told_again_in_order(job: Job) -> None:
    job.start()
    job.advance(progress(0), 0)
    job.advance(progress(1), 1)
    job.advance(progress(2), 2)
    assert [event.seq for event in job.since(0)] == [1, 2, 3, 5]
    assert [event.seq for event in job.since(3)] == [5]
    assert [type(event) for event in job.since(5)] == [m.JobState]
    job.finish(RESULT)
    assert [event.seq for event in job.since(3)] == [6]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["probe", "propagate", "write"]), st.integers(0, 9), st.floats(0, 1))))
def test_every_event_has_the_next_number_and_replays_end_in_the_state_as_it_stands(
    steps: list[tuple[str, int, float]],
) -> None:
    request = Request(clip=Path("/c"), keyframes=(KeyframeFiles(edited=Path("/e")),), output=Path("/o"))
    job, now = Job(UUID(int=1), "hash", request, 0), 0.0
    events: list[JobEvent] = [*job.states, job.start()]
    for stage, done, wait in steps:
        now += wait
        told = job.advance(Event.model_validate({"stage": stage, "done": done, "total": 9}), now)
        events += [told] if told is not None else []
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    for since in range(len(events) + 1):
        replay = job.since(since)
        assert replay[-1].seq == job.snapshot.seq
        assert [event.seq for event in replay] == sorted({event.seq for event in replay})


# The book


class Listening:
    def __init__(self, folder: Path) -> None:
        self.events: list[JobEvent] = []
        self.book = JobBook(folder, lambda: 0.0, self.events.append)
        self.image = folder / "edited.png"
        folder.mkdir(exist_ok=True)
        self.image.write_bytes(b"pixels")

    def submit(self, id: UUID | None = None) -> UUID:
        edited = uuid4()
        params = m.JobParams(grant=uuid4(), keyframes=(m.KeyframeParams(edited=edited, frame=3),))
        files = {edited: self.image}
        return self.book.submit(Submission(id or uuid4(), "hash", params, Path("/clip.mp4"), files)).job


@pytest.fixture
def listening(tmp_path: Path) -> Listening:
    return Listening(tmp_path / "jobs")


def test_jobs_run_in_the_order_in_which_they_came(listening: Listening) -> None:
    ids = [listening.submit() for _ in range(3)]
    running = [listening.book.next() for _ in range(3)]
    assert [job.id for job in running if job] == ids
    assert listening.book.next() is None


def test_a_jobs_request_names_its_own_copies(listening: Listening) -> None:
    id = listening.submit()
    listening.image.unlink()
    job = listening.book.next()
    assert job is not None
    (keyframe,) = job.request.keyframes
    assert keyframe.edited.read_bytes() == b"pixels"
    assert keyframe.frame == 3
    assert keyframe.mask is None
    assert job.request.output.is_dir()
    assert job.request.output.parent.name == str(id)


def test_a_cancelled_job_that_waits_never_runs(listening: Listening) -> None:
    first, second = listening.submit(), listening.submit()
    assert listening.book.cancel(first).state == "cancelled"
    assert listening.book.cancel(first).state == "cancelled"
    job = listening.book.next()
    assert job is not None
    assert job.id == second


def test_cancelling_a_running_job_stops_the_engine_and_its_answer_decides(listening: Listening) -> None:
    stopped: list[bool] = []
    listening.book.stop_running = lambda: stopped.append(True)
    id = listening.submit()
    job = listening.book.next()
    assert job is not None
    assert listening.book.cancel(id).state == "running"
    assert stopped == [True]
    listening.book.end(job, WorkerError.stopped())
    assert job.snapshot.state == "cancelled"
    assert job.snapshot.error is None


def test_unknown_jobs_are_unknown(listening: Listening) -> None:
    assert listening.book.find(uuid4()) is None
    for ask in (listening.book.cancel, lambda job: listening.book.since(job, 0)):
        with pytest.raises(JobError) as caught:
            ask(uuid4())
        assert caught.value.code == "job.unknown"


def test_only_so_many_jobs_wait(listening: Listening) -> None:
    for _ in range(limits.WAITING_JOBS):
        listening.submit()
    with pytest.raises(JobError) as caught:
        listening.submit()
    assert (caught.value.code, caught.value.retryable) == ("job.too_many", True)


def test_a_list_holds_what_waits_and_runs_and_the_newest_that_ended(listening: Listening) -> None:
    for _ in range(REMEMBERED + 10):
        listening.book.cancel(listening.submit())
    waiting = listening.submit()
    listed = listening.book.list()
    assert listed[-1].job == waiting
    assert len(listed) == LISTED + 1
    assert len(listening.book._jobs) <= REMEMBERED + 2


def test_a_job_whose_images_cannot_be_kept_is_not_accepted(listening: Listening) -> None:
    listening.image.unlink()
    with pytest.raises(TransferError):
        listening.submit()
    assert listening.book.list() == ()

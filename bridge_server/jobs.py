"""Jobs: queued → running (stage) → done | failed | cancelled. The rules as values, then the runner that obeys them."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import BridgeError, JobError, TransferError, WorkerError
from bridge_server.intake import keep
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.session import JobEvent, Submission
from bridge_server.worker import EngineProcess
from engine.request import Event, KeyframeFiles, Request

log = logging.getLogger("videoshop.jobs")

PROGRESS_SECONDS = 0.1
"""Least time between two progress events of a job."""

REMEMBERED = 500
"""Ended jobs that are kept in memory; the oldest are forgotten first. Their files stay."""

LISTED = 50
"""Ended jobs that a list of jobs holds, beside all that wait or run."""

_NEXT: dict[m.State, frozenset[m.State]] = {
    "queued": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"running", "done", "failed", "cancelled"}),
    "done": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


class Job:
    """One job. Every change is an event with the next `seq`; states are all remembered, of progress the latest."""

    def __init__(self, id: UUID, hash: str, request: Request, submitted: float) -> None:
        self.id, self.hash, self.request = id, hash, request
        self.snapshot = m.Snapshot(job=id, seq=1, state="queued", submitted=submitted)
        self.states: list[m.JobState] = [_state(self.snapshot)]
        self.progress: m.JobProgress | None = None
        self._told = float("-inf")

    @property
    def ended(self) -> bool:
        return self.snapshot.state in m.ENDED

    def start(self) -> JobEvent:
        return self._move("running")

    def advance(self, event: Event, now: float) -> JobEvent | None:
        """Progress of the engine; a new stage is a change of state. None when it comes too soon to be told."""
        if event.stage != self.snapshot.stage:
            self._told = now
            return self._move("running", stage=event.stage, done=event.done, total=event.total, message=event.message)
        if now - self._told < PROGRESS_SECONDS and event.done < event.total:
            return None
        self._told = now
        seq = self.snapshot.seq + 1
        self.snapshot = self.snapshot.model_copy(
            update={"seq": seq, "done": event.done, "total": event.total, "message": event.message}
        )
        self.progress = m.JobProgress(
            job=self.id,
            seq=seq,
            stage=event.stage,
            done=event.done,
            total=event.total,
            frame=event.frame,
            message=event.message,
        )
        return self.progress

    def finish(self, result: m.Result) -> JobEvent:
        return self._move("done", stage=None, message=None, result=result)

    def fail(self, error: BridgeError) -> JobEvent:
        return self._move("failed", stage=None, message=None, error=m.Fault.of(error))

    def cancel(self) -> JobEvent:
        return self._move("cancelled", stage=None, message=None)

    def since(self, seq: int) -> tuple[JobEvent, ...]:
        """What happened after `seq`, oldest first; the state as it stands if nothing did."""
        events: list[JobEvent] = [state for state in self.states if state.seq > seq]
        if self.progress is not None and self.progress.seq > max(seq, self.states[-1].seq):
            events.append(self.progress)
        return tuple(events) or (_state(self.snapshot),)

    def _move(self, state: m.State, **changes: object) -> m.JobState:
        if state not in _NEXT[self.snapshot.state]:
            raise RuntimeError(f"a job that is {self.snapshot.state} cannot be {state}")
        self.snapshot = self.snapshot.model_copy(update={"seq": self.snapshot.seq + 1, "state": state, **changes})
        self.states.append(_state(self.snapshot))
        return self.states[-1]


def _state(snapshot: m.Snapshot) -> m.JobState:
    return m.JobState(**dict(snapshot))


class JobBook:
    """All jobs, in the order in which they came. `tell` hears of each event; `clock` gives seconds since 1970."""

    def __init__(self, folder: Path, clock: Callable[[], float], tell: Callable[[JobEvent], None]) -> None:
        self._folder, self._clock, self._tell = folder, clock, tell
        self._jobs: dict[UUID, Job] = {}
        self.stop_running: Callable[[], None] = lambda: None
        self.wake: Callable[[], None] = lambda: None

    def find(self, job: UUID) -> tuple[str, m.Snapshot] | None:
        known = self._jobs.get(job)
        return None if known is None else (known.hash, known.snapshot)

    def submit(self, submission: Submission) -> m.Snapshot:
        """Keep a job, with its own copies of its images, and queue it. Raises JobError, TransferError."""
        if sum(job.snapshot.state == "queued" for job in self._jobs.values()) >= limits.WAITING_JOBS:
            raise JobError.too_many(limits.WAITING_JOBS)
        job = Job(submission.job, submission.hash, self._request(submission), self._clock())
        self._jobs[job.id] = job
        self._forget()
        log.info("job %s queued", job.id)
        self._tell(job.states[0])
        self.wake()
        return job.snapshot

    def cancel(self, job: UUID) -> m.Snapshot:
        """Cancel a job that waits, ask a running one to stop, leave an ended one as it is. Raises JobError."""
        known = self._find(job)
        if known.snapshot.state == "queued":
            self._tell(known.cancel())
        elif known.snapshot.state == "running":
            self.stop_running()
        return known.snapshot

    def list(self) -> tuple[m.Snapshot, ...]:
        ended = [job.snapshot for job in self._jobs.values() if job.ended][-LISTED:]
        return (*ended, *(job.snapshot for job in self._jobs.values() if not job.ended))

    def since(self, job: UUID, seq: int) -> tuple[JobEvent, ...]:
        return self._find(job).since(seq)

    def next(self) -> Job | None:
        """The job to run next, now running."""
        for job in self._jobs.values():
            if job.snapshot.state == "queued":
                self._tell(job.start())
                return job
        return None

    def advance(self, job: Job, event: Event) -> None:
        told = job.advance(event, self._clock())
        if told is not None:
            self._tell(told)

    def end(self, job: Job, outcome: m.Result | WorkerError) -> None:
        """The engine is finished with a running job."""
        if isinstance(outcome, m.Result):
            event = job.finish(outcome)
        elif outcome.cancelled:
            event = job.cancel()
        else:
            event = job.fail(outcome)
        log.info("job %s %s %s", job.id, job.snapshot.state, job.snapshot.error.code if job.snapshot.error else "")
        self._tell(event)

    def _find(self, job: UUID) -> Job:
        try:
            return self._jobs[job]
        except KeyError:
            raise JobError.unknown() from None

    def _forget(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.ended]
        for id in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._jobs[id]

    def _request(self, submission: Submission) -> Request:
        """The engine's request, with the job's folder: `in` holds its images, `out` will hold its result."""
        params = submission.params
        folder = self._folder / str(submission.job)
        try:
            images = private_folder(folder / "in")
            kept = {id: keep(file, images, str(id)) for id, file in submission.files.items()}
            output = private_folder(folder / "out")
        except OSError as error:
            raise TransferError.not_kept(error.strerror or "the disk refused") from None
        return Request(
            clip=submission.clip,
            keyframes=tuple(
                KeyframeFiles(edited=kept[key.edited], frame=key.frame, mask=kept[key.mask] if key.mask else None)
                for key in params.keyframes
            ),
            output=output,
            range=params.range,
            method=params.method,
            formats=params.formats,
            settings=params.settings,
            seed=params.seed,
        )


Preview = Callable[[UUID, int, Path], None]
"""Hears of a new preview: the job, the frame's index, the JPEG's path."""


class Runner:
    """Runs the jobs of a book, one at a time, in an engine process."""

    def __init__(self, book: JobBook, engine: EngineProcess, preview: Preview) -> None:
        self._book, self._engine, self._preview = book, engine, preview
        self._woken = asyncio.Event()
        book.wake = self._woken.set
        book.stop_running = engine.cancel

    async def run(self) -> None:
        """Run jobs as they come, until cancelled."""
        while True:
            self._woken.clear()
            job = self._book.next()
            if job is None:
                await self._woken.wait()
            else:
                await self._run(job)

    async def _run(self, job: Job) -> None:
        def on_event(event: Event) -> None:
            self._book.advance(job, event)
            if event.preview is not None:
                self._preview(job.id, event.frame or 0, event.preview)

        outcome: m.Result | WorkerError
        try:
            await self._engine.ask("propagate", {"request": job.request.model_dump(mode="json")}, on_event)
            outcome = _result(job.request.output)
        except WorkerError as error:
            outcome = error
        except OSError as error:
            outcome = WorkerError.result_lost(error.strerror or "it cannot be read")
        if isinstance(outcome, WorkerError):  # a killed engine could not tidy up
            await asyncio.to_thread(shutil.rmtree, job.request.output, ignore_errors=True)
        self._book.end(job, outcome)


def _result(folder: Path) -> m.Result:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return m.Result(folder=str(folder), files=tuple(names))

"""Jobs: queued → running (stage) → done | failed | cancelled | interrupted. The rules; no event loop."""

import contextlib
import logging
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bridge_server import records
from bridge_server.errors import BridgeError, JobError, WorkerError, one_line
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import JobEvent, News, Rerun, Submission
from bridge_server.queue import Queue
from bridge_server.records import Record
from bridge_server.store import Journal, Kept
from engine.request import Event

log = logging.getLogger("videoshop.jobs")

PROGRESS_SECONDS = 0.1
"""Least time between two progress events of a job."""

FALLS = 3
"""A job that was running so many times in a row when the service crashed is not started again by itself."""

REMOVED = ".removed"
"""Ending of the folder of a job that is being removed."""

UNTOLD = 1_000_000
"""After a crash the journal does not know how many numbers were given to progress; so many are passed over."""


@dataclass
class Running:
    """What is known of the running job beside the journal: its latest progress, and when it was told."""

    job: Kept
    progress: m.JobProgress | None = None
    told: float = float("-inf")


class JobBook:
    """All jobs. What changes one is in the journal before `tell` hears of it and before a method returns.

    `clock` gives seconds since 1970, `ticks` seconds that never run backward. Methods raise JobError, also when the
    journal cannot be written: then nothing has changed.
    """

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        tell: Callable[[News], None],
        *,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        self._folder, self._journal, self._tell = folder, journal, tell
        self._clock, self._ticks = clock, ticks
        self._queue = Queue()
        self._running: Running | None = None
        self.paused = journal.paused
        self.stop_running: Callable[[], None] = lambda: None
        self.wake: Callable[[], None] = lambda: None
        self.clear: Callable[[Path], None] = lambda folder: shutil.rmtree(folder, ignore_errors=True)

    # After a start

    def recover(self) -> None:
        """Take up what the last service left: waiting jobs wait, interrupted ones wait again. Raises JobError."""
        for job in self._journal.live():
            state = job.snapshot.state
            if state == "running":
                job = self._fallen(job)
            if job.snapshot.state == "interrupted" and job.snapshot.ended is None:
                job = self._put(job, state="queued", started=None, stopping=None, message=None)
            if job.snapshot.state == "queued":
                self._queue.put(job)
        known = self._journal.ids()
        for folder in tuple(self._folder.iterdir()) if self._folder.is_dir() else ():
            if folder.suffix == REMOVED or _never_acknowledged(folder, known):
                self.clear(folder)

    def _fallen(self, job: Kept) -> Kept:
        """A job that ran when the service crashed."""
        stopping, falls = job.snapshot.stopping, job.falls + 1
        job = replace(job, snapshot=job.snapshot.model_copy(update={"seq": job.snapshot.seq + UNTOLD}))
        if stopping == "cancel":
            return self._put(job, state="cancelled", **self._over())
        log.warning("job %s was interrupted", job.record.id, extra={"job": str(job.record.id)})
        job = replace(job, falls=falls)
        if falls < FALLS or stopping is not None:
            return self._put(job, state="interrupted", held=stopping == "hold", **_IDLE)
        fault = m.Fault.of(JobError.interrupted(falls))
        return self._put(job, state="interrupted", error=fault, **self._over())

    # What a session asks

    def find(self, job: UUID) -> tuple[str, m.Snapshot] | None:
        known = self._look(job)
        return None if known is None else (known.record.hash, known.snapshot)

    def submit(self, submission: Submission) -> m.Snapshot:
        """Keep a job, with its own copies of its images, and queue it. Raises GrantError, TransferError too."""
        self._check_room()
        record = records.submitted(submission, self.folder(submission.job), self._clock())
        return self._add(record, submission.priority)

    def rerun(self, rerun: Rerun) -> m.Snapshot:
        """Queue a new job with the clip and images of another."""
        model = self._known(rerun.of)
        self._check_room()
        record = records.repeated(model.record, rerun, self.folder(rerun.job), self._clock())
        return self._add(record, model.snapshot.priority)

    def cancel(self, job: UUID) -> m.Snapshot:
        """Cancel a job that waits, ask a running one to stop, leave an ended one as it is."""
        known = self._known(job)
        if known.snapshot.state == "queued":
            return self._end(known, state="cancelled").snapshot
        return self._stop(known, "cancel")

    def hold(self, job: UUID) -> m.Snapshot:
        """Do not start a job that waits; send a running one back to the queue."""
        known = self._known(job)
        if known.snapshot.state == "queued":
            return self._settle(known, held=True)
        if known.snapshot.state != "running":
            raise JobError.state_forbids("held", known.snapshot.state)
        return self._stop(known, "hold")

    def release(self, job: UUID) -> m.Snapshot:
        """Let a held job run when its turn comes."""
        known = self._known(job)
        if known.snapshot.state != "queued":
            raise JobError.state_forbids("released", known.snapshot.state)
        return self._settle(known, held=False)

    def retry(self, job: UUID) -> m.Snapshot:
        """Queue a job again that did not succeed; one that waits or runs already is left as it is."""
        known = self._known(job)
        if known.snapshot.state == "done":
            raise JobError.state_forbids("retried", "done")
        if known.snapshot.state not in m.ENDED:
            return known.snapshot
        self._check_room()
        again = replace(known, place=self._queue.behind(known.snapshot.priority), falls=0)
        again = self._put(again, state="queued", held=False, error=None, ended=None, started=None, message=None)
        return self._queued(again)

    def prioritise(self, job: UUID, priority: int) -> m.Snapshot:
        """Put a job that waits behind the others of a priority."""
        known = replace(self._queued_one(job), place=self._queue.behind(priority))
        return self._queued(self._put(known, priority=priority))

    def move(self, job: UUID, before: UUID | None) -> m.Snapshot:
        """Put a job that waits right before another one, or behind the others of its priority."""
        known = self._queued_one(job)
        if before is None or before == job:
            return self.prioritise(job, known.snapshot.priority)
        other = self._queued_one(before)
        placed = {each.record.id: each for each in self._queue.before(known, other)}
        moved = _changed(placed.pop(job), priority=other.snapshot.priority)
        self._journal.put(moved, tuple(placed.values()))
        self._queue.put(*placed.values())
        self._tell(_state(moved.snapshot))
        return self._queued(moved)

    def describe(self, job: UUID) -> tuple[m.Snapshot, m.JsonObject]:
        """A job, and what it was asked to do."""
        known = self._known(job)
        return known.snapshot, records.described(known.record)

    def remove(self, job: UUID) -> m.JobRemoved:
        """Forget an ended job, with its images and its result."""
        known = self._known(job)
        if known.snapshot.ended is None:
            raise JobError.state_forbids("removed", known.snapshot.state)
        self._journal.remove(job)
        folder = self.folder(job)
        with contextlib.suppress(OSError):  # a program holds a file of it open: what can be removed is
            folder = folder.rename(folder.with_suffix(REMOVED))
        self.clear(folder)
        removed = m.JobRemoved(job=job)
        self._tell(removed)
        return removed

    def list(self) -> tuple[m.Snapshot, ...]:
        """The jobs that ended last, then the running one, then those that wait as they will run."""
        ended = [job.snapshot for job in self._journal.ended(limit=limits.LISTED)][::-1]
        running = [self._running.job.snapshot] if self._running is not None else []
        return (*ended, *running, *(job.snapshot for job in self._queue))

    def history(self, before: UUID | None, limit: int) -> tuple[m.Snapshot, ...]:
        return tuple(job.snapshot for job in self._journal.ended(before, limit))

    def since(self, job: UUID, seq: int) -> tuple[JobEvent, ...]:
        """What happened after `seq`, oldest first; the state as it stands if nothing did.

        Of attempts before the present one nothing is told again: an end is the end.
        """
        snapshot = self._known(job).snapshot
        states: list[m.JobState] = []
        for state in self._journal.states(job, seq):
            if states and states[-1].state in m.ENDED:
                states.clear()
            states.append(state)
        progress = self._running.progress if self._running is not None else None
        told = states[-1].seq if states else seq
        if progress is not None and progress.job == job and progress.seq > told:
            return (*states, progress)
        return tuple(states) or (_state(snapshot),)

    def queue(self) -> m.QueueState:
        return m.QueueState(paused=self.paused, order=tuple(job.record.id for job in self._queue))

    def pause(self, *, now: bool) -> m.QueueState:
        """Start no more jobs; with `now` send the running one back to the queue."""
        self._journal.pause(True)
        self.paused = True
        if now and self._running is not None:
            self._stop(self._running.job, "pause")
        self._tell(self.queue())
        self.wake()
        return self.queue()

    def resume(self) -> m.QueueState:
        self._journal.pause(False)
        self.paused = False
        self._tell(self.queue())
        self.wake()
        return self.queue()

    # What the runner does

    def next(self) -> Kept | None:
        """The job that is to run next."""
        if self.paused or self._running is not None:
            return None
        return self._queue.first()

    def start(self, job: UUID) -> Kept | None:
        """Start a job that waits; None when it does not wait any more."""
        waiting = self._queue.find(job)
        if waiting is None or waiting.snapshot.held or self.paused:
            return None
        attempt = waiting.snapshot.attempt + 1
        started = self._put(
            waiting, state="running", attempt=attempt, started=self._clock(), stage=None, done=0, total=0
        )
        self._queue.drop(job)
        self._running = Running(started)
        self._tell(self.queue())
        return started

    def advance(self, event: Event) -> None:
        """Progress of the engine; a new stage is a change of state. What comes too soon is not told."""
        running, now = self._running, self._ticks()
        if running is None:
            return
        message = None if event.message is None else one_line(event.message)
        done = {"done": event.done, "total": event.total, "message": message}
        if event.stage != running.job.snapshot.stage:
            running.job = self._put(running.job, stage=event.stage, **done)
            running.told, running.progress = now, None
        elif now - running.told >= PROGRESS_SECONDS or event.done >= event.total:
            running.told = now
            running.job = _changed(running.job, **done)
            running.progress = m.JobProgress(
                job=running.job.record.id,
                seq=running.job.snapshot.seq,
                stage=event.stage,
                done=event.done,
                total=event.total,
                frame=event.frame,
                message=message,
            )
            self._tell(running.progress)

    def end(self, outcome: m.Result | BridgeError) -> None:
        """The engine is finished with the running job."""
        if self._running is None:
            return
        job = self._running.job
        stopping = job.snapshot.stopping
        if isinstance(outcome, m.Result):
            self._end(job, state="done", result=outcome)
        elif not (isinstance(outcome, WorkerError) and outcome.cancelled):
            self._end(job, state="failed", error=m.Fault.of(outcome))
        elif stopping in ("hold", "pause"):
            again = self._put(job, state="queued", held=stopping == "hold", **_IDLE)
            self._running = None
            self._queued(again)
        else:
            self._end(job, state="cancelled")

    def fail(self, job: UUID, error: BridgeError) -> None:
        """A job that waits cannot be started."""
        waiting = self._queue.find(job)
        if waiting is not None:
            self._end(waiting, state="failed", error=m.Fault.of(error))

    def interrupt(self) -> None:
        """The service ends: the running job goes on when it is back."""
        if self._running is not None:
            job = self._running.job
            if job.snapshot.stopping == "cancel":
                self._end(job, state="cancelled")
            else:
                self._put(job, state="interrupted", held=job.snapshot.stopping == "hold", **_IDLE)
                self._running = None

    def ended(self) -> tuple[Kept, ...]:
        """Every ended job, the one that ended last first."""
        return self._journal.ended()

    # Changes

    def _add(self, record: Record, priority: int) -> m.Snapshot:
        request = record.request
        snapshot = m.Snapshot(
            job=record.id,
            seq=1,
            state="queued",
            priority=priority,
            clip=request.clip.name,
            method=request.method,
            host=record.host,
            submitted=record.submitted,
        )
        job = Kept(record, snapshot, place=self._queue.behind(priority))
        try:
            self._journal.add(job)
        except JobError:
            shutil.rmtree(self.folder(record.id), ignore_errors=True)
            raise
        log.info("job %s queued", record.id, extra={"job": str(record.id)})
        self._tell(_state(snapshot))
        return self._queued(job)

    def _queued(self, job: Kept) -> m.Snapshot:
        self._queue.put(job)
        self._tell(self.queue())
        self.wake()
        return job.snapshot

    def _settle(self, job: Kept, *, held: bool) -> m.Snapshot:
        """Hold or release a job that waits."""
        if job.snapshot.held == held:
            return job.snapshot
        settled = self._put(job, held=held)
        self._queue.put(settled)
        self.wake()
        return settled.snapshot

    def _stop(self, job: Kept, why: m.Stopping) -> m.Snapshot:
        """Have the engine stop the running job. A hold does not take a cancel back, nor a pause either of them."""
        running = self._running
        if running is None or running.job.record.id != job.record.id:
            return job.snapshot
        if _STRENGTH[why] > _STRENGTH[job.snapshot.stopping]:
            running.job = self._put(running.job, stopping=why)
        self.stop_running()
        return running.job.snapshot

    def _end(self, job: Kept, **changes: Any) -> Kept:
        ended = self._put(replace(job, falls=0), **changes, **self._over())
        error = ended.snapshot.error
        log.info(
            "job %s %s %s",
            job.record.id,
            ended.snapshot.state,
            error.code if error else "",
            extra={"job": str(job.record.id), "ref": error.ref if error else None},
        )
        if self._queue.find(job.record.id) is not None:
            self._queue.drop(job.record.id)
            self._tell(self.queue())
        else:
            self._running = None
        return ended

    def _over(self) -> dict[str, Any]:
        return {**_IDLE, "held": False, "ended": self._clock()}

    def _put(self, job: Kept, **changes: Any) -> Kept:
        """Journal a change, then tell of it."""
        changed = _changed(job, **changes)
        if changed.snapshot.state not in _NEXT[job.snapshot.state]:
            raise JobError.state_forbids(changed.snapshot.state, job.snapshot.state)
        self._journal.put(changed)
        self._tell(_state(changed.snapshot))
        return changed

    # Looking

    def folder(self, job: UUID) -> Path:
        """Where the job's files are."""
        return self._folder / str(job)

    def _look(self, job: UUID) -> Kept | None:
        if self._running is not None and self._running.job.record.id == job:
            return self._running.job
        return self._queue.find(job) or self._journal.find(job)

    def _known(self, job: UUID) -> Kept:
        known = self._look(job)
        if known is None:
            raise JobError.unknown()
        return known

    def _queued_one(self, job: UUID) -> Kept:
        known = self._known(job)
        if known.snapshot.state != "queued":
            raise JobError.state_forbids("moved", known.snapshot.state)
        return known

    def _check_room(self) -> None:
        if len(self._queue) >= limits.WAITING_JOBS:
            raise JobError.too_many(limits.WAITING_JOBS)


_NEXT: dict[m.State, frozenset[m.State]] = {
    "queued": frozenset({"queued", "running", "failed", "cancelled"}),
    "running": frozenset({"running", "queued", "done", "failed", "cancelled", "interrupted"}),
    "interrupted": frozenset({"queued"}),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
    "done": frozenset(),
}

_STRENGTH: dict[m.Stopping | None, int] = {None: 0, "pause": 1, "hold": 2, "cancel": 3}

_IDLE: dict[str, Any] = {"stage": None, "message": None, "stopping": None}


def _changed(job: Kept, **changes: Any) -> Kept:
    """The job after an event of the next `seq`."""
    return replace(job, snapshot=job.snapshot.model_copy(update={"seq": job.snapshot.seq + 1, **changes}))


def _state(snapshot: m.Snapshot) -> m.JobState:
    return m.JobState(**dict(snapshot))


def _never_acknowledged(folder: Path, known: Collection[UUID]) -> bool:
    """Whether a folder is of a submit that did not reach the journal. A result that the journal forgot, because it was
    damaged or is another, is the person's and stays."""
    try:
        return UUID(folder.name) not in known and not (folder / "out").exists()
    except ValueError:
        return False

"""The journal: every job and each change of its state, on disk before anybody hears of it (SQLite)."""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID

from pydantic import ValidationError

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import JobError, ServiceError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.records import Record

log = logging.getLogger("videoshop.journal")

VERSION = 1
"""Of the tables below; a journal of a newer bridge is left alone."""

_TABLES = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    state TEXT NOT NULL,
    place INTEGER NOT NULL,
    falls INTEGER NOT NULL,
    ended REAL
) STRICT;
CREATE TABLE event (
    job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE INDEX job_by_end ON job (ended, number);
"""


@dataclass(frozen=True)
class Kept:
    """A job as the journal has it.

    `place` orders jobs of one priority. `falls` counts how often in a row the service crashed while the job ran.
    """

    record: Record
    snapshot: m.Snapshot
    place: int = 0
    falls: int = 0


P = ParamSpec("P")
R = TypeVar("R")


def _kept(act: Callable[P, R]) -> Callable[P, R]:
    """What SQLite cannot do is a JobError: the job is as it was."""

    def acting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except sqlite3.Error as error:
            raise JobError.not_kept(str(error)) from None

    return acting


class Journal:
    """The jobs on disk. Each method is one transaction: it is wholly on disk when it returns, or raises JobError."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal. What is no journal is put aside. Raises ServiceError."""
        try:
            private_folder(path.parent)
            if not path.exists():
                path.touch(mode=0o600)
            self._base = _opened_or_new(path)
        except sqlite3.Error as error:
            raise ServiceError.journal_unusable(path, str(error)) from None
        except OSError as error:
            raise ServiceError.journal_unusable(path, error.strerror or "the disk refused") from None

    def close(self) -> None:
        self._base.close()

    @_kept
    def add(self, job: Kept) -> None:
        snapshot = job.snapshot
        with self._transaction():
            self._base.execute(
                "INSERT INTO job (id, record, snapshot, state, place, falls) VALUES (?, ?, ?, ?, ?, ?)",
                (_key(job), job.record.model_dump_json(), snapshot.model_dump_json(), snapshot.state, job.place, 0),
            )
            self._event(snapshot)

    @_kept
    def put(self, job: Kept, others: Sequence[Kept] = ()) -> None:
        """The job's new state, an event of the next `seq`; and new places of other jobs."""
        snapshot = job.snapshot
        with self._transaction():
            self._base.execute(
                "UPDATE job SET snapshot = ?, state = ?, place = ?, falls = ?, ended = ? WHERE id = ?",
                (snapshot.model_dump_json(), snapshot.state, job.place, job.falls, snapshot.ended, _key(job)),
            )
            self._event(snapshot)
            for other in others:
                self._base.execute("UPDATE job SET place = ? WHERE id = ?", (other.place, _key(other)))

    @_kept
    def find(self, job: UUID) -> Kept | None:
        rows = self._base.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (str(job),))
        return next(_readable(rows), None)

    @_kept
    def live(self) -> tuple[Kept, ...]:
        """The jobs that are to run, or ran when the service ended; in the order in which they came."""
        rows = self._base.execute(f"SELECT {_COLUMNS} FROM job WHERE ended IS NULL ORDER BY number")
        return tuple(_readable(rows))

    @_kept
    def states(self, job: UUID, since: int) -> tuple[m.JobState, ...]:
        """What the job was after event `since`, oldest first; of very many the newest."""
        rows = self._base.execute(
            "SELECT snapshot FROM event WHERE job = ? AND seq > ? ORDER BY seq DESC LIMIT ?",
            (str(job), since, limits.REPLAYED),
        )
        return tuple(m.JobState(**dict(snapshot)) for snapshot in _snapshots(rows))[::-1]

    @_kept
    def ended(self, before: UUID | None = None, limit: int = -1) -> tuple[Kept, ...]:
        """Ended jobs, the one that ended last first, from the one after `before`; all of them with limit −1."""
        bound = self._base.execute("SELECT ended, number FROM job WHERE id = ?", (str(before),)).fetchone()
        rows = self._base.execute(
            f"SELECT {_COLUMNS} FROM job WHERE ended IS NOT NULL AND (? IS NULL OR (ended, number) < (?, ?))"
            " ORDER BY ended DESC, number DESC LIMIT ?",
            (bound and bound[0], *(bound or (None, None)), limit),
        )
        return tuple(_readable(rows))

    @_kept
    def ids(self) -> frozenset[UUID]:
        return frozenset(UUID(id) for (id,) in self._base.execute("SELECT id FROM job"))

    @_kept
    def remove(self, job: UUID) -> None:
        with self._transaction():
            self._base.execute("DELETE FROM job WHERE id = ?", (str(job),))

    @property
    @_kept
    def paused(self) -> bool:
        """Whether the person paused the queue."""
        row = self._base.execute("SELECT value FROM setting WHERE name = 'paused'").fetchone()
        return row is not None and row[0] == "yes"

    @_kept
    def pause(self, paused: bool) -> None:
        with self._transaction():
            self._base.execute(
                "INSERT OR REPLACE INTO setting (name, value) VALUES ('paused', ?)", ("yes" if paused else "no",)
            )

    def _event(self, snapshot: m.Snapshot) -> None:
        self._base.execute(
            "INSERT INTO event (job, seq, snapshot) VALUES (?, ?, ?)",
            (str(snapshot.job), snapshot.seq, snapshot.model_dump_json()),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise


_COLUMNS = "record, snapshot, place, falls"


def _readable(rows: Iterable[tuple[str, str, int, int]]) -> Iterator[Kept]:
    """Jobs, without those whose row is damaged: SQLite sees damage to its pages, not to what stands on them."""
    for record, snapshot, place, falls in rows:
        try:
            yield Kept(Record.model_validate_json(record), m.Snapshot.model_validate_json(snapshot), place, falls)
        except ValidationError as error:
            log.error("a job in the journal cannot be read, and is passed over: %s", error)


def _snapshots(rows: Iterable[tuple[str]]) -> Iterator[m.Snapshot]:
    for (snapshot,) in rows:
        with contextlib.suppress(ValidationError):
            yield m.Snapshot.model_validate_json(snapshot)


def _key(job: Kept) -> str:
    return str(job.record.id)


def _opened_or_new(path: Path) -> sqlite3.Connection:
    """The journal, or a new one in the place of a damaged one. Raises ServiceError, OSError, sqlite3.Error."""
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        log.error("the journal is damaged (%s): it was put aside as %s", error, _aside(path).name)
        path.touch(mode=0o600)
        return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        (version,) = base.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ServiceError.journal_newer(path)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")  # a power cut loses nothing that was told
        base.execute("PRAGMA foreign_keys = ON")
        base.execute("PRAGMA cache_size = -256")
        if version == 0:
            base.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        (verdict,) = base.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        base.close()
        raise
    return base


def _aside(path: Path) -> Path:
    """Move a damaged journal out of the way, its side files with it; where it is now."""
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        side = path.with_name(path.name + ending)
        if side.exists():
            side.replace(aside.with_name(aside.name + ending))
    return aside

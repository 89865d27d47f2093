"""What is forgotten by itself: what is left of jobs without a result, and old frames.

A result stays, unless the person set a bound: a document in the host may link to its files.
"""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from bridge_server.desktop.paths import Places
from bridge_server.errors import JobError
from bridge_server.jobs import JobBook

log = logging.getLogger("videoshop.jobs")

DAY = 86400.0
TIDY_SECONDS = 3600.0


@dataclass(frozen=True)
class Retention:
    """Days that jobs without a result, frames and results are kept; most bytes of all jobs. None: for ever."""

    failed_days: float = 30.0
    frame_days: float = 7.0
    result_days: float | None = None
    most_bytes: int | None = None


RETENTION = Retention()


@dataclass(frozen=True)
class Ended:
    """An ended job: when it ended (seconds since 1970), whether it has a result, the bytes of its files."""

    job: UUID
    ended: float
    has_result: bool
    size: int


def expired(jobs: Iterable[Ended], retention: Retention, now: float) -> Iterator[UUID]:
    """The jobs to forget: those over their days, then the oldest until the rest fits."""
    kept: list[Ended] = []
    for job in jobs:
        days = retention.result_days if job.has_result else retention.failed_days
        if days is not None and now - job.ended > days * DAY:
            yield job.job
        else:
            kept.append(job)
    if retention.most_bytes is None:
        return
    total = sum(job.size for job in kept)
    for job in sorted(kept, key=lambda job: job.ended):
        if total <= retention.most_bytes:
            return
        total -= job.size
        yield job.job


async def keep_tidy(book: JobBook, places: Places, retention: Retention) -> None:
    """Forget what is to be forgotten, now and every hour, until cancelled."""
    while True:
        try:
            await tidy(book, places, retention)
        except (JobError, OSError) as error:  # nobody waits for it: the next hour will do
            log.warning("what is old could not be forgotten: %s", error)
        await asyncio.sleep(TIDY_SECONDS)


async def tidy(book: JobBook, places: Places, retention: Retention) -> None:
    """Forget what is to be forgotten."""
    now = time.time()
    jobs = [(kept.record.id, kept.snapshot) for kept in book.ended()]
    sizes = retention.most_bytes is not None
    weighed = [
        Ended(
            id,
            snapshot.ended or now,
            snapshot.result is not None,
            await asyncio.to_thread(size_of, book.folder(id)) if sizes else 0,
        )
        for id, snapshot in jobs
    ]
    for job in expired(weighed, retention, now):
        try:
            book.remove(job)
        except JobError as error:  # it was retried meanwhile, or the journal cannot be written now
            log.info("job %s is kept: %s", job, error.message)
        await asyncio.sleep(0)
    await asyncio.to_thread(_forget_frames, places.frames, now - retention.frame_days * DAY)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _forget_frames(folder: Path, before: float) -> None:
    for grant in tuple(folder.iterdir()) if folder.is_dir() else ():
        if grant.lstat().st_mtime < before:
            shutil.rmtree(grant, ignore_errors=True)

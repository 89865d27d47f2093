"""Runs the jobs of a book, one at a time, in an engine process; nothing is told before the journal has it."""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import BridgeError, JobError, WorkerError
from bridge_server.intake import RESERVE
from bridge_server.jobs import JobBook
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.records import THUMBNAIL, clip_fault
from bridge_server.store import Kept
from bridge_server.worker import EngineProcess
from engine.request import Event

log = logging.getLogger("videoshop.jobs")

FLOOR = 64 << 20
"""Bytes of free disk below which a running job is stopped, so that the journal can still be written."""
LOOK_SECONDS = 2.0
"""How often the disk is looked at while a job runs."""
AGAIN_SECONDS = 2.0
"""How long to wait before a journal that could not be written is tried again."""


R = TypeVar("R")


class Preview(NamedTuple):
    """A JPEG of the newest finished frame of a job."""

    job: UUID
    frame: int
    jpeg: bytes


class Runner:
    """`show` hears of each new preview; `latest` is the last one of the running job."""

    def __init__(self, book: JobBook, engine: EngineProcess, show: Callable[[Preview], None]) -> None:
        self._book, self._engine, self._show = book, engine, show
        self._woken = asyncio.Event()
        self.latest: Preview | None = None
        book.wake = self._woken.set
        book.stop_running = engine.cancel

    async def run(self) -> None:
        """Run jobs as they come, until cancelled."""
        while True:
            self._woken.clear()
            job = self._book.next()
            if job is not None:
                await self._run(job)
                continue
            if self._book.paused:
                await self._engine.release()
            if not self._woken.is_set():
                await self._woken.wait()

    async def _run(self, job: Kept) -> None:
        id, folder = job.record.id, self._book.folder(job.record.id)
        fault = await asyncio.to_thread(_cannot_start, job, folder)
        if fault is not None:
            await _surely(lambda: self._book.fail(id, fault))
            return
        if await _surely(lambda: self._book.start(id)) is None:
            return
        outcome = await self._outcome(job)
        if isinstance(outcome, BridgeError):  # a killed engine could not tidy up
            await asyncio.to_thread(shutil.rmtree, job.record.request.output, ignore_errors=True)
        await asyncio.to_thread(self._keep_thumbnail, folder)
        await _surely(lambda: self._book.end(outcome))
        self.latest = None

    async def _outcome(self, job: Kept) -> m.Result | BridgeError:
        """Have the engine do the job. Stopped for want of disk, it has failed."""
        request = job.record.request
        guard = asyncio.create_task(self._guard(request.output.parent))
        try:
            await self._engine.ask(
                "propagate", {"request": request.model_dump(mode="json")}, lambda event: self._hear(job, event)
            )
            return _result(request.output)
        except WorkerError as error:
            return WorkerError.disk_full() if guard.done() and error.cancelled else error
        except OSError as error:
            return WorkerError.result_lost(error.strerror or "it cannot be read")
        finally:
            guard.cancel()

    def _hear(self, job: Kept, event: Event) -> None:
        try:
            self._book.advance(event)
        except JobError as error:  # the stage is told when the journal has it; the work goes on
            log.warning("job %s: %s", job.record.id, error.message, extra={"job": str(job.record.id)})
        if event.preview is not None:
            with (
                contextlib.suppress(OSError),
                event.preview.open("rb") as file,
            ):  # if it is gone, the next one will come
                jpeg = file.read(limits.CHUNK + 1)
                if 0 < len(jpeg) <= limits.CHUNK:
                    self.latest = Preview(job.record.id, event.frame or 0, jpeg)
                    self._show(self.latest)

    async def _guard(self, folder: Path) -> None:
        """Stop the engine when the disk is almost full."""
        while await asyncio.to_thread(_free, folder) >= FLOOR:
            await asyncio.sleep(LOOK_SECONDS)
        self._engine.cancel()

    def _keep_thumbnail(self, folder: Path) -> None:
        if self.latest is None:
            return
        aside = folder / f".{THUMBNAIL}"
        with contextlib.suppress(OSError):  # a job without a thumbnail is still done
            aside.write_bytes(self.latest.jpeg)
            aside.replace(folder / THUMBNAIL)


async def _surely(act: Callable[[], R]) -> R:
    """Change a job, again and again until the journal takes it: what is not on disk has not happened."""
    while True:
        try:
            return act()
        except JobError as error:
            log.error("%s", error.message)
            await asyncio.sleep(AGAIN_SECONDS)


def _cannot_start(job: Kept, folder: Path) -> BridgeError | None:
    """Why a job cannot be started, if it cannot; else its folder for the result is there."""
    fault = clip_fault(job.record)
    if fault is not None:
        return fault
    try:
        private_folder(folder / "out")
    except OSError as error:
        return WorkerError.folder_lost(error.strerror or "the disk refused")
    return WorkerError.disk_full() if _free(folder) < RESERVE else None


def _free(folder: Path) -> int:
    """Free bytes of the disk."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _result(folder: Path) -> m.Result:
    names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return m.Result(folder=str(folder), files=tuple(names))

"""Kill the service and its engine at random moments while jobs run, and see that nothing that was told is lost.

The driver is a host: it submits jobs under ids of its own, remembers which were acknowledged and every state that it
was told, connects again after each kill, submits again what was not acknowledged and retries what did not succeed.
Between two lives of the service the journal and the files are looked at, as they are on disk.
"""

import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import psutil

from bridge_server.client import Client
from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, UnreachableError
from bridge_server.protocol import messages as m
from engine.staging import REPORT
from tests.end_to_end.served import Served, launch

LIFE_SECONDS = 1.6
"""The longest life of a service, from its start: some end before it listens, some with jobs at work."""
ENGINE_SHARE = 0.3
"""How many of the kills are the engine's."""
AIMED_SHARE = 0.5
"""How many of the kills come right after a submit was sent, or when a job is about to show its result."""
AIMED_SECONDS = 0.03
OPEN_JOBS = 5
"""So many jobs are kept waiting or running."""
RETRIED = frozenset({"engine.crashed", "job.interrupted"})
"""Faults that kills explain."""


@dataclass
class Report:
    """What was done, and what must not have happened."""

    services: int = 0
    deaf: int = 0
    """Services that were killed before anybody could speak to them."""
    engines: int = 0
    acknowledged: int = 0
    resubmitted: int = 0
    retried: int = 0
    told: int = 0
    done: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.services + self.engines


class Host:
    """The driver's memory, which outlives every service."""

    def __init__(self, places: Places, clip: Path, chance: random.Random, report: Report) -> None:
        self.places, self._clip, self._chance, self._report = places, clip, chance, report
        self._sent: dict[UUID, m.JobParams] = {}
        """Submitted, not acknowledged."""
        self.acknowledged: set[UUID] = set()
        self.last: dict[UUID, m.JobState] = {}
        """The newest state that was told of each job."""
        self.told: dict[UUID, dict[int, m.JobState]] = {}
        """Every state that was told of each job unasked, by its number; an answer may have that of progress."""
        self._heard: dict[UUID, int] = {}
        """The newest event of each job that was told unasked."""
        self.delicate = asyncio.Event()
        """Set when a submit was sent, and when a job is about to show its result."""

    async def work(self, *, more: bool) -> None:
        """Keep jobs going until the service is gone, or, without `more`, until every job is done."""
        try:
            async with await self._connected() as client:
                hearing = asyncio.create_task(self._hear(client))
                try:
                    await self._go_on(client, more)
                finally:
                    hearing.cancel()
                    with contextlib.suppress(asyncio.CancelledError, UnreachableError):
                        await hearing
        except UnreachableError:
            if not more:
                raise

    async def _connected(self) -> Client:
        """The discovery file may still be that of the service before."""
        while True:
            try:
                return await Client.connect(self.places, host="chaos")
            except UnreachableError:
                await asyncio.sleep(0.02)

    async def _hear(self, client: Client) -> None:
        async for news in client.watch_all():
            if isinstance(news, (m.JobState, m.JobProgress)):
                if news.seq <= self._heard.get(news.job, 0):
                    self._wrong(news.job, f"event {news.seq} came after event {self._heard[news.job]}")
                self._heard[news.job] = news.seq
            if isinstance(news, m.JobState):
                self._report.told += 1
                self.told.setdefault(news.job, {})[news.seq] = news
                self._know(news)

    def _know(self, state: m.JobState) -> None:
        known = self.last.get(state.job)
        if known is None or state.seq > known.seq:
            self.last[state.job] = state
        if state.stage == "write":
            self.delicate.set()

    async def _go_on(self, client: Client, more: bool) -> None:
        for snapshot in client.identified.jobs:
            self._know(m.JobState(**dict(snapshot)))
        for job in tuple(self._sent):
            self._report.resubmitted += 1
            await self._submit(client, job)
        while True:
            unfinished = [job for job in self.acknowledged if self.last[job].state != "done"]
            for job in unfinished:
                await self._revive(client, job)
            if more and len(unfinished) < OPEN_JOBS:
                await self._submit(client, uuid4())
            if not more and not unfinished:
                return
            await asyncio.sleep(self._chance.uniform(0, 0.05))

    async def _submit(self, client: Client, job: UUID) -> None:
        """Submit as it was sent before, if it was; if that is not known, its images are gone: send them again."""
        old = self._sent.get(job)
        if old is not None:
            try:
                self._accept(await client.submit(old, job))
                return
            except BridgeError as error:
                if error.code not in ("grant.unknown", "transfer.unknown"):
                    raise
        side = self._chance.choice((16, 1024))
        edited = await client.upload_raw(self._chance.randbytes(side * side * 4), side, side, 4, 8)
        keyframe = m.KeyframeParams(edited=edited, frame=0)
        settings = {"act": "publish", "steps": "8", "pause": "0.02"}
        params = m.JobParams(grant=await client.grant(self._clip), keyframes=(keyframe,), settings=settings)
        self._sent[job] = params
        self.delicate.set()
        self._accept(await client.submit(params, job))

    def _accept(self, accepted: m.JobAccepted) -> None:
        self.acknowledged.add(accepted.job)
        self._sent.pop(accepted.job, None)
        shown = {name: value for name, value in dict(accepted).items() if name in m.Snapshot.model_fields}
        self._know(m.JobState(**shown))

    async def _revive(self, client: Client, job: UUID) -> None:
        last = self.last[job]
        if last.state not in ("failed", "interrupted", "cancelled"):
            return
        if last.error is None or last.error.code not in RETRIED:
            self._wrong(job, f"{last.state}: {last.error and last.error.message}")
        self._report.retried += 1
        self._know(await client.retry(job))

    def _wrong(self, job: UUID, what: str) -> None:
        self._report.problems.append(f"job {job}: {what}")


async def chaos(folder: Path, kills: int, seed: int) -> Report:
    """Kill `kills` times, then let every job end and the service leave."""
    chance, report = random.Random(seed), Report()
    places, clip = Places(folder / "config", folder / "data"), folder / "a clip.mp4"
    clip.write_bytes(chance.randbytes(1 << 16))
    host = Host(places, clip, chance, report)
    while report.kills < kills:
        service = launch(places)
        working = asyncio.create_task(host.work(more=True))
        try:
            await _until_killed(service, host, chance, report, kills)
        finally:
            working.cancel()
            await asyncio.wait({working})
            service.process.kill()
            service.process.communicate()
        if not working.cancelled() and (fault := working.exception()) is not None:
            raise fault
        check(host, clip, folder / "copy.sqlite", report)
    service = launch(places)
    try:
        async with asyncio.timeout(60):
            await host.work(more=False)
        deadline = time.monotonic() + 5
        while (left := [path.name for path in places.incoming.rglob("*") if path.is_file()]) and (
            time.monotonic() < deadline
        ):
            await asyncio.sleep(0.02)
        report.problems += [f"{name} is left of an upload" for name in left]
    finally:
        service.process.terminate()
        service.process.communicate(timeout=10)
    check(host, clip, folder / "copy.sqlite", report)
    report.acknowledged = len(host.acknowledged)
    report.done = sum(state.state == "done" for state in host.last.values())
    return report


async def _until_killed(service: Served, host: Host, chance: random.Random, report: Report, kills: int) -> None:
    """Let the service live for a random time, its engine being killed meanwhile, perhaps; then kill it."""
    while True:
        await asyncio.sleep(chance.uniform(0, LIFE_SECONDS))
        if chance.random() < AIMED_SHARE:
            host.delicate.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(host.delicate.wait(), LIFE_SECONDS)
            await asyncio.sleep(chance.uniform(0, AIMED_SECONDS))
        if chance.random() < ENGINE_SHARE and (engines := service.engines()):
            with contextlib.suppress(psutil.NoSuchProcess):
                chance.choice(engines).kill()
                report.engines += 1
                if report.kills < kills:
                    continue
        found = discover(service.places.discovery)
        report.deaf += found is None or found.pid != service.pid
        report.services += 1
        service.process.kill()
        return


# What must be true of the disk


def check(host: Host, clip: Path, copy: Path, report: Report) -> None:
    """Look at the journal and the files of a service that was killed."""
    places = host.places
    whole = clip.read_bytes()
    for ending in ("", "-wal"):
        side = places.journal.with_name(places.journal.name + ending)
        copy.with_name(copy.name + ending).unlink(missing_ok=True)
        if side.exists():
            shutil.copyfile(side, copy.with_name(copy.name + ending))
    with contextlib.closing(sqlite3.connect(copy)) as base:
        if not base.execute("SELECT name FROM sqlite_master WHERE name = 'job'").fetchone():
            report.problems += ["the journal is empty"] if host.acknowledged else []
            return
        jobs = {
            UUID(id): m.Snapshot.model_validate_json(text) for id, text in base.execute("SELECT id, snapshot FROM job")
        }
        events: dict[UUID, list[m.Snapshot]] = {}
        for id, text in base.execute("SELECT job, snapshot FROM event ORDER BY job, seq"):
            events.setdefault(UUID(id), []).append(m.Snapshot.model_validate_json(text))
    for job in host.acknowledged - jobs.keys():
        report.problems.append(f"job {job}: it was acknowledged and is not in the journal")
    for job, told in host.told.items():
        report.problems += [f"job {job}: {what}" for what in _forgotten(told, events.get(job, []))]
    for job, snapshot in jobs.items():
        report.problems += [f"job {job}: {what}" for what in _half(places.jobs / str(job) / "out", snapshot, whole)]


def _forgotten(told: dict[int, m.JobState], events: list[m.Snapshot]) -> list[str]:
    """What is wrong with a job's events, given the states that were told of it."""
    kept = {event.seq: event for event in events}
    seqs = [event.seq for event in events]
    wrong = [] if seqs == sorted(kept) else [f"its events are {seqs}"]
    for seq, state in told.items():
        event = kept.get(seq)
        if event is None or (event.state, event.stage) != (state.state, state.stage):
            wrong.append(f"“{state.state}” was told as event {seq}, the journal has {event and event.state}")
    if sum(event.state == "done" for event in events) > 1:
        wrong.append("it was done more than once")
    return wrong


def _half(out: Path, snapshot: m.Snapshot, whole: bytes) -> list[str]:
    """What is wrong with a job's files: what can be seen must be whole, and of a job that is done all can be seen."""
    seen = {path.name: path.read_bytes() for path in out.glob("[!.]*")} if out.is_dir() else {}
    wrong = [f"{name} is half written" for name, data in seen.items() if name != REPORT and data != whole]
    if REPORT in seen and seen.keys() != {"flat.mp4", "layer.mov", REPORT}:
        wrong.append(f"it shows a report beside {sorted(seen)}")
    if REPORT in seen:
        json.loads(seen[REPORT])
    if snapshot.state == "done" and (snapshot.result is None or set(snapshot.result.files) != seen.keys() or not seen):
        wrong.append(f"it is done and shows {sorted(seen)}")
    if snapshot.state in ("failed", "cancelled") and seen:
        wrong.append(f"it {snapshot.state} and shows {sorted(seen)}")
    return wrong

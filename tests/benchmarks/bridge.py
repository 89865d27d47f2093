"""The service: its weight while idle, its speed, many clients, a deaf one, and kills (`--kills N`, 200)."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from websockets.asyncio.client import connect

from bridge_server.client import Client
from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import UnreachableError
from bridge_server.handshake import greeted, identify
from bridge_server.protocol import messages as m
from bridge_server.security import pairing_token
from tests.benchmarks.child import in_child
from tests.benchmarks.crowd import Heard
from tests.benchmarks.figures import Figures
from tests.end_to_end.chaos import chaos
from tests.end_to_end.served import ROOT, Served, served

WIDTH, HEIGHT, CHANNELS, BITS = 3840, 2160, 4, 16
FRAME = WIDTH * HEIGHT * CHANNELS * BITS // 8
"""Bytes of a 4K frame: 66 MB."""
IDLE_SECONDS = 20
UP, DOWN = "tests.benchmarks.bridge.up", "tests.benchmarks.bridge.down"
STARTS = TIMES = 5
HEAVY = ("torch", "diffusers", "cv2", "numpy", "/av/")

CLIENTS, CROWDS = 100, 2
CHANGES, CHANGES_A_SECOND = 400, 20
LATENCY_MS = 50.0
DEAF_CHANGES, DEAF_LENGTH = 3000, 490
"""States, and characters of each, that a client does not read: more than it may leave waiting."""


def run() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks bridge")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*PARTS, "chaos"], help="this part alone")
    options = parser.parse_args(sys.argv[2:])
    figures = Figures()
    for name, part in PARTS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                part(figures, Path(folder))
    if options.only in (None, "chaos"):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            report = asyncio.run(chaos(Path(folder), options.kills, options.seed))
            print(f"{asdict(report)} in {time.perf_counter() - began:.0f} s, seed {options.seed}")
            figures.show("kills", report.kills, "", least=options.kills)
            figures.show(
                "acknowledged jobs that are not done in the end", report.acknowledged - report.done, "", most=0
            )
            figures.show("lost, half written, told twice or wrong", len(report.problems), "", most=0)
    return figures.end()


# Weight


def idle(figures: Figures, folder: Path) -> None:
    starts = []
    for start in range(STARTS):
        place = folder / str(start)
        place.mkdir()
        with served(place) as service:
            starts.append(service.seconds)
    with served(folder) as service:
        figures.show("listening after the start (median)", statistics.median(starts), "s", most=0.5)
        time.sleep(1)
        loaded = [name for name in HEAVY if name in service.libraries()]
        figures.show(f"heavy libraries loaded {loaded}", len(loaded), "", most=0)
        cpu, switches = service.cpu(), service.switches()
        time.sleep(IDLE_SECONDS)
        figures.show(f"CPU in {IDLE_SECONDS} s without a client", service.cpu() - cpu, "s", most=0.2)
        figures.show(f"times that a thread slept again in {IDLE_SECONDS} s", service.switches() - switches)
        figures.show("resident memory", service.resident(), "MB", most=45)
        asyncio.run(_visit(service.places, _clip(folder)))
        time.sleep(1)
        figures.show("resident memory after a client and a job", service.resident(), "MB")


async def _visit(places: Places, clip: Path) -> None:
    async with await Client.connect(places) as client:
        await client.result((await client.submit(await _params(client, clip))).job)
        await client.release_engine()


# Speed


def transfers(figures: Figures, folder: Path) -> None:
    clip, rows = _clip(folder), folder / "rows"
    rows.write_bytes(os.urandom(1 << 20) * (FRAME >> 20) + bytes(FRAME & ((1 << 20) - 1)))
    with served(folder) as service:
        asyncio.run(_visit(service.places, clip))
        in_child(UP, str(service.places.config), str(rows))  # what the first one makes the service load stays
        before = service.resident()
        service.forget_peak()
        up, answers = asyncio.run(_pinged(service.places, rows))
        peak = service.resident("VmHWM")
        print("upload, MB/s:", *(f"{rate:.0f}" for rate in up))
        figures.show("upload of a 66 MB frame (median)", statistics.median(up), "MB/s", least=200)
        figures.show("extra peak memory of the service", peak - before, "MB", most=20)
        figures.show("another client's pings meanwhile, 99 of 100", answers[len(answers) * 99 // 100], "ms")
        figures.show("the slowest of them", answers[-1], "ms")
        job = asyncio.run(_big_result(service.places, rows))
        before = service.resident()
        service.forget_peak()
        down = in_child(DOWN, str(service.places.config), str(job))
        peak = service.resident("VmHWM")
        print("fetch, MB/s:", *(f"{rate:.0f}" for rate in down))
        figures.show("fetch of a 66 MB result (median)", statistics.median(down), "MB/s")
        figures.show("extra peak memory of the service", peak - before, "MB", most=20)


async def _pinged(places: Places, rows: Path) -> tuple[list[float], list[float]]:
    """MB/s of uploads, and how many ms another client waited for each of its pings meanwhile, rising."""
    uploading = asyncio.create_task(asyncio.to_thread(in_child, UP, str(places.config), str(rows)))
    answers = []
    async with await Client.connect(places) as client:
        while not uploading.done():
            began = time.perf_counter()
            await client.ping()
            answers.append(1e3 * (time.perf_counter() - began))
            await asyncio.sleep(0.005)
    return await uploading, sorted(answers)


async def _big_result(places: Places, rows: Path) -> UUID:
    """A job whose `flat.mp4` is as large as a frame."""
    async with await Client.connect(places) as client:
        job = (await client.submit(await _params(client, rows))).job
        await client.result(job)
        return job


def up(config: str, rows: str) -> None:
    """Upload a frame several times; prints MB/s of each as JSON."""

    async def uploading() -> list[float]:
        data, rates = Path(rows).read_bytes(), []
        async with await Client.connect(Places(Path(config), Path(config))) as client:
            for _ in range(TIMES):
                began = time.perf_counter()
                await client.upload_raw(data, WIDTH, HEIGHT, CHANNELS, BITS)
                rates.append(len(data) / 1e6 / (time.perf_counter() - began))
        return rates

    print(json.dumps(asyncio.run(uploading())))


def down(config: str, job: str) -> None:
    """Fetch a result several times; prints MB/s of each as JSON."""

    async def fetching() -> list[float]:
        rates = []
        async with await Client.connect(Places(Path(config), Path(config))) as client:
            for _ in range(TIMES):
                began = time.perf_counter()
                with tempfile.TemporaryFile() as sink:
                    await client.fetch(m.JobFile(job=UUID(job), file="flat.mp4"), sink)
                    rates.append(sink.tell() / 1e6 / (time.perf_counter() - began))
        return rates

    print(json.dumps(asyncio.run(fetching())))


# Many clients


def clients(figures: Figures, folder: Path) -> None:
    with served(folder) as service:
        alone = service.resident()
        job, heard = asyncio.run(
            _heard(service, _clip(folder), CLIENTS // CROWDS, steps=CHANGES, pause=1 / CHANGES_A_SECOND)
        )
        states = _states(service.places, job)
        _latency(figures, f"{CLIENTS} clients, {CHANGES} changes of state", heard)
        wrong = sum(one.seqs != states for one in heard)
        figures.show(f"clients of {len(heard)} that missed one or heard it out of order", wrong, "", most=0)
        figures.show("extra memory for each client", (service.resident("VmHWM") - alone) / CLIENTS, "MB")


def deaf(figures: Figures, folder: Path) -> None:
    with served(folder, "--verbose") as service:
        clip = _clip(folder)
        asyncio.run(_visit(service.places, clip))
        _, heard = asyncio.run(_heard(service, clip, 5, steps=DEAF_CHANGES, pause=0.006, length=DEAF_LENGTH))
        _latency(figures, "10 clients alone, long states", heard)
        before = service.resident()
        service.forget_peak()
        _, heard = asyncio.run(_heard(service, clip, 5, steps=DEAF_CHANGES, pause=0.006, length=DEAF_LENGTH, deaf=True))
        _latency(figures, "10 clients beside one that does not read", heard)
        figures.show("memory that it costs, at most", service.resident("VmHWM") - before, "MB", most=2)
        closed = (folder / "service.log").read_text().count("closing a connection: 4008")
        figures.show("times that it was let go with 4008", closed, "", least=1)


def _latency(figures: Figures, who: str, heard: list[Heard]) -> None:
    late = sorted(ms for one in heard for ms in one.late)
    print(f"{who}: {len(late)} deliveries, median {statistics.median(late):.1f} ms, worst {late[-1]:.1f} ms")
    figures.show("from the engine to a client, 99 of 100", late[len(late) * 99 // 100], "ms", most=LATENCY_MS)


async def _heard(
    service: Served, clip: Path, count: int, *, steps: int, pause: float, length: int = 0, deaf: bool = False
) -> tuple[UUID, list[Heard]]:
    """A job that changes its stage often, and what the crowds heard of it."""
    async with await Client.connect(service.places) as client:
        await client.pause()
        settings = {"act": "stages", "steps": str(steps), "pause": str(pause), "length": str(length)}
        job = (await client.submit(await _params(client, clip, **settings))).job
    with contextlib.ExitStack() as stack:
        crowds = [stack.enter_context(_crowd(service.places, job, count)) for _ in range(CROWDS)]
        if deaf:
            stack.callback((await _deaf(service.places, job)).close)
        async with await Client.connect(service.places) as client:
            await client.resume()
        heard = []
        for crowd in crowds:
            said, _ = await asyncio.to_thread(crowd.communicate)
            heard += [Heard(**one) for one in json.loads(said)]
    return job, heard


def _states(places: Places, job: UUID) -> list[int]:
    """The numbers of a job's states, as the journal has them."""
    with contextlib.closing(sqlite3.connect(places.journal)) as journal:
        rows = journal.execute("SELECT seq FROM event WHERE job = ? ORDER BY seq", (str(job),))
        return [seq for (seq,) in rows]


@contextlib.contextmanager
def _crowd(places: Places, job: UUID, count: int) -> Iterator["subprocess.Popen[str]"]:
    """A process of clients that all watch the job."""
    command = [sys.executable, "-m", "tests.benchmarks.crowd", str(places.config), str(job), str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the clients cannot watch")
            yield process
        finally:
            process.kill()


async def _deaf(places: Places, job: UUID) -> asyncio.Transport:
    """A client that watches the job and never reads."""
    found = discover(places.discovery)
    if found is None:
        raise UnreachableError.not_running()
    small = socket.create_connection(("127.0.0.1", found.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    small.setblocking(False)
    lazy = await connect(f"ws://localhost:{found.port}/bridge", sock=small, compression=None, ping_interval=None)
    hello = await greeted(lazy, found.port)
    await identify(lazy, hello, found.port, pairing_token(places.token), "deaf")
    await lazy.send(m.encode(m.JobWatch(id="w", job=job)))
    lazy.transport.pause_reading()
    return lazy.transport


# What is asked


def _clip(folder: Path) -> Path:
    clip = folder / "a clip.mp4"
    clip.write_bytes(bytes(1000))
    return clip


async def _params(client: Client, clip: Path, **settings: str) -> m.JobParams:
    edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
    keyframe = m.KeyframeParams(edited=edited, frame=0)
    return m.JobParams(grant=await client.grant(clip), keyframes=(keyframe,), settings=settings)


PARTS: dict[str, Callable[[Figures, Path], None]] = {
    "idle": idle,
    "transfers": transfers,
    "clients": clients,
    "deaf": deaf,
}

"""Many light clients in one process, each watching the same job: `python -m tests.benchmarks.crowd CONFIG JOB COUNT`.

Prints “ready” when all of them watch, and when the job has ended what they heard, as JSON.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from bridge_server.desktop.instance import discover
from bridge_server.desktop.paths import Places
from bridge_server.errors import UnreachableError
from bridge_server.handshake import dial, greeted, identify
from bridge_server.protocol import messages as m
from bridge_server.security import pairing_token

Come = list[tuple[int, str | bytes]]
"""What came, and its time.monotonic_ns(): looked at when all is over, so that looking costs nobody time."""


@dataclass(frozen=True)
class Heard:
    """What a client heard: the numbers of the states, and the ms from the engine's telling of each stage."""

    seqs: list[int]
    late: list[float]


async def listen(places: Places, port: int, job: UUID, entrance: asyncio.Lock, ready: asyncio.Barrier) -> Come:
    """One client: everything that it hears of the job, up to its end."""
    async with entrance:
        socket = await dial(port)
        hello = await greeted(socket, port)
        await identify(socket, hello, port, pairing_token(places.token), "crowd")
    await socket.send(m.encode(m.JobWatch(id="w", job=job)))
    come: Come = [(time.monotonic_ns(), await socket.recv())]
    async with ready:
        pass
    while not (isinstance(come[-1][1], str) and '"state":"done"' in come[-1][1]):
        message = await socket.recv()
        come.append((time.monotonic_ns(), message))
    await socket.close()
    return come


def heard(come: Come) -> Heard:
    seqs, late = [], []
    for at, text in come:
        message = json.loads(text)
        if message["type"] == "job.state":
            seqs.append(message["seq"])
            said = (message["data"]["message"] or "").rstrip(".")
            if said.isdecimal():
                late.append((at - int(said)) / 1e6)
    return Heard(seqs, late)


async def crowd(places: Places, job: UUID, count: int) -> list[Heard]:
    found = discover(places.discovery)
    if found is None:
        raise UnreachableError.not_running()
    entrance, ready = asyncio.Lock(), asyncio.Barrier(count + 1)
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(listen(places, found.port, job, entrance, ready)) for _ in range(count)]
        async with ready:
            print("ready", flush=True)
    return [heard(task.result()) for task in listening]


if __name__ == "__main__":
    config = Path(sys.argv[1])
    told = asyncio.run(crowd(Places(config, config), UUID(sys.argv[2]), int(sys.argv[3])))
    print(json.dumps([asdict(one) for one in told]))

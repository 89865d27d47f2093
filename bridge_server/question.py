"""One question to the engine: asked, listened to, cancelled, and given up when the engine is beyond hope."""

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from bridge_server.child import Child
from bridge_server.errors import WorkerError
from engine.request import Event

JsonObject = dict[str, Any]
OnEvent = Callable[[Event], None]

TICK = 1.0
"""Longest single wait for the engine, in seconds: what is slept through falls into one wait, and only that is lost."""

WORK = 1.0
"""Seconds of processor time that are work; the heart alone takes less in the whole of `stall`."""

OVERSLEPT = 1.0
"""A wait that ends later than it should by so many seconds shows that this process, or the machine, was suspended."""

log = logging.getLogger("videoshop.engine")


@dataclass(frozen=True)
class Patience:
    """Seconds: `silence` without a heartbeat until the engine counts as hung, `gentle` from asking it to cancel until
    it is killed, `farewell` from closing its stdin until it is killed, `idle` from its last answer until it is ended;
    `stall` without an event and without any work of the processor until it counts as stuck.
    """

    silence: float = 30.0
    stall: float = 300.0
    gentle: float = 0.7
    farewell: float = 2.0
    idle: float = 300.0


PATIENCE = Patience()


@dataclass(frozen=True)
class Question:
    """`memory`: the most bytes that the engine may hold. `seconds`: how long it may take; a suspended machine's sleep
    does not count. `cancel` is set from outside."""

    do: str
    arguments: JsonObject
    on_event: OnEvent
    cancel: asyncio.Event
    memory: int
    seconds: float = math.inf

    async def ask(self, child: Child, patience: Patience) -> JsonObject | WorkerError:
        """The engine's answer: a result, or the error that it reports. Raises WorkerError where it gives none: then
        the engine is of no use any more, and is still to be ended."""
        id = uuid4().hex
        child.say({"id": id, "do": self.do, **self.arguments})
        asked = asyncio.create_task(self.cancel.wait())
        reading = asyncio.create_task(child.hear())
        silence, stall, left, gentle = patience.silence, patience.stall, self.seconds, math.inf
        pulse = Pulse()
        try:
            while True:
                pause = min(TICK, silence, stall, left, gentle)
                waking, overslept = await _wait({reading} if gentle < math.inf else {reading, asked}, pause)
                left, gentle, stall = left - waking, gentle - waking, stall - waking
                silence = patience.silence if overslept or reading.done() else silence - waking
                if reading.done():
                    message = message_of(await self._line(reading, child, patience, gentle))
                    stall = patience.stall if pulse.beats(message) else stall
                    answer = self._understood(message, id)
                    if answer is not None:
                        return answer
                    reading = asyncio.create_task(child.hear())
                if asked.done() and gentle == math.inf:
                    gentle = patience.gentle
                    child.say({"id": id, "do": "cancel"})
                if gentle <= 0:
                    raise WorkerError.stopped()
                if left <= 0:
                    raise WorkerError.too_long(self.seconds)
                if silence <= 0:
                    raise WorkerError.hung(patience.silence, _ref())
                if stall <= 0:
                    raise WorkerError.stuck(patience.stall, _ref())
        finally:
            asked.cancel()
            reading.cancel()

    async def _line(self, reading: asyncio.Task[bytes], child: Child, patience: Patience, gentle: float) -> bytes:
        """What was read. Raises WorkerError when it is the end."""
        try:
            line = reading.result()
            if line:
                return line
            if gentle < math.inf:
                raise WorkerError.stopped()
            exit_code = await asyncio.wait_for(child.exit_code(), patience.farewell)
        except (ValueError, TimeoutError):  # an endless line, or an end of stdout alone: this is no engine of ours
            raise WorkerError.misunderstood(self.do) from None
        raise WorkerError.crashed(exit_code, _ref())

    def _understood(self, message: JsonObject, id: str) -> JsonObject | WorkerError | None:
        """The answer, if the message brings it. Raises WorkerError for one that this bridge does not know."""
        if held(message) > self.memory:
            raise WorkerError.out_of_memory(self.memory, _ref())
        match message:
            case {"id": str(said)} if said != id:
                return None
            case {"event": told}:
                try:
                    event = Event.model_validate(told)
                except ValidationError:
                    raise WorkerError.misunderstood(self.do) from None
                self.on_event(event)
            case {"done": dict(done)}:
                return done
            case {"error": {"code": str(code), "message": str(text), "hint": str(hint), **more}}:
                ref = more.get("ref")
                return WorkerError(code, text, hint, ref=ref if isinstance(ref, str) else None)
            case {"id": _}:
                raise WorkerError.misunderstood(self.do)
        return None


class Pulse:
    """Whether an engine that lives also works: it tells of its work, or its processor time goes on.

    Damaged media can make a decoder's threads wait for each other for ever, while the heart goes on beating.
    """

    def __init__(self) -> None:
        self._busy = 0.0

    def beats(self, message: JsonObject) -> bool:
        busy = message.get("cpu")
        if isinstance(busy, (int, float)) and busy >= self._busy + WORK:
            self._busy = busy
            return True
        return "event" in message


def message_of(line: bytes) -> JsonObject:
    """The message of a line; an empty one where it is none."""
    with contextlib.suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict):
            return message
    log.warning("the engine said what is no message: %r", line[:200])
    return {}


def held(message: JsonObject) -> int:
    """The bytes of memory that a heartbeat tells of; 0 in another message."""
    told = message.get("rss")
    return told if isinstance(told, int) else 0


async def _wait(tasks: set[asyncio.Task[Any]], seconds: float) -> tuple[float, bool]:
    """Wait until one of the tasks is done, at most so long: the seconds that this process was awake for it, and
    whether it, or the whole machine, was suspended meanwhile."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    took = loop.time() - began
    return (min(took, seconds) if done else seconds), took > seconds + OVERSLEPT


def _ref() -> str:
    return uuid4().hex[:12]

"""The engine process, seen from its parent: started when needed, watched, replaced, and let go when nobody asks."""

import asyncio
import contextlib
import logging
import math
import os
import shlex
import signal
import sys
from collections import deque
from collections.abc import Sequence

from bridge_server.child import Child
from bridge_server.desktop.frozen import own_engine
from bridge_server.desktop.paths import Places
from bridge_server.errors import WorkerError
from bridge_server.question import PATIENCE, JsonObject, OnEvent, Patience, Question, held, message_of

__all__ = ["ENGINE", "PATIENCE", "EngineProcess", "JsonObject", "OnEvent", "Patience", "engine_command", "run"]

ENGINE = "VIDEOSHOP_ENGINE"
"""Environment variable that names another engine command: one in an environment of its own, or a simulated one."""

MEMORY_SHARE = 0.9
"""How much of the machine's memory the engine may hold: beyond it the system swaps, or kills whom it likes."""

log = logging.getLogger("videoshop.engine")


def engine_command() -> tuple[str, ...]:
    """How the engine process is started: in the environment installed for it, else with what this process has."""
    other = os.environ.get(ENGINE)
    if other:
        return tuple(shlex.split(other))
    from bridge_server.desktop import runtime  # not before it is needed: an idle service stays small

    return runtime.command(Places.of_user()) or own_engine()


class EngineProcess:
    """One engine process. It answers one question at a time; a crash ends the question, not this object.

    An engine that holds more than `memory` bytes is stopped (None: MEMORY_SHARE of the machine's). With `hard_memory`
    it cannot take more than that in the first place: Linux limits its addresses, Windows what it commits. macOS
    enforces no such limit; there it is stopped by what its heartbeats tell.

    It does not outlive this process, however this one ends: on Linux and Windows the system sees to it. On macOS it
    ends with its stdin, but one that is stopped (SIGSTOP) only when it goes on. On Linux the system ends it also with
    the thread that asked first, so that this belongs to an event loop that stays.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        patience: Patience = PATIENCE,
        *,
        memory: int | None = None,
        hard_memory: int | None = None,
    ) -> None:
        self._command = command
        self._patience = patience
        self._memory, self._hard_memory = memory, hard_memory
        self._child: Child | None = None
        self._started: tuple[str, ...] = ()
        self._resting: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._asked: set[asyncio.Event] = set()
        self.stderr: deque[str] = deque(maxlen=200)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._child.pid if self._child is not None and self._child.lives else None

    @property
    def busy(self) -> bool:
        """Whether a question runs."""
        return bool(self._asked)

    async def ask(
        self,
        do: str,
        arguments: JsonObject,
        on_event: OnEvent = lambda event: None,
        *,
        seconds: float | None = None,
    ) -> JsonObject:
        """Run a command of `engine.commands` and return its result, within `seconds` if they are given.

        Raises WorkerError. Cancelling the task that waits here kills the process; `cancel` asks it first.
        """
        cancel = asyncio.Event()
        self._asked.add(cancel)
        try:
            async with self._asking:
                if cancel.is_set():
                    raise WorkerError.stopped()
                return await self._answer(do, arguments, on_event, math.inf if seconds is None else seconds, cancel)
        finally:
            self._asked.discard(cancel)

    async def _answer(
        self, do: str, arguments: JsonObject, on_event: OnEvent, seconds: float, cancel: asyncio.Event
    ) -> JsonObject:
        """The answer to the one question that is asked now."""
        answer = None
        try:
            child = await self._awake()
            if cancel.is_set():
                raise WorkerError.stopped()
            question = Question(do, arguments, on_event, cancel, self._limit(), seconds)
            answer = await question.ask(child, self._patience)
        except WorkerError as error:
            if self._child is not None:
                await self._child.kill()  # before the log: its last words come with its end
            if error.ref is not None:
                log.error("%s %s\n%s", error.ref, error.message, "\n".join(list(self.stderr)[-30:]))
            raise
        finally:
            if answer is not None:
                self._resting = asyncio.create_task(self._rest(child))
            elif self._child is not None:
                await self._child.kill()
        if isinstance(answer, WorkerError):
            raise answer
        return answer

    def cancel(self) -> None:
        """Stop what is asked, gently then firmly, and what waits to be: `ask` raises WorkerError “cancelled”."""
        for asked in self._asked:
            asked.set()

    async def release(self) -> None:
        """End the process now if no question runs, so that its memory is free. It is started again if it is asked."""
        if not self.busy:
            async with self._asking:
                await self._end()

    async def close(self) -> None:
        """Cancel the running question, and end the process. It is started again if it is asked again."""
        self.cancel()
        await self._end()

    async def _end(self) -> None:
        await self._stir()
        if self._child is not None:
            await self._child.end(self._patience.farewell)

    async def _awake(self) -> Child:
        """The process, started if it does not run, and replaced if it is not what would be started now.

        Raises WorkerError.
        """
        await self._stir()
        command = tuple(self._command) if self._command is not None else engine_command()
        if self._child is not None and self._child.lives and command != self._started:
            await self._child.end(self._patience.farewell)  # its environment was installed, replaced or removed
        if self._child is None or not self._child.lives:
            bounds = ("--memory", str(self._hard_memory)) if self._hard_memory is not None else ()
            try:
                self._child = await Child.start((*command, *bounds), self.stderr, self._hard_memory)
            except OSError as error:
                raise WorkerError.cannot_start(error.strerror or str(error)) from None
            self._started = command
        return self._child

    async def _rest(self, child: Child) -> None:
        """Between questions: end the process when none comes, when it holds too much, and when it ended itself."""
        with contextlib.suppress(TimeoutError, ValueError):
            async with asyncio.timeout(self._patience.idle):
                while (line := await child.hear()) and held(message_of(line)) <= self._limit():
                    pass
        await child.end(self._patience.farewell)

    async def _stir(self) -> None:
        """Stop resting; a process that is just being ended is killed."""
        if self._resting is not None:
            self._resting.cancel()
            await asyncio.wait({self._resting})

    def _limit(self) -> int:
        """The most bytes that the process may hold."""
        if self._memory is None:
            from engine.machine import total_memory  # not before it is needed: an idle service stays small

            self._memory = int(total_memory() * MEMORY_SHARE)
        return min(self._memory, self._hard_memory or self._memory)


def run(do: str, arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    """Run one command in an engine process of its own, outside any event loop; Ctrl-C cancels it gently.

    Raises WorkerError: with code “cancelled” after Ctrl-C.
    """
    return asyncio.run(_run(do, arguments, on_event))


async def _run(do: str, arguments: JsonObject, on_event: OnEvent) -> JsonObject:
    engine = EngineProcess(patience=Patience(gentle=5.0))  # nobody else waits: let it tidy up
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(engine.cancel))
    else:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, engine.cancel)
    try:
        return await engine.ask(do, arguments, on_event)
    except WorkerError as error:
        await engine.close()
        if error.ref is not None:
            print("\n".join(engine.stderr), file=sys.stderr)
        raise
    finally:
        await engine.close()

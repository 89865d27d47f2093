"""The engine process, seen from its parent: started when needed, watched, cancelled, replaced."""

import asyncio
import contextlib
import json
import logging
import os
import shlex
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from bridge_server.errors import WorkerError
from engine.request import Event

JsonObject = dict[str, Any]
OnEvent = Callable[[Event], None]

ENGINE = "VIDEOSHOP_ENGINE"
"""Environment variable that names another engine command: one in an environment of its own, or a simulated one."""

LINE_BYTES = 64 << 20
"""Most bytes of one line of the engine: a report has a few numbers for each frame."""

log = logging.getLogger("videoshop.engine")


@dataclass(frozen=True)
class Patience:
    """Seconds: `silence` without a heartbeat until the engine counts as hung, `gentle` from asking it to cancel until
    it is killed, `farewell` from closing its stdin until it is killed."""

    silence: float = 30.0
    gentle: float = 0.7
    farewell: float = 2.0


PATIENCE = Patience()


def engine_command() -> tuple[str, ...]:
    """How the engine process is started. `-P` keeps the working folder out of its imports."""
    other = os.environ.get(ENGINE)
    return tuple(shlex.split(other)) if other else (sys.executable, "-P", "-m", "engine.worker")


class EngineProcess:
    """One engine process. It answers one question at a time; a crash ends the question, not this object."""

    def __init__(self, command: Sequence[str] | None = None, patience: Patience = PATIENCE) -> None:
        self._command = tuple(command) if command is not None else engine_command()
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._cancel: asyncio.Event | None = None
        self.stderr: deque[str] = deque(maxlen=200)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def ask(self, do: str, arguments: JsonObject, on_event: OnEvent = lambda event: None) -> JsonObject:
        """Run a command of `engine.worker` and return its result. Raises WorkerError.

        Cancelling the task that waits here kills the process; `cancel` asks it first.
        """
        async with self._asking:
            self._cancel = asyncio.Event()
            answered = False
            try:
                process = await self._running()
                id = uuid4().hex
                await self._send(process, {"id": id, "do": do, **arguments})
                answer = await self._conversation(process, id, on_event, self._cancel)
                answered = True
            finally:
                self._cancel = None
                if not answered:
                    await self._kill()
            if isinstance(answer, WorkerError):
                raise answer
            return answer

    def cancel(self) -> None:
        """Stop the running question, gently then firmly: `ask` raises WorkerError with code “cancelled”."""
        if self._cancel is not None:
            self._cancel.set()

    async def close(self) -> None:
        """End the process. It is started again if it is asked again."""
        process = self._process
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self._patience.farewell)
        await self._kill()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._kill()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LINE_BYTES,
                start_new_session=True,  # the terminal's Ctrl-C reaches the parent alone, who asks to cancel
            )
        except OSError as error:
            raise WorkerError.cannot_start(error.strerror or str(error)) from None
        self._process = process
        self._listener = asyncio.create_task(self._listen(process))
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last lines of stderr: what `ref` in an error leads to."""
        if process.stderr is None:
            return
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # a line beyond the limit
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:2000]
            self.stderr.append(text)
            log.info("%s", text)

    async def _send(self, process: asyncio.subprocess.Process, message: JsonObject) -> None:
        if process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):  # its end shows at stdout, with the exit code
            process.stdin.write(json.dumps(message).encode() + b"\n")
            await process.stdin.drain()

    async def _conversation(
        self, process: asyncio.subprocess.Process, id: str, on_event: OnEvent, cancel: asyncio.Event
    ) -> JsonObject | WorkerError:
        """The engine's answer: a result, or the error that it reports. Raises WorkerError when it gives none."""
        loop = asyncio.get_running_loop()
        asked = asyncio.create_task(cancel.wait())
        reading: asyncio.Task[bytes] | None = None
        firm = None  # when a cancelled engine is killed
        try:
            while True:
                if reading is None:
                    reading = asyncio.create_task(self._line(process))
                patience = self._patience.silence if firm is None else max(0.0, firm - loop.time())
                waiting: set[asyncio.Task[Any]] = {reading} if firm is not None else {reading, asked}
                done, _ = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if reading in done:
                    line, reading = reading.result(), None
                    if not line:
                        raise WorkerError.stopped() if firm is not None else await self._crashed(process)
                    answer = self._understood(line, id, on_event)
                    if answer is not None:
                        return answer
                if firm is None and asked.done():
                    firm = loop.time() + self._patience.gentle
                    await self._send(process, {"id": id, "do": "cancel"})
                elif not done:
                    raise WorkerError.stopped() if firm is not None else self._hung()
        finally:
            asked.cancel()
            if reading is not None:
                reading.cancel()

    async def _line(self, process: asyncio.subprocess.Process) -> bytes:
        if process.stdout is None:
            return b""
        try:
            return await process.stdout.readline()
        except ValueError:  # a line beyond the limit: this is no engine of ours
            return b""

    def _understood(self, line: bytes, id: str, on_event: OnEvent) -> JsonObject | WorkerError | None:
        """The answer, if the line brings it."""
        try:
            message = json.loads(line)
            if not isinstance(message, dict) or message.get("id") != id:
                return None  # a heartbeat
            if "event" in message:
                on_event(Event.model_validate(message["event"]))
                return None
        except (ValueError, ValidationError):
            log.warning("the engine said what is no message: %r", line[:200])
            return None
        if "error" in message:
            fault = message["error"]
            return WorkerError(fault["code"], fault["message"], fault["hint"], ref=fault.get("ref"))
        done = message.get("done")
        return done if isinstance(done, dict) else None

    async def _crashed(self, process: asyncio.subprocess.Process) -> WorkerError:
        exit_code = await process.wait()
        if self._listener is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._listener), 1)
        error = WorkerError.crashed(exit_code, uuid4().hex[:12])
        log.error("%s %s\n%s", error.ref, error.message, "\n".join(list(self.stderr)[-30:]))
        return error

    def _hung(self) -> WorkerError:
        error = WorkerError.hung(self._patience.silence, uuid4().hex[:12])
        log.error("%s %s\n%s", error.ref, error.message, "\n".join(list(self.stderr)[-30:]))
        return error

    async def _kill(self) -> None:
        process, self._process = self._process, None
        listener, self._listener = self._listener, None
        if process is not None:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()
        if listener is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listener, 1)


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

"""A child process that is spoken to and heard in lines, and ends gently, then firmly."""

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

LINE_BYTES = 64 << 20
"""Most bytes of one line of the child: a report has a few numbers for each frame."""

LAST_WORDS_SECONDS = 1.0
"""How long the rest of the stderr of a child that ended is waited for: another process may hold it open."""

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows, a console program that is started without a console would open one."""

log = logging.getLogger("videoshop.engine")


class Child:
    """A process, its three pipes, and on Windows the job object that ends it with this process."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: deque[str]) -> None:
        self._process = process
        self._leaving = False
        self._listener = asyncio.create_task(self._listen(stderr))
        self._bonds = contextlib.ExitStack()

    @classmethod
    async def start(cls, command: Sequence[str], stderr: deque[str], memory: int | None = None) -> Self:
        """`stderr` gets the lines of the child's stderr; `memory` bounds it on Windows. Raises OSError."""
        from bridge_server.desktop.outside import environment  # an idle service stays small

        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            limit=LINE_BYTES,
            start_new_session=True,  # the terminal's Ctrl-C reaches the parent alone, who asks to cancel
            creationflags=NO_WINDOW,
        )
        child = cls(process, stderr)
        if sys.platform == "win32":
            from bridge_server.desktop.job_object import JobObject

            try:
                child._bonds.callback(JobObject.of(process.pid, memory).close)
            except OSError:
                await child.kill()
                raise
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it can be spoken to."""
        return self._process.returncode is None and not self._leaving

    def say(self, message: dict[str, Any]) -> None:
        """Write one line, without waiting for it to be read: whether anybody reads shows in `hear`."""
        if self._process.stdin is not None and not self._leaving:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def hear(self) -> bytes:
        """The next line of its stdout; nothing at the end. It may be cancelled: no byte is lost.

        Raises ValueError for a line beyond LINE_BYTES.
        """
        return await self._process.stdout.readline() if self._process.stdout is not None else b""

    async def exit_code(self) -> int:
        """Wait for its end; minus the signal where one killed it."""
        return await self._process.wait()

    async def end(self, farewell: float) -> None:
        """Close its stdin, and kill it if it still runs after `farewell` seconds, or if the wait is cancelled."""
        self._leaving = True
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), farewell)
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End it now, if it runs, and wait for its last words."""
        self._leaving = True
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        await asyncio.wait({self._listener}, timeout=LAST_WORDS_SECONDS)
        self._bonds.close()

    async def _listen(self, stderr: deque[str]) -> None:
        """Keep the last lines of stderr: what `ref` in an error leads to."""
        if self._process.stderr is None:
            return
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # a line beyond the limit
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:2000]
            stderr.append(text)
            log.info("%s", text)

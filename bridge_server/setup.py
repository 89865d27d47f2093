"""What is installed beside the service, as its clients see it: one thing is done at a time, in a process of its own."""

import asyncio
import contextlib
import json
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from bridge_server.child import Child
from bridge_server.desktop.faults import SetupError
from bridge_server.desktop.frozen import frozen
from bridge_server.desktop.program import CONSOLE
from bridge_server.desktop.setting_up import Outcome, Wish
from bridge_server.errors import BridgeError
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import Arrange

LOOK_SECONDS = 60.0
"""How long the system may take to say how everything stands."""
FAREWELL_SECONDS = 5.0
"""How long what is stopped may take to tidy up."""

log = logging.getLogger("videoshop.setup")


@dataclass(frozen=True)
class Asked:
    """Something that waits for its turn."""

    part: str
    do: Literal["install", "remove"]
    accepted: bool
    token: str | None


class Setup:
    """`answer` what clients arrange; `tell` hears of every change, `on_origin` when a page more is to be let in.

    `release` ends engine processes that only rest: they hold the files of what is removed. `command` starts the process
    of `setting_up`.
    """

    def __init__(
        self,
        tell: Callable[[m.SetupState], None],
        on_origin: Callable[[], None],
        release: Callable[[], Awaitable[None]],
        command: Sequence[str] | None = None,
    ) -> None:
        self._tell, self._on_origin, self._release = tell, on_origin, release
        self._command = tuple(command or own_step())
        self._parts: tuple[m.Part, ...] = ()
        self._errors: dict[str, m.Fault] = {}
        self._todo: dict[str, tuple[str, ...]] = {}
        self._waiting: deque[Asked] = deque()
        self._work: m.Work | None = None
        self._child: Child | None = None
        self._looking: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def state(self) -> m.SetupState:
        parts = tuple(
            part.model_copy(update={"error": self._errors.get(part.part), "todo": self._todo.get(part.part, ())})
            for part in self._parts
        )
        return m.SetupState(parts=parts, work=self._work, waiting=tuple(asked.part for asked in self._waiting))

    async def answer(self, arrange: Arrange) -> m.SetupState | BridgeError:
        try:
            await self._arranged(arrange)
        except BridgeError as error:
            return error
        return self.state

    async def _arranged(self, arrange: Arrange) -> None:
        if self._work is None:  # while something is done the parts are as they were before
            await self._look()
        match arrange.do:
            case "install" | "remove":
                self._want(Asked(arrange.part, arrange.do, arrange.accepted, arrange.token))
            case "stop":
                await self._stop(arrange.part)
            case "look":
                pass

    def _want(self, asked: Asked) -> None:
        """Have something done when its turn comes. Raises SetupError."""
        part = next((one for one in self._parts if one.part == asked.part), None)
        if part is None:
            raise SetupError.unknown_part(asked.part)
        if asked.do == "install" and part.licence is not None and not asked.accepted:
            raise SetupError.not_accepted(asked.part, part.licence.terms)
        doing = [self._work.doing] if self._work is not None and self._work.part == asked.part else []
        doing += [one.do for one in self._waiting if one.part == asked.part]
        if any(do != asked.do for do in doing):
            raise SetupError.under_way(asked.part)
        if not doing:
            self._waiting.append(asked)
            if self._working is None or self._working.done():
                self._working = asyncio.create_task(self._work_on(), name="setup")
            self._tell(self.state)

    async def _stop(self, part: str) -> None:
        """Raises SetupError where nothing is done to the part and nothing would be."""
        waiting = [asked for asked in self._waiting if asked.part != part]
        if len(waiting) < len(self._waiting):
            self._waiting = deque(waiting)
            self._tell(self.state)
        elif self._work is not None and self._work.part == part:
            self._stopped = True
            if self._child is not None:
                await self._child.end(FAREWELL_SECONDS)
        else:
            raise SetupError.nothing_to_stop(part)

    async def close(self) -> None:
        """Stop everything; what was fetched is kept."""
        self._waiting.clear()
        for task in (self._working, self._looking):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (self._working, self._looking) if task), return_exceptions=True)

    # Doing it

    async def _work_on(self) -> None:
        while self._waiting:
            asked = self._waiting.popleft()
            self._stopped = False
            self._work = m.Work(part=asked.part, doing=asked.do)
            self._errors.pop(asked.part, None)
            self._todo.pop(asked.part, None)
            self._tell(self.state)
            try:
                await self._take(asked)
            finally:
                self._work = None
            with contextlib.suppress(BridgeError):  # it was said just now what went wrong
                if self._looking is not None:
                    await asyncio.wait({self._looking})  # it may have begun before
                await self._look()
            self._tell(self.state)

    async def _take(self, asked: Asked) -> None:
        """Do one thing, and keep what came of it."""
        wish = Wish(do=asked.do, part=asked.part, accepted=asked.accepted, token=asked.token)
        try:
            if asked.do == "remove":
                await self._release()
            outcome = await self._run(wish, self._advance)
        except SetupError as error:
            if not self._stopped:
                self._errors[asked.part] = m.Fault.of(error)
            return
        if outcome.error is not None and not self._stopped:
            log.warning("%s: %s", outcome.error.code, outcome.error.message)
            self._errors[asked.part] = outcome.error
        if outcome.todo:
            self._todo[asked.part] = outcome.todo
        if outcome.origin:
            self._on_origin()

    def _advance(self, told: dict[str, Any]) -> None:
        with contextlib.suppress(ValidationError):  # a step is no result
            work = m.Work.model_validate_json(json.dumps(told))
            if self._work is not None and work.part == self._work.part:
                self._work = work
                self._tell(self.state)

    async def _look(self) -> None:
        """Have the parts looked at; whoever asks meanwhile waits for the same answer. Raises SetupError."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._looked(), name="setup's look")
        await asyncio.shield(self._looking)

    async def _looked(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                outcome = await self._run(Wish(do="look"), lambda told: None)
        except TimeoutError:
            raise SetupError.failed("", f"it said nothing for {LOOK_SECONDS:.0f} s") from None
        if outcome.error is not None:
            raise SetupError.failed("", outcome.error.message.rstrip("."))
        self._parts = outcome.parts or ()

    async def _run(self, wish: Wish, on_work: Callable[[dict[str, Any]], None]) -> Outcome:
        """What came of a wish in a process of its own, which ends with this task. Raises SetupError."""
        stderr: deque[str] = deque(maxlen=20)
        try:
            child = await Child.start(self._command, stderr)
        except OSError as error:
            raise SetupError.failed(wish.part, error.strerror or str(error)) from None
        if wish.do != "look":
            self._child = child
        try:
            if wish.do != "look" and self._stopped:  # before it began
                return Outcome(stopped=True)
            child.say(wish.model_dump(mode="json"))
            while line := await child.hear():
                told = json.loads(line)
                if "work" not in told:
                    return Outcome.model_validate_json(line)
                on_work(told["work"])
        except (ValueError, TypeError):  # pydantic's and json's, and a line without end
            raise SetupError.failed(wish.part, "its process said what nobody understands") from None
        finally:
            if wish.do != "look":
                self._child = None
            await child.end(FAREWELL_SECONDS)
        words = [line for line in stderr if line.strip()]
        raise SetupError.failed(wish.part, words[-1].rstrip(".") if words else "its process ended")


def own_step() -> tuple[str, ...]:
    """How the process of `setting_up` is started: by this very version, and by the program that has a console, without
    which Windows gives it no input."""
    if frozen():
        own = Path(sys.executable)
        return (str(own.with_name(f"{CONSOLE}{own.suffix}")), "setup-step")
    return (sys.executable, "-P", "-m", "bridge_server.cli", "setup-step")

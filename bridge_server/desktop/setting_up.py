"""The process in which the service has parts looked at, installed and removed: one line of JSON in, lines of it out.

It stops gently when its input ends, with the service or by its wish; what was there before stays, and what was fetched.
"""

import _thread
import json
import sys
import threading
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge_server.desktop.faults import SetupError
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError
from bridge_server.protocol import messages as m

TELL_SECONDS = 0.2
"""Between two steps of one phase that are told."""


class Wish(BaseModel):
    """The line that comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["look", "install", "remove"]
    part: Annotated[str, Field(max_length=64)] = ""
    accepted: bool = False
    token: str | None = None


class Outcome(BaseModel):
    """The last line that goes out. `parts`: how they stand, unless it `stopped` or there is an `error`. `todo`: what is
    left to the person; `origin`: the settings let one more page in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    parts: tuple[m.Part, ...] | None = None
    todo: tuple[str, ...] = ()
    origin: bool = False
    error: m.Fault | None = None
    stopped: bool = False


def run() -> None:
    """Do what one line of standard input says."""
    wish = Wish.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_until_alone, daemon=True).start()
    try:
        outcome = _done(wish)
    except KeyboardInterrupt:
        outcome = Outcome(stopped=True)
    except BridgeError as error:
        outcome = Outcome(stopped=True) if error.code == "cancelled" else Outcome(error=m.Fault.of(error))
    except OSError as error:
        outcome = Outcome(error=m.Fault.of(SetupError.failed(wish.part, error.strerror or str(error))))
    print(json.dumps(outcome.model_dump(mode="json")), flush=True)  # in ASCII, whatever the system's encoding is


def _until_alone() -> None:
    """Interrupt the work, as Ctrl-C does, when the input ends."""
    while sys.stdin.read(1):
        pass
    _thread.interrupt_main()


def _done(wish: Wish) -> Outcome:
    from bridge_server.desktop import parts, plugins  # the service, which knows this module, does not need them

    places, hosts = Places.of_user(), plugins.Hosts.here()
    todo: tuple[str, ...] = ()
    origin = False
    match wish.do:
        case "install":
            told = parts.install(places, hosts, wish.part, _Teller(), accepted=wish.accepted, token=wish.token)
            if told is not None:
                todo, origin = told.then, told.origin
                if not told.done:
                    return Outcome(error=m.Fault.of(SetupError.by_hand(told.says)), todo=told.then)
        case "remove":
            todo = tuple(parts.remove(places, hosts, wish.part))
    return Outcome(parts=parts.parts(places, hosts), todo=todo, origin=origin)


class _Teller:
    """Prints steps, not more often than anybody reads them."""

    def __init__(self) -> None:
        self._told, self._phase = 0.0, ""

    def __call__(self, work: m.Work) -> None:
        now = time.monotonic()
        if work.phase != self._phase or now - self._told >= TELL_SECONDS:
            self._told, self._phase = now, work.phase
            print(json.dumps({"work": work.model_dump(mode="json")}), flush=True)

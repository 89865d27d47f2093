"""The engine as a child process: `python -m engine.worker [--memory BYTES]`.

One JSON object a line. In, on stdin: {"id", "do", …arguments} asks for a command; {"id", "do": "cancel"} stops the
command of that id. Out, on stdout: {"id", "event"} while it works, then {"id", "done"} or {"id", "error": {code,
message, hint}}; {"heartbeat": n, "rss": bytes, "cpu": seconds} every second says that the process lives, what memory
it holds and how much it has computed. Nothing else is printed on stdout. The end of stdin means that the parent is
gone: the command is cancelled and the process ends.

One command runs at a time, on the main thread; the rest of the work is a reader of stdin and a heart.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import BinaryIO
from uuid import uuid4

from pydantic import ValidationError

from engine.commands import COMMANDS, Command, JsonObject
from engine.confine import die_with_parent, limit_memory
from engine.errors import Cancelled, EngineError, ResourceError, SettingsError
from engine.machine import resident_memory
from engine.request import Event

HEARTBEAT_SECONDS = 1.0
LAST_SECONDS = 5.0
"""How long a command may take to stop once the parent is gone."""

OPENCV_NO_MEMORY = -4
"""`cv2.Error.StsNoMem`, the `code` of OpenCV's own errors, which are no MemoryErrors; the process may not have it."""


class Worker:
    """Runs commands that come in as lines, and tells how they go."""

    def __init__(self, commands: Mapping[str, Command], source: BinaryIO, sink: BinaryIO) -> None:
        self._commands, self._source, self._sink = commands, source, sink
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[JsonObject | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._orphaned = threading.Event()

    def serve(self) -> None:
        """Run commands until stdin ends."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, name="heart", daemon=True).start()
        while (message := self._waiting.get()) is not None:
            if not self._orphaned.is_set():
                self._run(message)

    def stop(self) -> None:
        """The parent is gone: stop the command, and the process in any case soon after."""
        if not self._orphaned.is_set():
            self._orphaned.set()
            self._waiting.put(None)
            last = threading.Timer(LAST_SECONDS, os._exit, (1,))
            last.daemon = True
            last.start()

    def _read(self) -> None:
        for line in self._source:
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if not isinstance(message, dict) or not isinstance(message.get("id"), str):
                print("engine.worker: a line on stdin is no command", file=sys.stderr)
            elif message.get("do") == "cancel":
                self._cancelled.add(message["id"])
            else:
                self._waiting.put(message)
        self.stop()

    def _beat(self) -> None:
        beats = 0
        while not self._orphaned.wait(HEARTBEAT_SECONDS):
            beats += 1
            self._write({"heartbeat": beats, "rss": resident_memory(), "cpu": round(time.process_time(), 3)})

    def _run(self, message: JsonObject) -> None:
        id, do = message.pop("id"), message.pop("do", None)

        def on_event(event: Event) -> None:
            if self._orphaned.is_set() or id in self._cancelled:
                raise Cancelled.asked()
            self._write({"id": id, "event": event.model_dump(mode="json", exclude_none=True)})

        try:
            if id in self._cancelled:
                raise Cancelled.asked()
            command = self._commands.get(do) if isinstance(do, str) else None
            if command is None:
                raise SettingsError.unknown_command(do)
            self._write({"id": id, "done": command(message, on_event)})
        except Exception as error:  # the process's boundary: a fault of ours is reported, and the next command runs
            self._write({"id": id, "error": _fault(error)})
        finally:
            self._cancelled.discard(id)

    def _write(self, message: JsonObject) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            with self._writing:
                self._sink.write(line)
                self._sink.flush()
        except OSError:
            self.stop()


def _fault(error: Exception) -> JsonObject:
    """What an error looks like in a message: code, message, hint, and for a fault of ours the `ref` of its lines on
    stderr."""
    known = _known(error)
    if known is not None:
        return {"code": known.code, "message": known.message, "hint": known.hint}
    ref = uuid4().hex[:12]
    print(f"engine.worker: internal fault {ref}", file=sys.stderr)
    traceback.print_exception(error)
    return {**_fault(EngineError.internal(ref)), "ref": ref}


def _known(error: Exception) -> EngineError | None:
    if isinstance(error, EngineError):
        return error
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        return SettingsError.malformed(".".join(str(part) for part in first["loc"]), first["msg"])
    if isinstance(error, MemoryError) or getattr(error, "code", None) == OPENCV_NO_MEMORY:
        return ResourceError.memory_full()
    return None


def main(commands: Mapping[str, Command] = COMMANDS, memory: int | None = None) -> None:
    """Serve commands on stdin and stdout, in at most `memory` bytes. Whatever else is printed goes to stderr."""
    # Torch's threads wait by spinning unless they are told otherwise before it is loaded: beside a host that computes,
    # a run on the CPU then takes ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    parent = os.getppid()
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    worker = Worker(commands, sys.stdin.buffer, sink)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the parent, who asks to cancel
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    die_with_parent(parent)
    if memory is not None:
        limit_memory(memory)
    worker.serve()
    os._exit(0)  # no command runs any more: do not wait for native threads that media libraries leave behind


def memory_asked() -> int | None:
    """The bytes that the command line allows."""
    parser = argparse.ArgumentParser(prog="engine.worker", description="The engine as a child process.")
    parser.add_argument("--memory", type=int, metavar="BYTES", help="most memory that the process may take")
    asked: int | None = parser.parse_args().memory
    return asked


if __name__ == "__main__":
    main(memory=memory_asked())

"""The service's logs: one JSON object a line, in files that turn over, without anything secret in them.

`bridge.log` has what the service does: {"time", "level", "logger", "message"}, and "ref", "job" or what else was given
as `extra`, and "trace". `engine.log` has what the engine process says on stderr. A log that cannot be written stops
nothing: the person is told once.
"""

import json
import logging
import math
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from bridge_server.desktop.paths import private_folder
from bridge_server.redact import safe

BRIDGE, ENGINE = "bridge.log", "engine.log"
BYTES, FILES = 10_000_000, 5
"""The size at which a log turns over, and how many files of it are kept, the one that is written included."""

MESSAGE, TRACE, EXTRA, EXTRAS = 4000, 8000, 500, 16
"""Most characters of a message, of a traceback (its end) and of each other value, and how many of those."""

_ENGINE = "videoshop.engine"
_QUIET = ("videoshop.websockets", "websockets")
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Json = str | int | float | bool | None


def begin(folder: Path, *, verbose: bool, say: Callable[[str], None]) -> Callable[[], None]:
    """Log into files in `folder`, and to stderr too if `verbose`. Returns what ends it.

    `say` hears, once, of a log that cannot be written.
    """
    trouble = _Once(say)
    bridge, engine = LogFile(folder / BRIDGE, trouble), LogFile(folder / ENGINE, trouble)
    bridge.addFilter(lambda record: not _is_engine(record) or record.levelno >= logging.WARNING)
    engine.addFilter(_is_engine)
    handlers: list[logging.Handler] = [bridge, engine]
    if verbose:
        handlers.append(LogStream(trouble))
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    logging.getLogger("videoshop").setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in handlers:
        root.addHandler(handler)

    def end() -> None:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()

    return end


def _is_engine(record: logging.LogRecord) -> bool:
    return record.name == _ENGINE


class LogFile(RotatingFileHandler):
    """A log that only its owner reads. What it cannot write it drops, and tries again with the next line."""

    def __init__(self, path: Path, trouble: Callable[[str], None], size: int = BYTES) -> None:
        super().__init__(path, maxBytes=size, backupCount=FILES - 1, encoding="utf-8", delay=True)
        self._trouble = trouble
        self.setFormatter(JsonLines())

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        private_folder(path.parent)
        path.parent.chmod(0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
        path.chmod(0o600)
        if _ends_within_a_line(path):  # the disk was full, or the service died, in the middle of it
            file.write("\n")
        return file

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        self._let_go()
        self._trouble(_fault(record))

    def _let_go(self) -> None:
        """Close the file, with what waits to be written; the next line opens it afresh."""
        file, self.stream = self.stream, None
        if file is not None:
            try:
                file.close()
            except OSError:  # said already
                return


class LogStream(logging.StreamHandler[TextIO]):
    """The log on stderr, for a person to read."""

    def __init__(self, trouble: Callable[[str], None]) -> None:
        super().__init__(sys.stderr)
        self._trouble = trouble
        self.setFormatter(PlainLines())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        self._trouble(_fault(record))


def _fault(record: logging.LogRecord) -> str:
    """What just went wrong with a record, without its values."""
    error = sys.exc_info()[1]
    if isinstance(error, OSError):
        return f"The log cannot be written: {error.strerror or type(error).__name__}."
    return f"A line of {record.name} could not be logged ({type(error).__name__})."


def _ends_within_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


class _Once:
    """Says the first thing that it is told, and no other."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._said = say, False

    def __call__(self, text: str) -> None:
        if not self._said:
            self._said = True
            self._say(text)


class JsonLines(logging.Formatter):
    """A record as one line of JSON, redacted."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Json] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": safe(record.name, EXTRA),
            "message": _message(record),
        }
        given = ((key, value) for key, value in vars(record).items() if key not in _ORDINARY)
        for _, (key, value) in zip(range(EXTRAS), given, strict=False):
            line.setdefault(safe(key, EXTRA), _value(value))
        trace = _trace(self, record)
        if trace:
            line["trace"] = trace
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


class PlainLines(logging.Formatter):
    """A record for a person to read, redacted like the file's."""

    def format(self, record: logging.LogRecord) -> str:
        told = "\n".join(filter(None, (_message(record), _trace(self, record))))
        return f"{_time(record)} {record.levelname} {record.name} {told}".replace("\n", "\n    ")


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """The message; of paths among its arguments the name alone, so that the rest of the line is kept."""
    if isinstance(record.args, tuple):
        record = logging.makeLogRecord(vars(record) | {"args": tuple(map(_named, record.args))})
    return safe(record.getMessage(), MESSAGE)


def _named(argument: object) -> object:
    return f"…/{argument.name}" if isinstance(argument, Path) else argument


def _value(value: object) -> Json:
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return safe(str(_named(value)), EXTRA)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    told = []
    if record.exc_info and record.exc_info[0] is not None:
        told.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        told.append(record.stack_info)
    return safe("\n".join(told), TRACE, keep_end=True)

"""The support archive: what somebody far away needs to know, without pixels, secrets, names or full paths."""

import contextlib
import getpass
import json
import os
import re
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import ServiceError
from bridge_server.redact import redact
from bridge_server.worker import ENGINE

SETTINGS = (CONFIG, DATA, ENGINE, "VIDEOSHOP_WEIGHTS")
"""Environment variables whose values are told."""
SECRETS = ("HF_TOKEN", "HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY")
"""Those of which is told only whether they are set."""

STATES = frozenset({"queued", "running", "done", "failed", "cancelled", "interrupted"})
"""States of jobs that are told by name."""

JOURNAL = "journal.sqlite"

Clean = Callable[[str], str]


def write_bundle(path: Path, places: Places, doctor: Any, about: Any) -> None:
    """Write the archive: `doctor` and `about` as JSON, the settings, the journal's counts and the logs.

    Raises ServiceError when the file exists or cannot be written; what was begun is removed.
    """
    try:
        file = path.open("xb")
    except FileExistsError:
        raise ServiceError.bundle_exists(path) from None
    except OSError as error:
        raise ServiceError.bundle_unwritable(path, error.strerror or "the disk refused") from None
    whole = False
    try:
        with file:
            _write(file, places, doctor, about)
        whole = True
    except OSError as error:
        raise ServiceError.bundle_unwritable(path, error.strerror or "the disk refused") from None
    finally:
        if not whole:
            path.unlink(missing_ok=True)


def _write(file: BinaryIO, places: Places, doctor: Any, about: Any) -> None:
    clean = cleaner()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, told in (
            ("doctor", doctor),
            ("about", about),
            ("settings", settings()),
            ("journal", journal(places.data / JOURNAL)),
        ):
            archive.writestr(f"{name}.json", json.dumps(cleaned(told, clean), ensure_ascii=False, indent=2))
        for log in sorted(places.logs.glob("*.log*")):
            with archive.open(f"logs/{log.name}", "w") as entry:
                for line in log_lines(log, clean):
                    entry.write(line.encode(errors="backslashreplace"))


def cleaner() -> Clean:
    """Redaction that takes the names of this person and this machine away too."""
    people = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME")} | {Path.home().name, _user()}
    machines = {socket.gethostname(), socket.gethostname().partition(".")[0], os.environ.get("COMPUTERNAME", "")}
    named = [(_anywhere(name), "‹user›") for name in sorted(people - {""}, key=len, reverse=True)]
    named += [(_anywhere(name), "‹host›") for name in sorted(machines - {""}, key=len, reverse=True)]

    def clean(text: str) -> str:
        text = redact(text)
        for name, instead in named:
            text = name.sub(instead, text)
        return text

    return clean


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return ""


def _anywhere(name: str) -> "re.Pattern[str]":
    """A name wherever it stands; a short one only as a word of its own, as it is a part of others."""
    escaped = re.escape(name)
    return re.compile(escaped if len(name) > 3 else rf"(?<![^\W_]){escaped}(?![^\W_])", re.IGNORECASE)


def cleaned(told: Any, clean: Clean) -> Any:
    """A JSON value with all of its texts cleaned; the keys are ours."""
    if isinstance(told, str):
        return clean(told)
    if isinstance(told, dict):
        return {key: cleaned(value, clean) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [cleaned(value, clean) for value in told]
    return told


def log_lines(log: Path, clean: Clean) -> Iterator[str]:
    """The lines of a log, cleaned once more; a line that was cut is kept as text."""
    with log.open(encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        for line in file:
            try:
                told = cleaned(json.loads(line), clean)
            except ValueError:
                told = {"cut": clean(line)}
            yield json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def settings() -> dict[str, Any]:
    """The environment's settings: values of what is no secret, of the others whether they are set."""
    told: dict[str, Any] = {name: os.environ.get(name) for name in SETTINGS}
    return told | {name: name in os.environ for name in SECRETS}


def journal(path: Path) -> Any:
    """The journal's tables with their columns and numbers of rows, of jobs by state; nothing of the rows themselves."""
    if not path.exists():
        return None
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {"version": db.execute("PRAGMA user_version").fetchone()[0], "tables": dict(_tables(db, tables))}
    except sqlite3.Error as error:
        return {"unreadable": str(error)}


def _tables(db: Any, tables: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in tables:
        quoted = '"' + table.replace('"', '""') + '"'
        columns = [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        told: dict[str, Any] = {
            "columns": columns,
            "rows": db.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0],
        }
        if "state" in columns:
            states: dict[str, int] = {}
            for state, count in db.execute(f"SELECT state, count(*) FROM {quoted} GROUP BY state"):
                name = state if state in STATES else "other"
                states[name] = states.get(name, 0) + count
            told["states"] = states
        yield table, told

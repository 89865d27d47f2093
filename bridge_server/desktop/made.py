"""What was made outside the program's own folders: it can be taken back, whatever its settings say by then."""

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bridge_server.desktop.paths import Places, private_folder

Things = dict[str, tuple[str, ...]]
"""Places of things, by what made them: “autostart”, “plugins”."""


def made(places: Places) -> Things:
    """What is written down; nothing where nothing is, or where it cannot be read."""
    try:
        told: Any = json.loads(places.made.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {str(kind): tuple(map(str, things)) for kind, things in told.items() if isinstance(things, list)}


def note(places: Places, kind: str, things: Iterable[str]) -> None:
    """Write down what one kind has made by now, before it is made. Raises OSError."""
    noted = {**made(places), kind: tuple(dict.fromkeys(things))}
    noted = {kind: things for kind, things in noted.items() if things}
    if noted:
        write_whole(places.made, json.dumps(noted, ensure_ascii=False, indent=2) + "\n")
    else:
        places.made.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file of the owner's, whole or not at all. Raises OSError."""
    private_folder(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise

"""The discovery file: it tells clients where the running service listens."""

import contextlib
import os
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge_server.desktop.paths import private_folder


class Instance(BaseModel):
    """A running service."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    port: int
    protocol: int
    instance: UUID
    pid: int
    version: str


def announce(path: Path, instance: Instance) -> None:
    """Write the discovery file, whole or not at all."""
    private_folder(path.parent)
    aside = path.with_name(f"{path.name}.{instance.pid}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(instance.model_dump_json())
    aside.replace(path)


def discover(path: Path) -> Instance | None:
    """The service that announced itself, which may be gone since; None where there is none."""
    try:
        return Instance.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def withdraw(path: Path, instance: UUID) -> None:
    """Remove the discovery file if it is this service's."""
    found = discover(path)
    if found is not None and found.instance == instance:
        with contextlib.suppress(OSError):  # whoever reads it finds nobody there
            path.unlink(missing_ok=True)

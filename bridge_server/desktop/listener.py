"""Which program listens on a port, as far as the system tells its users."""

import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@dataclass(frozen=True)
class Listener:
    """A program that listens."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def listener(port: int) -> Listener | None:
    """The program behind a port; None where nothing listens, or where the system does not tell of other users'."""
    if sys.platform == "linux":
        return _of_linux(port)
    lsof = shutil.which("lsof")
    return None if lsof is None else _of_lsof(lsof, port)


def _of_linux(port: int) -> Listener | None:
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(Path("/proc/net") / table, port)}
    if not sockets:
        return None
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError):  # another user's, or gone meanwhile
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                return Listener(int(process.name), (process / "comm").read_text().strip())
    return None


def _inodes(table: Path, port: int) -> list[str]:
    """The inodes of the sockets that listen on a port, by a table of the kernel."""
    try:
        rows = [row.split() for row in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return []
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _of_lsof(lsof: str, port: int) -> Listener | None:
    """By `lsof`, in its form for programs: a line p PID, a line c COMMAND."""
    asked = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = {line[0]: line[1:] for line in reversed(told.splitlines()) if line}
    return Listener(int(said["p"]), said.get("c", "a program")) if said.get("p", "").isdecimal() else None

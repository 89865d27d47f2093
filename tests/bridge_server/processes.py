"""Whether a process is gone, as the system tells it: perhaps a moment after its parent heard of its end."""

import time

import psutil


def gone(pid: int, patience: float = 3.0) -> bool:
    """Wait until no process of this id lives; a zombie does not."""
    deadline = time.monotonic() + patience
    while _alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

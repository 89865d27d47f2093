"""Locks that the system lets go of when their process ends, however it ends."""

import sys
from typing import BinaryIO


def hold(file: BinaryIO, *, wait: bool = False) -> None:
    """Lock an open file for this handle until it is closed. Raises OSError when another handle holds it.

    With `wait` until it can be had; on Windows, ten seconds at most.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

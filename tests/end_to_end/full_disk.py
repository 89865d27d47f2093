"""The real engine on a disk that fills up while it writes: `python -m tests.end_to_end.full_disk`.

The disk looks as if it had room. With the word `simulated` it has, and the flat clip's writer is refused instead.
"""

import errno
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from engine import worker
from engine.media.writer import open_flat, open_layer

FRAMES_THAT_FIT = 5


def with_room(path: object) -> Any:
    return SimpleNamespace(free=1 << 40)


def filling(writer: Any) -> Any:
    """A writer whose disk is full after a few frames."""
    write, written = writer.write, 0

    def fail(*frame: Any) -> None:
        nonlocal written
        written += 1
        if written > FRAMES_THAT_FIT:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*frame)

    writer.write = fail
    return writer


def main() -> None:
    with patch("shutil.disk_usage", with_room):
        if "simulated" not in sys.argv:
            worker.main()  # ends the process
        with (
            patch("engine.outputs.open_flat", lambda *place: filling(open_flat(*place))),
            patch("engine.outputs.open_layer", lambda *place: filling(open_layer(*place))),
        ):
            worker.main()


if __name__ == "__main__":
    main()

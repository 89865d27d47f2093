"""The program `videoshop-tray`: `videoshop` without a console; without words it is `videoshop tray`."""

import os
import sys

# Without a console there is nowhere to write to: what prints, and what asks whether it is a terminal, must live.
for name in ("stdout", "stderr"):
    if getattr(sys, name) is None:
        setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115

from bridge_server.cli import run  # noqa: E402

sys.exit(run(sys.argv[1:] or ["tray"]))

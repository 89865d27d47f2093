"""`python -m …installing BACKEND WHEELS LOCKS`: an installation in a process of its own, to be killed."""

import sys
from pathlib import Path

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime.upkeep import Options, install
from tests.bridge_server.desktop.runtime.wheels import quiet, starts


def main() -> None:
    backend, wheels, locks = sys.argv[1:]
    print("begun", flush=True)
    install(Places.of_user(), backend, Options(wheels=Path(wheels), locks=Path(locks), trial=starts), quiet)
    print("done", flush=True)


if __name__ == "__main__":
    main()

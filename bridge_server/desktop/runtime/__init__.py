"""The engine's environment: torch for this machine's graphics card, in a private Python where the engine runs.

In its folder (`Places.engine`, unless it was moved):

    version.json       what is installed, and in which of the folders below: written last, and whole or not at all
    incomplete.json    what is being made: written first, removed last
    envs/ID/           an environment; the one that is made is beside the one that runs
    code/DIGEST/       this installation's engine package: the environment runs it, and follows each update of the app
    python/            a Python that was downloaded, where the machine has none that fits
    cache/             what was downloaded, until the installation is done
    lock               held by who installs, repairs, moves or removes

An environment is never changed once it runs: a repair, an update and a move build another one beside it, from links to
what is whole, and the version file names it at the end. A failure or a kill at any moment leaves what was there.
"""

from bridge_server.desktop.runtime.place import Home, Installed, Unfinished, command, home

__all__ = ["Home", "Installed", "Unfinished", "command", "home"]

"""How the engine's environment stands at a glance: each file is looked for, and none is read but the lists of them."""

from dataclasses import dataclass
from typing import Literal

from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import place, records
from bridge_server.desktop.runtime.place import Doing, Installed, packages_of, python_of

Look = Literal["absent", "whole", "incomplete", "damaged"]


@dataclass(frozen=True)
class Glance:
    """`incomplete`: none is there, and one was begun. `unfinished`: what was begun, beside a whole one too. `first`:
    the first file that is missing or of another size, of `faults`."""

    state: Look
    installed: Installed | None = None
    unfinished: Doing | None = None
    faults: int = 0
    first: str = ""


def glance(places: Places) -> Glance:
    """How it stands; a file of the right size with wrong bytes is not seen: `upkeep.verify` reads them all."""
    home = place.home(places)
    installed, begun = home.installed(), home.unfinished()
    unfinished = begun.doing if begun is not None else None
    if installed is None:
        return Glance("absent" if unfinished is None else "incomplete", unfinished=unfinished)
    environment = home.environment(installed)
    found = [] if python_of(environment).exists() else [str(python_of(environment).relative_to(environment))]
    found += [fault.path for fault in records.misfits(packages_of(environment), installed.records)]
    if found:
        return Glance("damaged", installed, unfinished, len(found), found[0])
    return Glance("whole", installed, unfinished)

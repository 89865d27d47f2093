"""`videoshop uninstall`: takes back what was made for the person; weights and results only where they say so."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, ServiceError, UnreachableError, WorkerError

EPILOG = (
    "**Examples**\n\n`videoshop uninstall` asks about results and weights.\n\n"
    "`videoshop uninstall --yes --remove-results --remove-weights` leaves nothing."
)
END_SECONDS = 20.0


def uninstall(
    results: Annotated[
        bool | None, typer.Option("--remove-results/--keep-results", help="The results of all jobs; else it asks.")
    ] = None,
    weights: Annotated[
        bool | None, typer.Option("--remove-weights/--keep-weights", help="Downloaded models; else it asks.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; what no option names is kept.")] = False,
) -> None:
    """Remove what Videoshop Bridge made: what starts at login, the panels, settings, logs, caches, the engine's
    environment. The program itself goes as it came."""
    from bridge_server.desktop import plugins
    from bridge_server.desktop.uninstall import Asked, models, size, take_back
    from bridge_server.desktop.uninstall import results as kept_results

    places = Places.of_user()
    silent = yes or not sys.stdin.isatty()
    if not silent and not typer.confirm("Remove Videoshop Bridge's settings, logs, panels and caches?", err=True):
        raise WorkerError.stopped()
    remove: set[Asked] = set()
    for name, chosen, found in (("results", results, kept_results(places)), ("weights", weights, models(places))):
        if chosen is None and found and not silent:
            chosen = typer.confirm(f"Remove the {name} too ({size(found) / 1e9:.1f} GB)?", default=False, err=True)
        if chosen:
            remove.add(name)  # type: ignore[arg-type]
    _end_service(places)
    try:
        left = take_back(places, frozenset(remove), plugins.Hosts.here())
    except OSError as error:
        where = error.filename or places.data
        raise ServiceError.config_unusable(where, error.strerror or "the system refused") from None
    for thing in left:
        say(f"{plain(thing.place)}: {plain(thing.why)}")
    print("Videoshop Bridge's things are removed.")


def _end_service(places: Places) -> None:
    """End the service; a job that runs ends with it. Raises BridgeError when it does not end."""
    from bridge_server.client import Client
    from bridge_server.desktop.instance import alive

    if not alive(places):
        return

    async def ended() -> None:
        async with asyncio.timeout(END_SECONDS), await Client.connect(places, host="uninstall") as client:
            await client.end(now=True)

    try:
        asyncio.run(ended())
    except UnreachableError:
        pass
    except TimeoutError:
        raise _still() from None
    deadline = time.monotonic() + END_SECONDS
    while alive(places):
        if time.monotonic() > deadline:
            raise _still()
        time.sleep(0.05)


def _still() -> BridgeError:
    return ServiceError(
        "uninstall.service_runs",
        "The service does not end.",
        "End it, then run the command again; nothing was removed.",
    )

"""`videoshop update`: look for a new version, install it, go back; and the test that each version makes of itself."""

import asyncio
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places

if TYPE_CHECKING:
    from bridge_server.desktop.update import Manifest

NAME = "update"
SELF_TEST_SECONDS = 60.0
START_SECONDS = 30.0
"""How long the new version may take to listen, before the old one is back."""

app = typer.Typer(
    name=NAME,
    help="New versions of the installed app.\n\n"
    "**videoshop update install** fetches the newest one, checks its signature, tries it beside this one and lets it "
    "take over; if it does not work, this one goes on. Nothing is done while a job runs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def check() -> None:
    """Say whether there is a newer version; nothing is installed."""
    offered = _offered()
    print(offered.version if offered is not None else "This is the newest version.")


@app.command()
def install() -> None:
    """Install the newest version, and start the service again with it."""
    from bridge_server.desktop import update, versions

    offered = _offered(failed_too=True)
    if offered is None:
        print("This is the newest version.")
        return
    places = Places.of_user()
    told = 0.0

    def on_bytes(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > 1.0 or done == total:
            told = time.monotonic()
            say(f"{100 * done // total} % of {total / 1e6:.0f} MB")

    update.install(places, _own(), offered, lambda: running_jobs(places), on_bytes)
    if not _restarted(places, offered.version):
        from bridge_server.desktop.faults import UpdateError

        versions.give_up(places, offered.version)
        _start()
        raise UpdateError.unhealthy(offered.version, "its service does not listen")
    print(f"Version {offered.version} is installed.")


@app.command()
def rollback() -> None:
    """Go back to the version before this one; it is not offered again by itself."""
    from bridge_server.desktop import versions

    places = Places.of_user()
    served = _ended(places)
    back = versions.roll_back(places)
    if served:
        _start()
    print(f"Version {back} runs from now on." if back else "The installed version runs from now on.")


def self_test() -> None:
    """Start service, client and engine once, in folders of their own, and say whether they work together."""
    from bridge_server.client import Client
    from bridge_server.doctor import CLIP
    from bridge_server.server import BridgeServer

    async def tested(places: Places) -> int:
        service = BridgeServer(places, ports=(0,))
        async with asyncio.timeout(SELF_TEST_SECONDS), service, await Client.connect(places) as client:
            return (await client.probe(await client.grant(CLIP))).frames

    with tempfile.TemporaryDirectory(prefix="videoshop-") as place:
        frames = asyncio.run(tested(Places(Path(place) / "config", Path(place) / "data")))
    print(json.dumps({"version": _own(), "ok": frames > 0}))


class Updates:
    """What the tray asks of updates."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._offered: Manifest | None = None

    def look(self) -> str | None:
        self._offered = _offered()
        return self._offered.version if self._offered is not None else None

    def install(self) -> None:
        from bridge_server.desktop import update
        from bridge_server.desktop.faults import UpdateError

        if self._offered is None:
            raise UpdateError.nothing_older()
        places = self._places
        update.install(places, _own(), self._offered, lambda: running_jobs(places), lambda done, total: None)


def running_jobs(places: Places) -> int:
    """How many jobs run; none where no service does."""
    from bridge_server.client import Client
    from bridge_server.errors import UnreachableError

    async def counted() -> int:
        async with asyncio.timeout(10), await Client.connect(places, host="update") as client:
            return sum(job.state == "running" for job in await client.jobs())

    try:
        return asyncio.run(counted())
    except UnreachableError:
        return 0


def _own() -> str:
    return version("videoshop-bridge")


def _offered(*, failed_too: bool = False) -> Any:
    from bridge_server.desktop import update, versions

    return update.look(Places.of_user(), _own(), versions.source(), failed_too=failed_too)


def _ended(places: Places) -> bool:
    """End the service, if it runs; whether it did. Raises BridgeError while a job runs."""
    from bridge_server.client import Client
    from bridge_server.desktop.instance import alive
    from bridge_server.errors import UnreachableError

    async def ended() -> None:
        async with asyncio.timeout(10), await Client.connect(places, host="update") as client:
            await client.end()

    try:
        asyncio.run(ended())
    except UnreachableError:
        return False
    deadline = time.monotonic() + 10
    while alive(places) and time.monotonic() < deadline:
        time.sleep(0.05)
    return True


def _restarted(places: Places, wanted: str) -> bool:
    """Where the service runs, have the new version's take its place; whether that listens."""
    from bridge_server.desktop.instance import alive, discover
    from bridge_server.desktop.program import program, start_apart

    if not _ended(places):
        return True
    started = start_apart(program("serve", windowed=True))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and started.poll() is None:
        found = discover(places.discovery)
        if found is not None and found.version == wanted and alive(places):
            return True
        time.sleep(0.1)
    if started.poll() is None:
        started.kill()
        started.wait()
    return False


def _start() -> None:
    """Start the service of the version that is to run."""
    from bridge_server.desktop.program import program, start_apart

    start_apart(program("serve", windowed=True))
    say(plain("The service starts again."))

"""`videoshop engine`: the environment that the method `videoshop` needs, installed, kept whole, removed."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_server.console import plain, progress, say
from bridge_server.desktop.paths import Places

if TYPE_CHECKING:  # loaded when a command runs: the service has no use for them
    from bridge_server.desktop.runtime.build import OnProgress, Progress
    from bridge_server.desktop.runtime.place import Installed
    from bridge_server.desktop.runtime.records import Fault
    from bridge_server.desktop.runtime.upkeep import Status

NAME = "engine"
GB = 1e9
RELEASE_SECONDS = 10.0

PHASES = {
    "prepare": "Preparing",
    "fetch": "Fetching packages",
    "install": "Installing",
    "verify": "Checking files",
    "try": "Trying the engine",
}
STATES = {
    "absent": "not installed; the method flow works without it",
    "whole": "installed",
    "outdated": "installed, for an older version: run `videoshop engine install`",
    "damaged": "damaged: run `videoshop engine repair`",
}

app = typer.Typer(
    name=NAME,
    help="The environment of the method `videoshop`: torch for this machine's graphics card.\n\n"
    "**videoshop engine install** makes it, about 1.3 GB for the processor alone, 6 to 8 GB for an NVIDIA card. "
    "Stopped, it goes on where it was; whatever fails, what was there before stays. `HTTPS_PROXY` or --proxy names a "
    "proxy, `UV_DEFAULT_INDEX` a mirror of PyPI, `VIDEOSHOP_TORCH_INDEX` one of torch's own index.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

WheelsOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Take the packages from this folder of wheels, without a network."),
]
ProxyOption = Annotated[str | None, typer.Option(metavar="URL", help="Download through this proxy.")]


@app.command(epilog="**Example**\n\n`videoshop engine status`")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Show what is installed, where, and what this machine's graphics card could run."""
    from bridge_server.desktop.runtime import upkeep

    found = upkeep.status(Places.of_user())
    told = _told(found)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(found):
        table.add_row(name, escape(value))
    Console(highlight=False).print(table)


@app.command(
    epilog="**Examples**\n\n`videoshop engine install`\n\n`videoshop engine install --backend cpu`\n\n"
    "`videoshop engine install --wheels /media/stick`\n\n"
    "Without a network: from wheels that another machine fetched with "
    "`pip download --no-deps --require-hashes -r LOCKFILE -d DIR`."
)
def install(
    backend: Annotated[
        str, typer.Option(help="What to compute on: auto, or one that `videoshop engine status` lists.")
    ] = "auto",
    wheels: WheelsOption = None,
    proxy: ProxyOption = None,
) -> None:
    """Install the environment, or go on where that was stopped; its files are checked, and the engine tried in it."""
    from bridge_server.desktop.runtime import upkeep

    places = Places.of_user()
    if backend == upkeep.AUTO:
        say(plain(upkeep.status(places).choice.why))
    options = upkeep.Options(wheels, proxy)
    if opened := upkeep.lock_for(backend, options).open:
        say(f"No hash is known of {plain(', '.join(opened))}: it is taken as its own index gives it, over HTTPS.")
    with _bar() as show:
        installed = upkeep.install(places, backend, options, show)
    _conclude(places, installed)


@app.command(epilog="**Example**\n\n`videoshop engine verify`")
def verify() -> None:
    """Read every file of the environment and compare it with what was installed."""
    from bridge_server.desktop.runtime import upkeep
    from bridge_server.desktop.runtime.faults import RuntimeFault

    places = Places.of_user()
    with _bar() as show:
        installed, faults = upkeep.verify(places, show)
    _list(faults)
    if faults:
        raise RuntimeFault.damaged(len(faults), faults[0].path)
    _conclude(places, installed)


@app.command(epilog="**Example**\n\n`videoshop engine repair`")
def repair(wheels: WheelsOption = None, proxy: ProxyOption = None) -> None:
    """Bring back what is missing or damaged; only the packages at fault are fetched again."""
    from bridge_server.desktop.runtime import upkeep

    places = Places.of_user()
    with _bar() as show:
        installed, faults = upkeep.repair(places, upkeep.Options(wheels, proxy), show)
    _list(faults)
    _conclude(places, installed)


@app.command(epilog="**Example**\n\n`videoshop engine move /mnt/large/videoshop-engine`")
def move(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or a new one.", show_default=False)],
) -> None:
    """Have the environment in another folder, on a larger disk say."""
    from bridge_server.desktop.runtime import upkeep

    places = Places.of_user()
    _release(places)
    with _bar() as show:
        installed = upkeep.move(places, folder, upkeep.Options(), show)
    _conclude(places, installed)


@app.command(epilog="**Example**\n\n`videoshop engine remove`")
def remove() -> None:
    """Delete the environment, and all that was downloaded for it. Weights and results stay."""
    from bridge_server.desktop.runtime import home, upkeep

    places = Places.of_user()
    root = home(places).root
    _release(places)
    freed = upkeep.remove(places)
    print(f"{root}: removed, {freed / GB:.1f} GB freed")


# What the person sees


def _release(places: Places) -> None:
    """Have the service that runs end engine processes that only rest: they hold the environment's files."""
    from bridge_server.client import Client
    from bridge_server.errors import BridgeError

    async def release() -> None:
        async with asyncio.timeout(RELEASE_SECONDS), await Client.connect(places, host="command line") as client:
            await client.release_engine()

    with contextlib.suppress(BridgeError, TimeoutError):  # none runs, or it does not answer: then a lock tells
        asyncio.run(release())


def _told(found: "Status") -> dict[str, Any]:
    """The state for programs."""
    installed, unfinished = found.installed, found.unfinished
    return {
        "folder": str(found.home.root),
        "state": found.state,
        "backend": installed.backend if installed else None,
        "python": installed.python if installed else None,
        "size": installed.size if installed else None,
        "unfinished": unfinished.model_dump() if unfinished else None,
        "busy": found.busy,
        "system": found.system,
        "suggested": {"backend": found.choice.backend, "why": found.choice.why},
        "backends": list(found.backends),
    }


def _lines(found: "Status") -> Iterator[tuple[str, str]]:
    from bridge_server.desktop.runtime import locks

    yield "Environment", STATES[found.state]
    if found.installed is not None:
        installed = found.installed
        yield "Backend", f"{installed.backend}, Python {installed.python}, {installed.size / GB:.1f} GB"
    if found.unfinished is not None:
        doing = found.unfinished.doing
        yield "Unfinished", f"{doing} is at work" if found.busy else f"{doing} was stopped: run it again, it goes on"
    yield "Folder", str(found.home.root)
    yield "This machine", f"{found.choice.backend}: {found.choice.why}"
    for backend in found.backends:
        lock = locks.read(backend, found.system)
        size = f"{lock.size / GB:.2f} GB to fetch" if not lock.open else f"no hash is known of {', '.join(lock.open)}"
        yield f"Lockfile {backend}", f"{lock.path} ({size})"


def _list(faults: "list[Fault]") -> None:
    """The first faults."""
    for fault in faults[:20]:
        say(f"[red]{plain(fault.path)}[/] of {plain(fault.package)} is {fault.what}")
    if len(faults) > 20:
        say(f"and {len(faults) - 20} more")


def _conclude(places: Places, installed: "Installed") -> None:
    from bridge_server.desktop.runtime import home

    where = home(places)
    print(f"{where.root}: {installed.backend}, whole, {installed.size / GB:.1f} GB")


@contextlib.contextmanager
def _bar() -> "Iterator[OnProgress]":
    """A bar of packages, then of bytes, on a terminal; each phase as a line elsewhere. Ctrl-C stops the work."""
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
    )
    with progress(*columns) as bar:
        task = bar.add_task("", total=None, told="")
        phase = ""

        def show(step: "Progress") -> None:
            nonlocal phase
            if step.phase != phase:
                phase = step.phase
                bar.reset(task)
                if not bar.console.is_terminal:
                    print(f"{PHASES[phase]}…", file=sys.stderr)
            done, total = (step.size, step.total) if phase in ("fetch", "verify") else (step.packages, step.of)
            bar.update(task, description=PHASES[phase], completed=done, total=total or None, told=_numbers(step))

        yield show


def _numbers(step: "Progress") -> str:
    """How far a step is, in words."""
    parts = []
    if step.of and step.phase in ("fetch", "install"):
        parts.append(f"{step.packages}/{step.of} packages")
    if step.total and step.phase in ("fetch", "verify"):
        parts.append(f"{step.size / GB:.2f} of {step.total / GB:.2f} GB")
    if step.coming:
        parts.append(f"now {', '.join(step.coming[:2])}{' …' if len(step.coming) > 2 else ''}")
    return ", ".join(parts)

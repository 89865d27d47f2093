"""`videoshop doctor`: the checks, shown; and the support archive."""

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_server.console import plain
from bridge_server.desktop.paths import Places
from bridge_server.errors import ServiceError, WorkerError

if TYPE_CHECKING:
    from rich.console import Console

EPILOG = (
    "**Examples**\n\n`videoshop doctor`\n\n"
    "`videoshop doctor --bundle support.zip`\n\n"
    "Writes what to send along with a question: checks, logs, versions. No pictures, tokens, names or paths."
)

MARKS = {"ok": "[green]✓[/]", "broken": "[red]✗[/]", "absent": "[dim]–[/]", "skipped": "[dim]–[/]"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON, for programs.")] = False,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE.zip", help="Write a support archive, too: without secrets.", show_default=False),
    ] = None,
) -> None:
    """Check the whole chain, from the folders to the graphics card, and name the first broken link.

    ✓ works, ✗ is broken, – is not there or was not checked. Exit code 0: all is well; 1: a link is broken.
    """
    from bridge_server.bundle import write_bundle
    from bridge_server.doctor import report

    if bundle is not None and bundle.exists():
        raise ServiceError.bundle_exists(bundle)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console of few letters still shows the words
    places = Places.of_user()
    checks, about = asyncio.run(_examined(places, shown=not as_json, with_about=bundle is not None))
    told = report(checks)
    if bundle is not None:
        write_bundle(bundle, places, told, about)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _conclude(told, bundle)
    if not told["ok"]:
        raise typer.Exit(1)


async def _examined(places: Places, *, shown: bool, with_about: bool) -> tuple[list[Any], Any]:
    """The checks, each shown as soon as it is made, and what the engine is."""
    from bridge_server.doctor import PATIENCE, examine
    from bridge_server.worker import EngineProcess

    checks = []
    async for check in examine(places):
        checks.append(check)
        if shown:
            _console().print(f"{MARKS[check.state]} [bold]{check.title}[/]: {plain(check.says)}")
    about: Any = None
    if with_about:
        engine = EngineProcess(patience=PATIENCE)
        try:
            about = await engine.ask("about", {})
        except WorkerError as error:
            about = {"error": {"code": error.code, "message": error.message}}
        finally:
            await engine.close()
    return checks, about


def _conclude(told: Any, bundle: Path | None) -> None:
    """All is well, or what to do first; and where the archive is."""
    broken = next((check for check in told["checks"] if check["name"] == told["broken"]), None)
    console = _console()
    console.print()
    if broken is None:
        console.print("All is well.")
    else:
        console.print(f"First broken link: [bold]{broken['name']}[/]. {plain(broken['says'])}")
        console.print(f"What to do: {plain(broken['hint'])}")
    for check in told["checks"]:
        if check["state"] == "absent" and check["hint"]:
            console.print(f"[dim]{check['name']}: {plain(check['hint'])}[/]")
    if bundle is not None:
        console.print(f"Support archive: {plain(str(bundle))}")


def _console() -> "Console":
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)

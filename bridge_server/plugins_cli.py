"""`videoshop plugins`: the panels, put into Photoshop and After Effects."""

from pathlib import Path
from typing import Annotated

import typer

from bridge_server import words
from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places

NAME = "plugins"

app = typer.Typer(
    name=NAME,
    help="The panels of Photoshop and After Effects: install and remove them.\n\n"
    "**videoshop plugins install** installs all: `photoshop`, `after-effects` (the panel) and `script` (a smaller one "
    "for After Effects, without the service). What it cannot do it says, and how you can.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command(epilog="**Example**\n\n`videoshop plugins install photoshop`")
def install(
    which: Annotated[
        list[str] | None, typer.Argument(metavar="[photoshop|after-effects|script]...", help="All without a name.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder of the built plugins, instead of the app's own.")
    ] = None,
    unsigned: Annotated[
        bool,
        typer.Option("--allow-unsigned", help="Have After Effects load extensions that are not signed, as ours is."),
    ] = False,
) -> None:
    """Install the panels for you. Exit code 1: one could not be; what to do was said."""
    from bridge_server.desktop import plugins

    hosts, built = plugins.Hosts.here(), source.absolute() if source else plugins.folder()
    wanted = [words.one_of("PLUGIN", name, plugins.PLUGINS) for name in which or plugins.PLUGINS]
    failed = False
    for plugin in plugins.PLUGINS:
        if plugin in wanted:
            told = plugins.install(Places.of_user(), plugin, built, hosts, unsigned=unsigned)
            failed |= not told.done
            say(f"{'[green]✓[/]' if told.done else '[red]✗[/]'} [bold]{plugin}[/]: {plain(told.says)}")
            first = ("Start the service again: it lets the panel's page in from then on.",) if told.origin else ()
            for line in (*first, *told.then):
                say(f"  {plain(line)}")
    if failed:
        raise typer.Exit(1)


@app.command(epilog="**Example**\n\n`videoshop plugins remove photoshop`")
def remove(
    which: Annotated[
        list[str] | None, typer.Argument(metavar="[photoshop|after-effects|script]...", help="All without a name.")
    ] = None,
) -> None:
    """Take back what `install` installed."""
    from bridge_server.desktop import plugins

    named = {words.one_of("PLUGIN", name, plugins.PLUGINS) for name in which or plugins.PLUGINS}
    wanted = [plugin for plugin in plugins.PLUGINS if plugin in named]
    left = plugins.remove(Places.of_user(), plugins.Hosts.here(), which=wanted)
    for line in left:
        say(plain(line))
    if left:
        raise typer.Exit(1)

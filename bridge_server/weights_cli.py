"""`videoshop weights`: the model's files, listed, downloaded, checked and removed by the engine process."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_server import worker
from bridge_server.console import plain, progress, say
from bridge_server.errors import BridgeError
from engine.request import Event

if TYPE_CHECKING:  # rich is imported when a person is to see something: the service has no use for it
    from rich.progress import TaskID

NAME = "weights"
FAULTS = {"missing": "is missing", "size": "has another size", "bytes": "has other bytes"}
DOING = {"write": "Fetching", "probe": "Checking"}

app = typer.Typer(
    name=NAME,
    help="The files of the video model that the method `videoshop` needs.\n\n"
    "**videoshop weights download svd** fetches them (about 4.5 GB), after its licence was shown and accepted; "
    "stopped, it goes on where it was. `VIDEOSHOP_WEIGHTS` names another folder to keep them in, `HF_ENDPOINT` a "
    "mirror of the hub, `HTTPS_PROXY` a proxy.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

NameArgument = Annotated[str, typer.Argument(help="A name that `videoshop weights list` shows.")]
Accept = Annotated[
    bool, typer.Option("--accept-license", "--accept-licence", help="Agree to the model's licence without being asked.")
]


class NotAgreedError(BridgeError):
    """The licence was shown, and refused."""

    def __init__(self, name: str, terms: str) -> None:
        super().__init__(
            "weights.licence_not_accepted",
            f"The licence of {name} was not accepted, so nothing was downloaded.",
            f"Read it at {terms}; if you agree, run the command again with --accept-license.",
        )


class NamedByVariableError(BridgeError):
    """The models' folder is named outside of the settings."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            "weights.named_by_variable",
            f"The models are kept in {folder} because the variable VIDEOSHOP_WEIGHTS says so.",
            "Move them yourself and change the variable; or unset it, and run the command again.",
        )


class FaultyError(BridgeError):
    """Files are not as they were downloaded."""

    def __init__(self, folder: Path, faults: dict[str, str]) -> None:
        first, *others = faults
        more = f", and {len(others)} more files are not as they were" if others else ""
        super().__init__(
            "weights.faulty",
            f"{first} in {folder.name} {FAULTS[faults[first]]}{more}.",
            f"Run `videoshop weights download {folder.name}`: it fetches what is wrong and keeps the rest.",
        )


@app.command("list", epilog="**Example**\n\n`videoshop weights list`")
def list_() -> None:
    """Show the known models, and which of them are here."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    told = _ask("weights.list")
    table = Table(box=None, pad_edge=False)
    for column in ("name", "here", "frames", "size", "licence"):
        table.add_column(column, no_wrap=column != "licence", overflow="fold")
    for model in told["models"]:
        size = f"{model['size'] / 1e9:.1f} GB"
        about = "" if model["state"] == "installed" else "about " if model["state"] == "absent" else "of "
        here = {"installed": "yes", "incomplete": "in part", "absent": "no"}[model["state"]]
        table.add_row(model["name"], here, str(model["frames"]), about + size, f"{model['licence']}\n{model['terms']}")
    console = Console()
    console.print(table)
    console.print(f"\nKept in {escape(told['store'])}", soft_wrap=True)


@app.command(
    epilog="**Examples**\n\n`videoshop weights download svd`\n\n"
    "`videoshop weights download svd-xt --from /media/stick --accept-license`\n\n"
    "Without a network: from a folder that was copied here, such as the hub's cache of another machine."
)
def download(
    name: NameArgument = "svd",
    accept: Accept = False,
    token: Annotated[
        str | None,
        typer.Option(envvar="HF_TOKEN", help="Token of a hub account that accepted the terms.", show_envvar=True),
    ] = None,
    origin: Annotated[
        Path | None, typer.Option("--from", help="Copy from this folder instead of the hub.", show_default=False)
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Keep the model in this folder, as TO/NAME.")] = None,
    full: Annotated[bool, typer.Option("--full", help="In 32 bits instead of 16: twice the size.")] = False,
) -> None:
    """Download a model, or what of it is not here yet; every file's bytes are checked."""
    where = {"to": str(to.absolute())} if to else {}
    model = next((model for model in _ask("weights.list", **where)["models"] if model["name"] == name), None)
    if model is not None and not accept:
        _agree(model)
    arguments: dict[str, Any] = {"name": name, "accepted": True, "full": full, "token": token or None, **where}
    if origin:
        arguments["origin"] = str(origin.absolute())
    print(_ask("weights.download", **arguments)["folder"])


@app.command(
    epilog="**Examples**\n\n`videoshop weights verify svd`\n\n`videoshop weights verify models/svd.safetensors`"
)
def verify(
    which: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PATH]", help="A name, a folder or a single file; else all that are here."),
    ] = None,
) -> None:
    """Read a model's files and compare them with what was downloaded."""

    if which is None:
        listed = [model["folder"] for model in _ask("weights.list")["models"] if model["state"] != "absent"]
    else:
        listed = [str(Path(which).absolute()) if Path(which).exists() else which]
    if not listed:
        say("No weights are here.")
    for one in listed:
        told = _ask("weights.verify", which=one)
        if told["faults"]:
            for file, fault in told["faults"].items():
                say(f"[red]{plain(file)}[/] {FAULTS[fault]}")
            raise FaultyError(Path(told["folder"]), told["faults"])
        print(f"{told['folder']}: whole, {told['frames']} frames at once")


@app.command(epilog="**Example**\n\n`videoshop weights remove svd-xt`")
def remove(
    name: Annotated[str, typer.Argument(help="A name that `videoshop weights list` shows.", show_default=False)],
) -> None:
    """Delete a model's files from this machine."""
    told = _ask("weights.remove", name=name)
    print(f"{told['folder']}: removed, {told['freed'] / 1e9:.1f} GB freed")


@app.command(epilog="**Example**\n\n`videoshop weights move /mnt/large/models`")
def move(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the models are to be.", show_default=False)],
) -> None:
    """Have all models in another folder, on a larger disk say; from then on they are looked for and kept there."""
    from bridge_server.desktop import settings
    from bridge_server.desktop.paths import Places

    if os.environ.get(settings.WEIGHTS) and settings.WEIGHTS not in settings.chosen(os.environ):
        raise NamedByVariableError(os.environ[settings.WEIGHTS])
    to = folder.expanduser().absolute()
    told = _ask("weights.take_along", to=str(to))
    settings.change(Places.of_user(), lambda trouble: say(plain(trouble)), weights=to)
    for name in told["models"]:
        _ask("weights.remove", name=name, to=told["store"])
    print(f"{to}: {', '.join(told['models']) or 'no model yet'}")
    say("A service that runs looks for them there after its next start.")


def _agree(model: dict[str, Any]) -> None:
    """Show the licence and ask. Raises NotAgreedError where nobody can be asked, or who is asked says no."""
    from rich.console import Console
    from rich.markup import escape
    from rich.panel import Panel

    if model["state"] == "installed":
        return
    text = (
        f"[bold]{escape(model['licence'])}[/]\n\n{escape(model['rule'])}\n\n"
        "[dim]What binds is the text behind the link below.[/]"
    )
    Console(stderr=True).print(Panel(text, title=f"{model['name']}: {model['repository']}", title_align="left"))
    say(plain(model["terms"]))
    if not sys.stdin.isatty() or not typer.confirm("Do you accept this licence?", default=False, err=True):
        raise NotAgreedError(model["name"], model["terms"])


def _ask(do: str, **arguments: Any) -> dict[str, Any]:
    """Run one command in the engine process, with a bar of bytes. Raises WorkerError."""
    with _bar() as show:
        return worker.run(do, arguments, show)


@contextlib.contextmanager
def _bar() -> Iterator[worker.OnEvent]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with progress(*columns) as bar:
        task: TaskID | None = None

        def show(event: Event) -> None:
            nonlocal task
            title = f"{DOING.get(event.stage, event.stage)} {event.message or ''}".strip()
            if task is None:
                task = bar.add_task(title, total=event.total or None)
            bar.update(task, description=title, completed=event.done, total=event.total or None)

        yield show

"""`videoshop settings`: what the person chose, shown and changed."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places

NAME = "settings"

app = typer.Typer(
    name=NAME,
    help="What you chose: starting at login, looking for updates, pages that may connect, folders.\n\n"
    "**videoshop settings set start_at_login on** changes one. The running service takes changes up when it starts "
    "again.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name that `list` shows.", show_default=False)]


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show every setting, and what it is for."""
    from bridge_server.desktop.settings import NAMES, Settings

    chosen = _load()
    if as_json:
        print(json.dumps(chosen.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name in NAMES:
        value = plain(_shown(getattr(chosen, name)))
        table.add_row(name, f"[bold]{value}[/]", Settings.model_fields[name].description)
    Console().print(table)


@app.command(epilog="**Example**\n\n`videoshop settings get start_at_login` prints `off`.")
def get(name: NameArgument) -> None:
    """Print the value of a setting."""
    print(_shown(getattr(_load(), _known(name))))


@app.command("set", epilog="**Example**\n\n`videoshop settings set origins file://`")
def set_(
    name: NameArgument,
    value: Annotated[str, typer.Argument(help="`on` or `off`, a folder, or what `list` says.", show_default=False)],
) -> None:
    """Change a setting."""
    from bridge_server.desktop import settings
    from bridge_server.desktop.faults import SettingError

    given: Any = value
    match _known(name):
        case "origins":
            given = tuple(part.strip() for part in value.split(",") if part.strip())
        case "weights" | "data":
            from pathlib import Path

            given = Path(value).expanduser().absolute()
    try:
        settings.change(Places.of_user(), _note, **{name: given})
    except ValidationError:
        meant = settings.Settings.model_fields[name].description or ""
        raise SettingError.not_a_value(name, value, meant) from None
    _apply(name)


@app.command()
def reset(name: NameArgument) -> None:
    """Let a setting be its default again."""
    from bridge_server.desktop import settings

    settings.reset(Places.of_user(), _known(name), _note)
    _apply(name)


def _apply(name: str) -> None:
    """What a setting means now; what it means to a service that runs comes with its next start."""
    if name == "start_at_login":
        from bridge_server.desktop import autostart
        from bridge_server.errors import ServiceError

        places = Places.of_user()
        try:
            autostart.reconcile(places, _load().start_at_login)
        except OSError as error:
            raise ServiceError.config_unusable(places.config, error.strerror or "the system refused") from None


def _known(name: str) -> str:
    from bridge_server.desktop.faults import SettingError
    from bridge_server.desktop.settings import NAMES

    if name not in NAMES:
        raise SettingError.unknown(name, NAMES)
    return name


def _load() -> Any:
    from bridge_server.desktop.settings import load

    return load(Places.of_user(), _note)


def _shown(value: object) -> str:
    """A value as it is typed."""
    match value:
        case bool():
            return "on" if value else "off"
        case tuple():
            return ",".join(map(str, value)) or "none"
        case None:
            return "default"
        case _:
            return str(value)


def _note(trouble: str) -> None:
    say(f"[yellow]Note:[/] {plain(trouble)}")

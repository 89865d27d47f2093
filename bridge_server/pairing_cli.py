"""`videoshop open` and `videoshop pair`: let a browser page or another host in."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from bridge_server.console import say
from bridge_server.desktop.paths import Places, private_folder
from bridge_server.errors import UnreachableError
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import normal


def open_page(
    show: Annotated[
        bool, typer.Option("--print", help="Print the page's address instead of opening it; it is good for 5 minutes.")
    ] = False,
) -> None:
    """Open the service's page in the browser: the queue, progress, previews."""
    if show:
        code, port, _ = _code()
        print(_address(port, code.code))
        return
    open_in_browser()
    say("The page opens in the browser. If it stays empty, take the address of `videoshop open --print`.")


def pair() -> None:
    """Show a code by which Photoshop's or another host's panel is let in; it is good for one host."""
    code, _, _ = _code()
    print(code.code)
    say(f"Type this code into the panel within {code.seconds / 60:.0f} minutes.")


def open_in_browser(place: str = "") -> None:
    """Open the page of the running service; `place`: what of it is to be seen first. Raises BridgeError."""
    import webbrowser

    code, port, places = _code()
    if not webbrowser.open(doorway(places.config, _address(port, code.code, place)).as_uri()):
        raise UnreachableError.no_browser()


def _address(port: int, code: str, place: str = "") -> str:
    return f"http://localhost:{port}/#{normal(code)}{place}"


def doorway(folder: Path, address: str) -> Path:
    """A page that only its owner can read and that leads to an address.

    The address holds a pairing code: on the browser's command line other people of this machine could read it.
    """
    page = private_folder(folder) / "open.html"
    page.unlink(missing_ok=True)
    descriptor = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">\n')
    return page


def _code() -> tuple[m.PairCode, int, Places]:
    """A new pairing code of the running service, and its port. Raises BridgeError."""

    from bridge_server.client import Client

    async def asking() -> tuple[m.PairCode, int]:
        async with await Client.connect(places, host="command line") as client:
            return await client.open_pairing(), client.port

    places = Places.of_user()
    return *asyncio.run(asking()), places

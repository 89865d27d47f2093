"""The tray's menu as panels of Linux ask for it: `com.canonical.dbusmenu`, as values. No bus, no event loop."""

from collections.abc import Sequence
from typing import Any, get_args

from bridge_server.desktop.tray_state import Action, Item

INTERFACE = "com.canonical.dbusmenu"
PATH = "/MenuBar"

ACTIONS: tuple[Action, ...] = get_args(Action)
_FIRST = 1000
"""Ids of lines that do something begin here, one for each action whatever else the menu holds: a click on a menu that
has changed meanwhile does what its line said, or nothing."""

Variant = tuple[str, Any]
Properties = dict[str, Variant]

STATIC: Properties = {
    "Version": ("u", 3),
    "TextDirection": ("s", "ltr"),
    "Status": ("s", "normal"),
    "IconThemePath": ("as", []),
}
"""Properties of the menu as an object on the bus."""


def number(place: int, item: Item) -> int:
    """The id of a line; `place`: where it stands, from 1."""
    return _FIRST + ACTIONS.index(item.act) if item.act is not None else place


def action(id: int) -> Action | None:
    """What a line does, by its id."""
    return ACTIONS[id - _FIRST] if 0 <= id - _FIRST < len(ACTIONS) else None


def properties(item: Item) -> Properties:
    if not item.text:
        return {"type": ("s", "separator")}
    told: Properties = {"label": ("s", item.text.replace("_", "__"))}  # one underscore would mark a key to press
    if item.act is None:
        told["enabled"] = ("b", False)
    if item.checked is not None:
        told |= {"toggle-type": ("s", "checkmark"), "toggle-state": ("i", int(item.checked))}
    return told


def layout(menu: Sequence[Item], parent: int) -> tuple[int, Properties, list[Variant]]:
    """The menu below `parent`: 0 is the whole menu, no other line has lines below it."""
    if parent != 0:
        return _lines(menu).get(parent, (parent, {}, []))
    return 0, {"children-display": ("s", "submenu")}, [("(ia{sv}av)", line) for line in _lines(menu).values()]


def group(menu: Sequence[Item], ids: Sequence[int]) -> list[tuple[int, Properties]]:
    """The properties of some lines; of all, if none are named."""
    lines = _lines(menu)
    return [(id, lines[id][1]) for id in (ids or lines) if id in lines]


def _lines(menu: Sequence[Item]) -> dict[int, tuple[int, Properties, list[Variant]]]:
    numbered = ((number(place, item), properties(item)) for place, item in enumerate(menu, 1))
    return {id: (id, told, []) for id, told in numbered}

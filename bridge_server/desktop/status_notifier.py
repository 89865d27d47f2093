"""The tray icon of Linux's panels: a StatusNotifierItem on the session's bus, with its menu.

KDE, Xfce, MATE, LXQt, Cinnamon and, with its extension, GNOME show such icons; X11's older kind is pystray's.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, NoReturn

from jeepney import (
    DBusAddress,
    DBusErrorResponse,
    HeaderFields,
    MatchRule,
    Message,
    MessageFlag,
    MessageType,
    message_bus,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.asyncio import DBusRouter, Proxy, open_dbus_router

from bridge_server.desktop import dbus_menu
from bridge_server.desktop.faults import TrayError
from bridge_server.desktop.icon import draw, steps
from bridge_server.desktop.tray_state import Action, State, headline, menu, mood, share

WATCHER = DBusAddress(
    "/StatusNotifierWatcher", bus_name="org.kde.StatusNotifierWatcher", interface="org.kde.StatusNotifierWatcher"
)
NOTIFICATIONS = DBusAddress(
    "/org/freedesktop/Notifications",
    bus_name="org.freedesktop.Notifications",
    interface="org.freedesktop.Notifications",
)
ITEM = "org.kde.StatusNotifierItem"
PATH = "/StatusNotifierItem"
PROPERTIES = "org.freedesktop.DBus.Properties"
SIZES = (22, 44)
"""Pixels: what panels draw, and what those of dense screens do."""
LOOK_SECONDS = 0.5

_OWNER = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
_OWNER.add_arg_condition(0, WATCHER.bus_name)

Variant = tuple[str, Any]
Answer = tuple[str | None, tuple[Any, ...]]


async def run(work: "Work", *, patience: float) -> tuple[str, ...]:
    """Show an icon while `work` runs, and return what it does. Raises TrayError where no panel takes one.

    `patience`: seconds to wait for a panel; at login it may come later than this.
    """
    try:
        async with open_dbus_router() as bus:
            shell = StatusNotifier(bus)
            with shell.listening():
                await shell.dock(patience)
                working = asyncio.create_task(work(shell))
                serving = asyncio.create_task(shell.serve())
                try:
                    await asyncio.wait((working, serving), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (working, serving):
                        task.cancel()
                    await asyncio.gather(working, serving, return_exceptions=True)
                return serving.result() if working.cancelled() else working.result()
    except (OSError, KeyError, EOFError) as error:  # jeepney: the environment names no bus
        raise TrayError.no_place("the session has no message bus") from error


class StatusNotifier:
    """The icon as an object on the bus. `act` hears what the person chose."""

    def __init__(self, bus: DBusRouter) -> None:
        self._bus = bus
        self._name = f"{ITEM}-{os.getpid()}-1"
        self._state = State()
        self._revision = 1
        self._sending: set[asyncio.Task[None]] = set()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self.act: Callable[[Action], None] = lambda action: None

    # The shell that the tray sees

    def show(self, state: State) -> None:
        before, self._state = self._state, state
        if menu(before) != menu(state):
            self._revision += 1
            self._emit(dbus_menu.PATH, dbus_menu.INTERFACE, "LayoutUpdated", "ui", (self._revision, 0))
        if (mood(before), steps(share(before))) != (mood(state), steps(share(state))):
            self._emit(PATH, ITEM, "NewIcon")
        if headline(before) != headline(state):
            self._emit(PATH, ITEM, "NewTitle")
            self._emit(PATH, ITEM, "NewToolTip")

    def tell(self, title: str, text: str) -> None:
        body: tuple[Any, ...] = ("Videoshop Bridge", 0, "", title, text.replace("<", "&lt;"), [], {}, -1)
        message = new_method_call(NOTIFICATIONS, "Notify", "susssasa{sv}i", body)
        message.header.flags |= MessageFlag.no_reply_expected  # where nobody shows such, the menu tells it too
        self._send(message)

    # The bus

    async def dock(self, patience: float) -> None:
        """Ask the session's watcher to have the icon shown. Raises TrayError when there is none in time."""
        deadline = asyncio.get_running_loop().time() + patience
        await self._bus.send_and_get_reply(message_bus.RequestName(self._name))
        while not await self._registered():
            if asyncio.get_running_loop().time() > deadline:
                raise TrayError.no_place("no panel of this session shows icons of the kind StatusNotifier")
            await asyncio.sleep(LOOK_SECONDS)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Let nothing be lost that is said from now on: a panel asks as soon as it hears of the icon."""
        with (
            self._bus.filter(MatchRule(type="method_call"), queue=self._heard),
            self._bus.filter(_OWNER, queue=self._heard),
        ):
            yield

    async def serve(self) -> NoReturn:
        """Answer the panels; when another panel takes over, ask that one."""
        await Proxy(message_bus, self._bus).AddMatch(_OWNER)
        while True:
            message = await self._heard.get()
            if message.header.message_type is not MessageType.signal:
                await self._bus.send(self._reply(message))
            elif message.body[2]:  # the new owner; there is none when a panel ends
                await self._registered()

    async def _registered(self) -> bool:
        try:
            (there,) = await Proxy(message_bus, self._bus).NameHasOwner(WATCHER.bus_name)
            if not there:
                return False
            reply = await self._bus.send_and_get_reply(
                new_method_call(WATCHER, "RegisterStatusNotifierItem", "s", (self._name,))
            )
        except DBusErrorResponse:
            return False
        return bool(reply.header.message_type is MessageType.method_return)

    def _emit(
        self, path: str, interface: str, name: str, signature: str | None = None, body: Sequence[Any] = ()
    ) -> None:
        self._send(new_signal(DBusAddress(path, interface=interface), name, signature, tuple(body)))

    def _send(self, message: Message) -> None:
        sending = asyncio.get_running_loop().create_task(self._sent(message))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _sent(self, message: Message) -> None:
        with contextlib.suppress(OSError):  # the session ends, and its bus before us
            await self._bus.send(message)

    # What panels ask

    def _reply(self, call: Message) -> Message:
        fields = call.header.fields
        interface, name = fields.get(HeaderFields.interface, ""), fields.get(HeaderFields.member, "")
        try:
            signature, body = self._answer(fields.get(HeaderFields.path, ""), interface, name, call.body)
        except (LookupError, TypeError, ValueError):
            return new_error(call, "org.freedesktop.DBus.Error.UnknownMethod", "s", (f"{interface}.{name}",))
        return new_method_return(call, signature, body)

    def _answer(self, path: str, interface: str, name: str, body: Sequence[Any]) -> Answer:
        properties = self._item() if path == PATH else dbus_menu.STATIC
        lines = menu(self._state)
        match interface, name:
            case "org.freedesktop.DBus.Introspectable", "Introspect":
                return "s", (INTROSPECTION.get(path, INTROSPECTION["/"]),)
            case "org.freedesktop.DBus.Peer", "Ping":
                return None, ()
            case "org.freedesktop.DBus.Properties", "Get":
                return "v", (properties[body[1]],)
            case "org.freedesktop.DBus.Properties", "GetAll":
                return "a{sv}", (properties,)
            case "org.kde.StatusNotifierItem", "Activate" | "SecondaryActivate":
                self._choose(next((item.act for item in lines if item.default), None))
                return None, ()
            case "org.kde.StatusNotifierItem", "ContextMenu" | "Scroll":
                return None, ()
            case "com.canonical.dbusmenu", "GetLayout":
                return "u(ia{sv}av)", (self._revision, dbus_menu.layout(lines, body[0]))
            case "com.canonical.dbusmenu", "GetGroupProperties":
                return "a(ia{sv})", (dbus_menu.group(lines, body[0]),)
            case "com.canonical.dbusmenu", "GetProperty":
                return "v", (dict(dbus_menu.group(lines, [body[0]]))[body[0]][body[1]],)
            case "com.canonical.dbusmenu", "Event":
                self._hear(body[0], body[1])
                return None, ()
            case "com.canonical.dbusmenu", "EventGroup":
                for id, event, *_ in body[0]:
                    self._hear(id, event)
                return "ai", ([],)
            case "com.canonical.dbusmenu", "AboutToShow":
                return "b", (False,)
            case "com.canonical.dbusmenu", "AboutToShowGroup":
                return "aiai", ([], [])
        raise LookupError(name)

    def _hear(self, id: int, event: str) -> None:
        if event == "clicked":
            action = dbus_menu.action(id)
            if action in {item.act for item in menu(self._state)}:  # not what another menu offered
                self._choose(action)

    def _choose(self, action: Action | None) -> None:
        if action is not None:
            self.act(action)

    def _item(self) -> dict[str, Variant]:
        state = self._state
        pictures = [(size, size, _argb(state, size)) for size in SIZES]
        line = headline(state)
        return {
            "Category": ("s", "ApplicationStatus"),
            "Id": ("s", "videoshop"),
            "Title": ("s", f"Videoshop Bridge: {line}"),
            "Status": ("s", "Active"),
            "WindowId": ("i", 0),
            "IconName": ("s", ""),
            "IconPixmap": ("a(iiay)", pictures),
            "OverlayIconName": ("s", ""),
            "OverlayIconPixmap": ("a(iiay)", []),
            "AttentionIconName": ("s", ""),
            "AttentionIconPixmap": ("a(iiay)", []),
            "AttentionMovieName": ("s", ""),
            "IconThemePath": ("s", ""),
            "ToolTip": ("(sa(iiay)ss)", ("", [], "Videoshop Bridge", line)),
            "ItemIsMenu": ("b", False),
            "Menu": ("o", dbus_menu.PATH),
        }


Work = Callable[[StatusNotifier], Coroutine[Any, Any, tuple[str, ...]]]
"""What goes on while an icon is shown: the program to go on with then, if any."""


def _argb(state: State, size: int) -> bytes:
    """The icon's pixels, alpha first."""
    from PIL import Image

    red, green, blue, alpha = draw(mood(state), size, share(state)).split()
    return Image.merge("RGBA", (alpha, red, green, blue)).tobytes()


def _described(interface: str, methods: str, properties: dict[str, str], signals: str) -> str:
    told = "".join(f'<property name="{name}" type="{kind}" access="read"/>' for name, kind in properties.items())
    return f'<node><interface name="{interface}">{methods}{told}{signals}</interface></node>'


def _method(name: str, taken: str, given: str = "") -> str:
    words = "".join(f'<arg type="{kind}" direction="in"/>' for kind in taken.split())
    words += "".join(f'<arg type="{kind}" direction="out"/>' for kind in given.split())
    return f'<method name="{name}">{words}</method>'


def _signal(name: str, words: str = "") -> str:
    return f'<signal name="{name}">{"".join(f"""<arg type="{kind}"/>""" for kind in words.split())}</signal>'


INTROSPECTION = {
    "/": f'<node><node name="{PATH[1:]}"/><node name="{dbus_menu.PATH[1:]}"/></node>',
    PATH: _described(
        ITEM,
        "".join(_method(name, "i i") for name in ("Activate", "SecondaryActivate", "ContextMenu"))
        + _method("Scroll", "i s"),
        {
            **dict.fromkeys(("Category", "Id", "Title", "Status", "IconName", "OverlayIconName"), "s"),
            **dict.fromkeys(("AttentionIconName", "AttentionMovieName", "IconThemePath"), "s"),
            **dict.fromkeys(("IconPixmap", "OverlayIconPixmap", "AttentionIconPixmap"), "a(iiay)"),
            "WindowId": "i",
            "ToolTip": "(sa(iiay)ss)",
            "ItemIsMenu": "b",
            "Menu": "o",
        },
        "".join(map(_signal, ("NewTitle", "NewIcon", "NewToolTip"))) + _signal("NewStatus", "s"),
    ),
    dbus_menu.PATH: _described(
        dbus_menu.INTERFACE,
        _method("GetLayout", "i i as", "u (ia{sv}av)")
        + _method("GetGroupProperties", "ai as", "a(ia{sv})")
        + _method("GetProperty", "i s", "v")
        + _method("Event", "i s v u")
        + _method("EventGroup", "a(isvu)", "ai")
        + _method("AboutToShow", "i", "b")
        + _method("AboutToShowGroup", "ai", "ai ai"),
        {name: kind for name, (kind, _) in dbus_menu.STATIC.items()},
        _signal("LayoutUpdated", "u i") + _signal("ItemsPropertiesUpdated", "a(ia{sv}) a(ias)"),
    ),
}

"""`videoshop doctor`: follows the chain from the folders to the graphics card, and names the first broken link.

Each link is a check; the checks are run in order by `examine`. What needs pixels or packages is asked of a fresh engine
process, as a job would be. Nothing is made or mended here: a folder, a token or a service that is missing is told of.
"""

import asyncio
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bridge_server.client import Client
from bridge_server.desktop import runtime
from bridge_server.desktop.frozen import again
from bridge_server.desktop.instance import Instance, alive, discover
from bridge_server.desktop.listener import listener
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import BridgeError, ServiceError, UnreachableError
from bridge_server.listening import listen
from bridge_server.security import pairing_token
from bridge_server.server import PORTS
from bridge_server.worker import ENGINE, EngineProcess, Patience

JsonObject = dict[str, Any]
State = Literal["ok", "broken", "absent", "skipped"]
"""`absent`: not there, and not needed. `skipped`: not checked, as an earlier link is broken."""

CLIP = Path(__file__).parent / "demo" / "box.mp4"
"""The clip that the engine reads."""

FREE_BYTES = 2 << 30
"""Least room for results."""

HANDSHAKE_SECONDS = 5.0
PATIENCE = Patience(silence=15.0)

GB = 1e9


@dataclass(frozen=True)
class Check:
    """What was found of one link. `says`: one line; `hint`: what to do where it is not ok; `facts` are for programs."""

    name: str
    title: str
    state: State
    says: str
    hint: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> JsonObject:
        return {
            "name": self.name,
            "state": self.state,
            "says": self.says,
            "hint": self.hint or None,
            "facts": dict(self.facts),
        }


def first_broken(checks: Sequence[Check]) -> Check | None:
    return next((check for check in checks if check.state == "broken"), None)


def report(checks: Sequence[Check]) -> JsonObject:
    """The checks for programs: {"version", "ok", "broken": the first broken link's name, "checks"}."""
    broken = first_broken(checks)
    return {
        "version": version("videoshop-bridge"),
        "ok": broken is None,
        "broken": broken.name if broken else None,
        "checks": [check.told() for check in checks],
    }


async def examine(places: Places) -> AsyncIterator[Check]:
    """Each link of the chain, as soon as it is checked."""
    yield (folders := check_folders(places))
    yield (token := check_token(places))
    service, found = check_service(places)
    yield service
    yield (port := check_port(found))
    yield await check_handshake(places, found if port.state == token.state == "ok" else None)
    yield check_environment(places)
    engine = EngineProcess(patience=PATIENCE)
    try:
        yield (starts := await check_engine(engine))
        if starts.state == "ok":
            yield await check_codecs(engine)
            yield await check_method(engine)
            yield await check_weights(engine)
        else:
            for name, title in (("codecs", "Codecs"), ("videoshop", "Method videoshop"), ("weights", "Weights")):
                yield Check(name, title, "skipped", "Not checked: the engine does not work.")
    finally:
        await engine.close()
    yield check_disk(places, usable=folders.state == "ok")


# Files


def check_folders(places: Places) -> Check:
    """Both folders can be written, and are closed to others; where one is not there yet, it can be made."""
    for folder, variable in ((places.config, CONFIG), (places.data, DATA)):
        why = _unusable(folder)
        if why is not None:
            hint = f"Make it a folder that you may write, or name another one in {variable}."
            return _folders("broken", f"{folder} cannot be used: {why}.", hint)
        if _open_to_others(folder, places):
            hint = f"Run `chmod 700 '{folder}'`, or name another folder in {variable}."
            return _folders("broken", f"{folder} is open to other users of this machine.", hint)
    made = all(folder.exists() for folder in (places.config, places.data))
    return _folders("ok", "Writable, and closed to others." if made else "Can be made at the first start.")


def _folders(state: State, says: str, hint: str = "") -> Check:
    return Check("folders", "Folders", state, says, hint)


def _unusable(folder: Path) -> str | None:
    """Why nothing can be written into a folder, or why it cannot be made."""
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir():
            return f"“{there.name}” is no folder"
        if there == folder:
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"here")
        elif not os.access(there, os.W_OK | os.X_OK):
            return os.strerror(errno.EACCES)
    except OSError as error:
        return error.strerror or "the disk refused"
    return None


def _open_to_others(folder: Path, places: Places) -> bool:
    """Whether others can reach what the service keeps in one of its folders.

    The data folder may be one that others enter, as long as they cannot change it nor enter what is in it.
    """
    if sys.platform == "win32" or not folder.exists() or not _mode(folder) & 0o077:
        return False
    kept = (places.jobs, places.incoming, places.frames, places.logs)
    return folder == places.config or bool(_mode(folder) & 0o022) or any(_mode(inner) & 0o077 for inner in kept)


def _mode(path: Path) -> int:
    """The permissions of a path; none where it is not there."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else 0


def check_token(places: Places) -> Check:
    """The pairing token is one, and its owner's alone."""
    try:
        if places.token.exists():
            pairing_token(places.token)
            return _token("ok", "Well-formed, and read by you alone.")
        if discover(places.discovery) is None or not alive(places):
            return _token("absent", "Not made yet.", "The service makes it when it starts.")
    except ServiceError as error:
        return _token("broken", error.message, error.hint)
    except OSError as error:
        return _token("broken", f"It cannot be read: {error.strerror}.", "Make its folder one that you may enter.")
    hint = "End the service and start it again with `videoshop serve`: it makes a new one, and each host pairs again."
    return _token("broken", "It is gone, though the service that knows it runs.", hint)


def _token(state: State, says: str, hint: str = "") -> Check:
    return Check("token", "Pairing token", state, says, hint)


def check_disk(places: Places, *, usable: bool) -> Check:
    """There is room for results."""
    if not usable:
        return Check("disk", "Disk space", "skipped", "Not checked: the data folder cannot be used.")
    there = next(path for path in (places.data, *places.data.parents) if path.exists())
    free, results = shutil.disk_usage(there).free, _bytes_in(places.jobs)
    facts = {"free": free, "results": results}
    says = f"{free / GB:.1f} GB free; results take {results / GB:.1f} GB."
    if free < FREE_BYTES:
        hint = f"Free some space (2 GB are wanted), or name a folder on a larger disk in {DATA}."
        return Check("disk", "Disk space", "broken", says, hint, facts)
    return Check("disk", "Disk space", "ok", says, facts=facts)


def _bytes_in(folder: Path) -> int:
    return sum(_size(Path(parent) / name) for parent, _, names in os.walk(folder) for name in names)


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # gone meanwhile
        return 0


# The service


def check_service(places: Places) -> tuple[Check, Instance | None]:
    """A service has the lock, and says where it listens: what it says."""
    found = discover(places.discovery)
    try:
        running = alive(places)
    except ServiceError as error:
        return _service("broken", error.message, error.hint), None
    if running and found is not None:
        facts = {"pid": found.pid, "port": found.port, "version": found.version}
        return _service("ok", f"Running as pid {found.pid}, version {found.version}.", facts=facts), found
    if running:
        hint = "Wait a moment and ask again; if it stays so, end the service and start it with `videoshop serve`."
        return _service("broken", "A service runs, but does not say on which port.", hint), None
    if found is not None:
        says = f"The service (pid {found.pid}) ended without a goodbye: it crashed, or was killed."
        return _service("broken", says, _start()), None
    return _service("broken", "No service is running.", _start()), None


def _service(state: State, says: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> Check:
    return Check("service", "Service", state, says, hint, facts or {})


def _start() -> str:
    """How to start the service here."""
    if all(_taken(port) for port in PORTS):
        who = ", ".join(dict.fromkeys(_who(port) for port in PORTS))
        return f"Its usual ports are taken by {who}: end that, or start it with `videoshop serve --port 0`."
    return "Start it with `videoshop serve`."


def _taken(port: int) -> bool:
    """Whether a program listens on a port. It is tried as the service would: a call would only disturb who listens."""
    try:
        _, sockets = listen((port,))
    except ServiceError:
        return True
    for opened in sockets:
        opened.close()
    return False


def _who(port: int) -> str:
    found = listener(port)
    return str(found) if found else "a program of another user"


def check_port(found: Instance | None) -> Check:
    """What listens on the service's port is the service."""
    if found is None:
        return Check("port", "Port", "skipped", "Not checked: no service says on which port it listens.")
    facts = {"port": found.port}
    restart = "End the service and start it again with `videoshop serve`."
    if not _taken(found.port):
        return Check("port", "Port", "broken", f"Nothing listens on port {found.port}.", restart, facts)
    other = listener(found.port)
    if other is not None and other.pid != found.pid:
        says = f"Port {found.port} is not the service's: {other} listens there."
        return Check("port", "Port", "broken", says, f"End that program. {restart}", facts)
    return Check("port", "Port", "ok", f"The service listens on port {found.port}.", facts=facts)


async def check_handshake(places: Places, found: Instance | None) -> Check:
    """Service and token fit each other, and both sides have the same version."""
    if found is None:
        return _handshake("skipped", "Not checked: it takes the token, and the service on its port.")
    ours = version("videoshop-bridge")
    restart = "End the service and start it again with `videoshop serve`."
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS), await Client.connect(places, host="doctor") as client:
            theirs = client.hello.bridge_version
            await client.ping()
    except TimeoutError:
        return _handshake("broken", f"The service said nothing for {HANDSHAKE_SECONDS:.0f} s.", restart)
    except UnreachableError as error:
        hint = restart if error.code == "bridge.closed" else error.hint
        return _handshake("broken", error.message, hint)
    except BridgeError as error:
        return _handshake("broken", f"What listens there is not the bridge: {error.message}", restart)
    facts = {"service": theirs, "command": ours}
    if theirs != ours:
        says = f"The service is version {theirs}, this command is {ours}."
        return _handshake("broken", says, f"{restart} If it stays so, two versions are installed.", facts)
    return _handshake("ok", f"Each side proved the token; both are version {ours}.", facts=facts)


def _handshake(state: State, says: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> Check:
    return Check("handshake", "Handshake", state, says, hint, facts or {})


# The engine


def check_environment(places: Places) -> Check:
    """The engine's environment, at a glance. It may be absent."""
    from bridge_server.desktop.runtime.glance import glance

    found = glance(places)
    facts = {
        "state": found.state,
        "unfinished": found.unfinished,
        "backend": found.installed.backend if found.installed else None,
        "python": found.installed.python if found.installed else None,
        "size": found.installed.size if found.installed else None,
    }
    if found.installed is None:
        if found.unfinished is None:
            hint = "Where the method videoshop is not installed, `videoshop engine install` does it; flow needs none."
            return _environment("absent", "Not installed.", hint, facts)
        hint = "Run `videoshop engine install`, unless it is at work: it goes on where it was."
        return _environment("absent", "Here in part: its installation has not ended.", hint, facts)
    if found.state == "damaged":
        more = f" and {found.faults - 1} more" if found.faults > 1 else ""
        says = f"Files are missing or damaged: {found.first}{more}."
        return _environment("broken", says, "Run `videoshop engine repair`: it keeps what is whole.", facts)
    says = f"{found.installed.backend}, Python {found.installed.python}: every file is there."
    if found.unfinished is not None:
        says += f" A newer one is not ready: {found.unfinished} has not ended."
    return _environment("ok", says, facts=facts)


def _environment(state: State, says: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> Check:
    return Check("environment", "Engine's environment", state, says, hint, facts or {})


async def check_engine(engine: EngineProcess) -> Check:
    """The engine starts, and reads the clip that comes with it."""
    try:
        clip = await engine.ask("probe", {"clip": str(CLIP)})
        says = f"Reads a clip of {clip['frames']} frames, {clip['width']}×{clip['height']}, {clip['codec']}."
    except BridgeError as error:
        hint = error.hint
        if os.environ.get(ENGINE):
            hint = f"{ENGINE} names the engine's command: correct it, or unset it."
        elif (repair := _repair()) is not None:
            hint = repair
        words = [line for line in engine.stderr if line.strip()]
        says = f"{error.message} Its last words: {words[-1]}" if words else error.message
        return Check("engine", "Engine", "broken", says, hint)
    except KeyError:
        return Check("engine", "Engine", "broken", *_misunderstood("probe"))
    return Check("engine", "Engine", "ok", says)


async def check_codecs(engine: EngineProcess) -> Check:
    """What clips are read and written with is there."""
    try:
        told = (await engine.ask("about", {"parts": ["codecs"]}))["codecs"]
        missing = [
            f"{name} {kind}" for name, has in told["known"].items() for kind in ("encoder", "decoder") if not has[kind]
        ]
        says = f"{', '.join(told['known'])}: encoders and decoders of FFmpeg {told['ffmpeg']}."
    except BridgeError as error:
        return Check("codecs", "Codecs", "broken", error.message, error.hint)
    except KeyError:
        return Check("codecs", "Codecs", "broken", *_misunderstood("about"))
    if missing:
        hint = _again("Install `av` from PyPI's wheels: `pip install --force-reinstall --only-binary=av av`")
        return Check("codecs", "Codecs", "broken", f"FFmpeg lacks: {', '.join(missing)}.", hint, told)
    return Check("codecs", "Codecs", "ok", says, facts=told)


async def check_method(engine: EngineProcess) -> Check:
    """The packages of the method `videoshop`, and what it would compute on. It may be absent."""
    try:
        told = await engine.ask("about", {"parts": ["packages", "devices"]})
        packages, devices = told["packages"], told["devices"]
        lacking = [name for name in ("torch", "diffusers", "transformers") if packages[name] is None]
        found = [(device["kind"], device["name"], device["total"]) for device in devices["found"]]
    except BridgeError as error:
        return _method("broken", error.message, error.hint)
    except (KeyError, TypeError):
        return _method("broken", *_misunderstood("about"))
    if lacking:
        return _method("absent", f"Not installed ({', '.join(lacking)} missing).", _repair() or "", told)
    if devices["error"] is not None:
        hint = _again("Install torch again: `pip install --force-reinstall torch`")
        return _method("broken", f"torch is installed, but does not load: {devices['error']}.", hint, told)
    cards = [f"{name}, {total / GB:.0f} GB" for kind, name, total in found if kind != "cpu"]
    where = "; ".join(cards) or "the processor alone, which is slow"
    return _method("ok", f"torch {packages['torch']} on {where}.", facts=told)


def _method(state: State, says: str, hint: str = "", facts: Mapping[str, Any] | None = None) -> Check:
    return Check("videoshop", "Method videoshop", state, says, hint, facts or {})


async def check_weights(engine: EngineProcess) -> Check:
    """The model's files. They may be absent."""
    try:
        models = (await engine.ask("weights.list", {}))["models"]
        states = {model["name"]: model["state"] for model in models}
    except BridgeError as error:
        return Check("weights", "Weights", "broken", error.message, error.hint)
    except (KeyError, TypeError):
        return Check("weights", "Weights", "broken", *_misunderstood("weights.list"))
    here = [name for name, state in states.items() if state == "installed"]
    if here:
        return Check("weights", "Weights", "ok", f"{', '.join(here)} installed.", facts=states)
    part = next((name for name, state in states.items() if state == "incomplete"), None)
    if part is not None:
        hint = f"Run `videoshop weights download {part}`: it goes on where it was."
        return Check("weights", "Weights", "absent", f"{part} is here in part.", hint, states)
    hint = "The method videoshop alone needs them; get them with `videoshop weights download`."
    return Check("weights", "Weights", "absent", "None are here.", hint, states)


def _again(from_source: str) -> str:
    """How what the engine runs with is brought back: where it came from."""
    return _repair() or f"{again(from_source)}."


def _repair() -> str | None:
    """What to do where the engine runs in an environment of its own."""
    if os.environ.get(ENGINE) or runtime.command(Places.of_user()) is None:
        return None
    return "Run `videoshop engine repair`: the engine runs in an environment of its own."


def _misunderstood(what: str) -> tuple[str, str]:
    return f"The engine's answer to “{what}” is not one that this bridge knows.", "Install both of the same version."

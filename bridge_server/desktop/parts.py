"""What can be installed beside the service, for a person who opens no terminal: how each part stands, and its doing.

| part | group | what it is |
| --- | --- | --- |
| photoshop, after-effects, script | panels | see `plugins` |
| engine | videoshop | the environment that the method needs, for this machine's graphics card |
| svd, … | videoshop | the models that the engine knows by name |
"""

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

from bridge_server import worker
from bridge_server.desktop import plugins
from bridge_server.desktop.faults import SetupError
from bridge_server.desktop.paths import Places
from bridge_server.desktop.plugins import PLUGINS, Hosts, Plugin
from bridge_server.desktop.runtime import home, upkeep
from bridge_server.desktop.runtime.build import Progress
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.glance import glance
from bridge_server.protocol import messages as m
from engine.request import Event
from engine.videoshop.catalogue import MODELS, store
from engine.videoshop.stock import contents_of, state_of

ENGINE = "engine"
OnWork = Callable[[m.Work], None]
"""Takes each step, several times a second."""

UNSIGNED = m.Licence(
    name="An extension without Adobe's signature",
    rule="After Effects loads such extensions only where that was allowed for all of them. It is allowed for you alone "
    "(PlayerDebugMode), and taken back with this panel.",
    terms="https://github.com/Adobe-CEP/CEP-Resources",
)
"""What a person agrees to who has the panel of After Effects installed."""


def parts(places: Places, hosts: Hosts) -> tuple[m.Part, ...]:
    """All of them, as they stand. It may take seconds: the system is asked for its graphics cards."""
    return (*(_panel(places, hosts, plugin) for plugin in PLUGINS), _engine(places), *_models())


def _panel(places: Places, hosts: Hosts, plugin: Plugin) -> m.Part:
    if not hosts.adobe:
        return m.Part(part=plugin, group="panels", state="elsewhere")
    state = plugins.standing(places, plugin, plugins.folder())
    licence = UNSIGNED if plugin == "after-effects" and state == "absent" else None
    return m.Part(part=plugin, group="panels", state=state, licence=licence, removable=state != "absent")


def _engine(places: Places) -> m.Part:
    found = upkeep.status(places, upkeep.DEFAULT)
    installed = found.installed
    if installed is None and _has_method():
        return m.Part(part=ENGINE, group="videoshop", state="ready", note="It is part of this Python.")
    try:
        lock = upkeep.lock_for(upkeep.AUTO, upkeep.DEFAULT)
    except RuntimeFault as fault:
        return m.Part(part=ENGINE, group="videoshop", state="elsewhere", note=fault.message)
    note = f"{found.choice.backend}: {found.choice.why}"
    if installed is None:
        state: m.PartState = "absent" if found.unfinished is None else "begun"
        size = None if lock.open else lock.size
        removable = upkeep.remains(found.home)
        return m.Part(part=ENGINE, group="videoshop", state=state, size=size, note=note, removable=removable)
    state = "damaged" if glance(places).faults else "outdated" if found.state == "outdated" else "ready"
    note = note if installed.backend == found.choice.backend else f"{installed.backend} is installed. {note}"
    return m.Part(part=ENGINE, group="videoshop", state=state, size=installed.size, note=note, removable=True)


def _has_method() -> bool:
    """Whether the engine finds torch where this program runs from source."""
    return not getattr(sys, "frozen", False) and all(find_spec(name) for name in ("torch", "diffusers"))


STATES: dict[str, m.PartState] = {"installed": "ready", "incomplete": "begun", "absent": "absent"}


def _models() -> list[m.Part]:
    told = []
    for model in MODELS.values():
        folder = store() / model.name
        contents, state = contents_of(folder), STATES[state_of(folder)]
        licence = m.Licence(name=model.licence.name, rule=model.licence.rule, terms=model.licence.terms)
        told.append(
            m.Part(
                part=model.name,
                group="videoshop",
                state=state,
                size=contents.size if contents is not None else model.size,
                note=f"{model.about}: {model.frames} frames at once",
                licence=None if state == "ready" else licence,
                removable=state != "absent",
            )
        )
    return told


# Installing and removing


def install(
    places: Places, hosts: Hosts, part: str, on_work: OnWork, *, accepted: bool, token: str | None
) -> plugins.Told | None:
    """Install a part, or bring it up to date, or mend it; what came of a panel. Raises BridgeError, OSError.

    `token`: of the hub's, where it asks for one.
    """
    known = {one.part: one for one in parts(places, hosts)}
    if part not in known:
        raise SetupError.unknown_part(part)
    now = known[part]
    if now.licence is not None and not accepted:
        raise SetupError.not_accepted(part, now.licence.terms)
    match part:
        case "photoshop" | "after-effects" | "script":
            return plugins.install(places, part, plugins.folder(), hosts, unsigned=now.licence is not None)
        case "engine":
            if now.removable or now.state != "ready":  # else it is part of this Python
                installed = home(places).installed()
                backend = installed.backend if installed is not None else upkeep.AUTO
                upkeep.install(places, backend, upkeep.DEFAULT, lambda step: on_work(_step(part, step)))
        case _:
            if known[ENGINE].state not in ("ready", "outdated"):
                raise SetupError.needs_engine(part)
            token = token or os.environ.get("HF_TOKEN") or None
            asked = {"name": part, "accepted": accepted, "full": False, "token": token}
            worker.run("weights.download", asked, lambda event: on_work(_bytes(part, event)))
    return None


def remove(places: Places, hosts: Hosts, part: str) -> list[str]:
    """Take a part back; what could not be, and how it can. Raises BridgeError, OSError."""
    match part:
        case "photoshop" | "after-effects" | "script":
            return plugins.remove(places, hosts, which=(part,))
        case "engine":
            upkeep.remove(places)
        case _ if part in MODELS:
            worker.run("weights.remove", {"name": part}, lambda event: None)
        case _:
            raise SetupError.unknown_part(part)
    return []


def _step(part: str, step: Progress) -> m.Work:
    """A step of the engine's environment: bytes where they are known, else packages."""
    in_bytes = step.phase in ("fetch", "verify") and step.total > 0
    return m.Work(
        part=part,
        doing="install",
        phase=step.phase,
        done=step.size if in_bytes else step.packages,
        total=step.total if in_bytes else step.of,
        unit="bytes" if in_bytes else "packages",
        note=", ".join(step.coming[:3]) or None,
    )


def _bytes(part: str, event: Event) -> m.Work:
    """A step of a model's download."""
    phase: m.SetupPhase = "verify" if event.stage == "probe" else "fetch"
    return m.Work(part=part, doing="install", phase=phase, done=event.done, total=event.total, note=event.message)

"""What the tray icon says: a value that the service's news change, and the menu and the mood that follow from it."""

from dataclasses import dataclass, replace
from typing import Literal

from bridge_server.protocol import messages as m
from engine.request import Stage

Action = Literal[
    "open",
    "set up",
    "pair",
    "pause",
    "resume",
    "release",
    "login on",
    "login off",
    "logs",
    "check",
    "update",
    "start",
    "quit",
]
Mood = Literal["idle", "working", "paused", "error"]
Service = Literal["starting", "running", "gone"]

DOING: dict[Stage, str] = {
    "probe": "reading the clip",
    "locate": "finding the frame",
    "plan": "planning",
    "encode": "encoding",
    "invert": "inverting",
    "generate": "generating",
    "decode": "decoding",
    "propagate": "propagating",
    "write": "writing",
}

LONGEST_NAME = 40
"""Most characters of a clip's name in a menu."""


@dataclass(frozen=True)
class State:
    """`job`: the one that runs. `failed`: the last one, if it failed and nobody looked since. `code`: a pairing code
    that is good now. `newer`: a version that is offered. `note`: what was found out for the person last."""

    service: Service = "starting"
    paused: bool = False
    waiting: int = 0
    job: m.Snapshot | None = None
    failed: m.Snapshot | None = None
    code: str | None = None
    at_login: bool = False
    newer: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Item:
    """A line of the menu. `act` None: it only tells. `default`: what a click on the icon does."""

    text: str
    act: Action | None = None
    checked: bool | None = None
    default: bool = False


SEPARATOR = Item("")


def after(state: State, news: m.JobState | m.JobProgress | m.JobRemoved | m.QueueState) -> State:
    """The state after news of the service."""
    match news:
        case m.QueueState():
            return replace(state, paused=news.paused, waiting=len(news.order))
        case m.JobState(state="running"):
            failed = None if state.job is None or state.job.job != news.job else state.failed
            return replace(state, job=news, failed=failed)
        case m.JobState():
            ours = state.job is not None and state.job.job == news.job
            failed = news if news.state == "failed" else state.failed
            return replace(state, job=None if ours else state.job, failed=failed)
        case m.JobProgress() if state.job is not None and state.job.job == news.job:
            update = {"stage": news.stage, "done": news.done, "total": news.total}
            return replace(state, job=state.job.model_copy(update=update))
        case m.JobRemoved() if state.failed is not None and state.failed.job == news.job:
            return replace(state, failed=None)
    return state


def met(state: State, jobs: tuple[m.Snapshot, ...]) -> State:
    """The state when the service has told its jobs. What failed earlier is no news."""
    running = next((job for job in jobs if job.state == "running"), None)
    return replace(state, service="running", job=running, failed=None)


def lost(state: State, service: Service) -> State:
    """The state without a service to ask."""
    return replace(state, service=service, job=None, code=None, waiting=0)


def mood(state: State) -> Mood:
    if state.service == "gone" or state.failed is not None:
        return "error"
    if state.job is not None:
        return "working"
    return "paused" if state.paused else "idle"


def share(state: State) -> float:
    """How much of the running job's stage is done, 0 to 1."""
    job = state.job
    return job.done / job.total if job is not None and job.total else 0.0


def headline(state: State) -> str:
    """How it stands, in a few words: the first line of the menu, and what the icon says under the pointer."""
    if state.service != "running":
        return "Starting…" if state.service == "starting" else "The service does not run"
    waiting = f", {state.waiting} waiting" if state.waiting else ""
    if state.job is not None:
        return f"Working{waiting}{', then paused' if state.paused else ''}"
    return f"Paused{waiting}" if state.paused else f"Ready{waiting}"


def menu(state: State) -> tuple[Item, ...]:
    """The lines of the menu, top to bottom."""
    return (
        *_told(state),
        SEPARATOR,
        *(_asked(state) if state.service == "running" else _without(state)),
        SEPARATOR,
        Item("Start at login", "login off" if state.at_login else "login on", checked=state.at_login),
        Item("Open the logs folder", "logs"),
        _update(state),
        SEPARATOR,
        Item("Quit; the job goes on next time" if state.job is not None else "Quit", "quit"),
    )


def _told(state: State) -> list[Item]:
    told = [Item(headline(state))]
    if state.job is not None:
        told.append(Item(progress(state.job)))
    if state.failed is not None:
        why = state.failed.error.message if state.failed.error is not None else "it failed"
        told.append(Item(f"{_name(state.failed.clip)}: {why}"))
    if state.code is not None:
        told.append(Item(f"Code for the panel: {state.code}"))
    if state.note is not None:
        told.append(Item(state.note))
    return told


def _asked(state: State) -> list[Item]:
    queue = Item("Go on with the queue", "resume") if state.paused else Item("Pause the queue", "pause")
    return [
        Item("Open Videoshop", "open", default=True),
        Item("Set up plugins and the diffusion method", "set up"),
        Item("Pair a plugin", "pair"),
        SEPARATOR,
        queue,
        Item("Free the graphics memory", "release"),
    ]


def _without(state: State) -> list[Item]:
    return [Item("Start the service", "start", default=True)] if state.service == "gone" else []


def _update(state: State) -> Item:
    if state.newer is None:
        return Item("Look for updates", "check")
    return Item(f"Install version {state.newer} and start again", "update")


def progress(job: m.Snapshot) -> str:
    """“shot.mov: propagating, 42 %”."""
    if job.stopping is not None:
        return f"{_name(job.clip)}: stopping"
    doing = DOING[job.stage] if job.stage is not None else "starting"
    done = f", {100 * job.done // job.total} %" if job.total else ""
    return f"{_name(job.clip)}: {doing}{done}"


def _name(clip: str) -> str:
    return clip if len(clip) <= LONGEST_NAME else f"{clip[: LONGEST_NAME - 1]}…"

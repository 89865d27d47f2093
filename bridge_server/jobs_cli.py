"""`videoshop jobs`: what the running service does, and what it should do instead."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from bridge_server import words
from bridge_server.console import plain, say
from bridge_server.desktop.paths import Places
from bridge_server.errors import JobError, MessageError, WorkerError
from bridge_server.protocol import messages as m

if TYPE_CHECKING:  # what only asks the service is not loaded into it
    from bridge_server.client import Client

NAME = "jobs"
R = TypeVar("R")

app = typer.Typer(
    name=NAME,
    help="The jobs of the running service: list them, watch, cancel, retry, reorder.\n\n"
    "A job is named by its id, or by as many of its first characters as no other job has. "
    "**videoshop jobs** alone lists them.",
    rich_markup_mode="markdown",
    invoke_without_command=True,
)

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job, or its beginning.", show_default=False)]
JobsArgument = Annotated[
    list[str], typer.Argument(metavar="JOB...", help="Ids of jobs, or their beginnings.", show_default=False)
]


@app.callback()
def jobs(
    context: typer.Context,
    all: Annotated[bool, typer.Option("--all", help="Every job that is remembered, not only the last 50.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    listed, queue = _ask(lambda client: _listed(client, everything=all))
    if as_json:
        told = {"paused": queue.paused, "jobs": [job.model_dump(mode="json") for job in listed]}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if queue.paused:
        say("[yellow]The queue is paused:[/] `videoshop jobs resume` lets it go on.")
    if not listed:
        say("There are no jobs.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("job", "state", "", "clip", "method", "from", "submitted", box=None, pad_edge=False)
    for job in listed:
        table.add_row(
            str(job.job)[:8], _state(job), _progress(job), plain(job.clip), job.method, plain(job.host), _when(job)
        )
    Console().print(table)


@app.command(epilog="**Example**\n\n`videoshop jobs watch 3fa8`")
def watch(job: JobArgument) -> None:
    """Tell what a job does until it ends; its exit code is the command's."""
    last = _ask(lambda client: _watch(client, job))
    if last.error is not None:
        fault = last.error
        raise WorkerError(fault.code, fault.message, fault.hint, ref=fault.ref)
    if last.state == "cancelled":
        raise WorkerError.stopped()


@app.command()
def show(job: JobArgument) -> None:
    """Print all that is known of a job, as JSON: what was asked, how it stands, where its result is."""

    async def told(client: "Client") -> dict[str, Any]:
        snapshot = await _find(client, job)
        return snapshot.model_dump(mode="json") | {"params": await client.describe(snapshot.job)}

    print(json.dumps(_ask(told), ensure_ascii=False, indent=2))


@app.command()
def cancel(jobs: JobsArgument) -> None:
    """Cancel jobs that wait or run."""
    _each(jobs, lambda client, job: client.cancel(job))


@app.command()
def retry(jobs: JobsArgument) -> None:
    """Queue jobs again that failed, were cancelled or interrupted; they go on from what they had done."""
    _each(jobs, lambda client, job: client.retry(job))


@app.command()
def hold(jobs: JobsArgument) -> None:
    """Do not start jobs that wait; send a running one back to the queue."""
    _each(jobs, lambda client, job: client.hold(job))


@app.command()
def release(jobs: JobsArgument) -> None:
    """Let held jobs run when their turn comes."""
    _each(jobs, lambda client, job: client.release(job))


@app.command(epilog="**Example**\n\n`videoshop jobs move 3fa8 --before 91c0`")
def move(
    job: JobArgument,
    before: Annotated[
        str | None, typer.Option(metavar="JOB", help="Run right before this one; without it, last.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=-10, max=10, help="Run among jobs of this priority; higher ones first.")
    ] = None,
) -> None:
    """Change when a job that waits will run."""
    if before is not None and priority is not None:
        raise typer.BadParameter("--before and --priority exclude each other.")

    async def moved(client: "Client") -> m.JobState:
        id = (await _find(client, job)).job
        if priority is not None:
            return await client.prioritise(id, priority)
        return await client.move(id, None if before is None else (await _find(client, before)).job)

    _tell(_ask(moved))


@app.command(epilog="**Example**\n\n`videoshop jobs rerun 3fa8 --set transfer=opaque --seed 7`")
def rerun(
    job: JobArgument,
    range: Annotated[str | None, typer.Option(metavar="A:B", help="Source frames A to B − 1.")] = None,
    method: Annotated[str | None, typer.Option(help="flow or videoshop.")] = None,
    format: Annotated[str | None, typer.Option(help="Of mov, mp4, mkv, png, with commas.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting; the others stay as they were. Repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of what is drawn by chance.")] = None,
) -> None:
    """Submit a new job with the clip and images of another, and other settings. Prints its id."""

    async def again(client: "Client") -> m.JobAccepted:
        id = (await _find(client, job)).job
        known = await client.describe(id)
        changed: dict[str, Any] = {"method": method, "seed": seed}
        if range is not None:
            changed["range"] = words.range(range).model_dump()
        if format is not None:
            changed["formats"] = [name.strip() for name in format.split(",")]
        if settings:
            changed["settings"] = known["settings"] | dict(words.setting(text) for text in settings)
        return await client.rerun(id, _changes({name: value for name, value in changed.items() if value is not None}))

    print(_ask(again).job)


@app.command()
def remove(
    jobs: JobsArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget ended jobs, with their images and their results."""
    if not yes and not typer.confirm(f"Delete {len(jobs)} job(s) with all their files?", err=True):
        raise WorkerError.stopped()

    async def removed(client: "Client") -> None:
        for name in jobs:
            job = await _find(client, name)
            await client.remove(job.job)
            print(f"{str(job.job)[:8]} removed")

    _ask(removed)


@app.command()
def pause(
    now: Annotated[bool, typer.Option("--now", help="Send the running job back to the queue, too.")] = False,
) -> None:
    """Start no more jobs; when nothing runs, the engine's memory is free."""
    _ask(lambda client: client.pause(now=now))


@app.command()
def resume() -> None:
    """Go on with the queue."""
    _ask(lambda client: client.resume())


# Asking


def _ask(question: Callable[["Client"], Awaitable[R]]) -> R:
    """Ask the running service. Raises BridgeError."""

    from bridge_server.client import Client

    async def asking() -> R:
        async with await Client.connect(Places.of_user(), host="command line") as client:
            return await question(client)

    return asyncio.run(asking())


def _each(names: Sequence[str], act: Callable[["Client", UUID], Awaitable[m.JobState]]) -> None:
    async def acted(client: "Client") -> None:
        for name in names:
            _tell(await act(client, (await _find(client, name)).job))

    _ask(acted)


async def _listed(client: "Client", *, everything: bool) -> tuple[list[m.Snapshot], m.QueueState]:
    """The jobs, oldest first, and the queue."""
    queue, listed = await client.queue(), list(await client.jobs())
    if everything:
        known = {job.job for job in listed}
        listed = [*(job for job in (await _history(client))[::-1] if job.job not in known), *listed]
    return listed, queue


async def _history(client: "Client") -> list[m.Snapshot]:
    """Every ended job, newest first."""
    told: list[m.Snapshot] = []
    while page := await client.history(told[-1].job if told else None, limit=100):
        told += page
    return told


async def _find(client: "Client", name: str) -> m.Snapshot:
    """The job of an id, or of the beginning of one. Raises JobError."""
    wanted = name.lower()
    everything = {job.job: job for job in (*await _history(client), *await client.jobs())}
    found = [job for id, job in everything.items() if str(id).startswith(wanted)]
    if len(found) > 1:
        raise JobError.ambiguous(name, len(found))
    if not found or not wanted:
        raise JobError.unknown()
    return found[0]


async def _watch(client: "Client", name: str) -> m.Snapshot:
    """Print each change of a job until it ends; its last state."""
    from bridge_server.client import Preview

    job, last = (await _find(client, name)).job, ""
    async for news in client.watch(job):
        if isinstance(news, Preview):
            continue
        if isinstance(news, m.JobState) and news.ended is not None:
            _tell(news)
            return news
        line = _state(news) if isinstance(news, m.JobState) else f"{news.stage} {news.done}/{news.total}"
        if line != last:
            print(line, flush=True)
        last = line
    raise JobError.unknown()


def _changes(changed: dict[str, Any]) -> m.Changes:
    try:
        return m.changes(changed)
    except MessageError as error:
        raise typer.BadParameter(error.message) from None


# Telling


def _tell(job: m.Snapshot) -> None:
    """One line: the job and how it stands; where its result is."""
    print(f"{str(job.job)[:8]} {_state(job)}")
    if job.result is not None:
        print(job.result.folder)


def _state(job: m.Snapshot) -> str:
    if job.stopping is not None:
        return "stopping"
    if job.held:
        return "held"
    return f"{job.state}, {job.stage}" if job.stage is not None else job.state


def _progress(job: m.Snapshot) -> str:
    if job.error is not None:
        return plain(job.error.code)
    if job.state == "running" and job.total:
        return f"{100 * job.done // job.total} %"
    return f"priority {job.priority:+}" if job.priority and job.state == "queued" else ""


def _when(job: m.Snapshot) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(job.submitted))

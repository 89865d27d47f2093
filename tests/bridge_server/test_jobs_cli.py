"""`videoshop jobs`, at a real service with a simulated engine."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from bridge_server import cli
from bridge_server.client import Client
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def command(places: Places, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `videoshop jobs …`: exit code, stdout, stderr."""
    for name, value in ((CONFIG, places.config), (DATA, places.data), ("COLUMNS", "200")):
        monkeypatch.setenv(name, str(value))

    async def run(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(cli.run, ["jobs", *arguments])
        return code, *capsys.readouterr()

    return run


async def submit(client: Client, clip: Path, **settings: str) -> UUID:
    grant = await client.grant(clip)
    edited = await client.upload_raw(bytes(4 * 4 * 3), 4, 4, 3, 8)
    params = m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited, frame=2),), settings=settings)
    return (await client.submit(params)).job


async def states(client: Client) -> dict[UUID, m.Snapshot]:
    return {job.job: job for job in await client.jobs()}


@pytest.fixture
async def paused(client: Client) -> Client:
    """A client of a service that starts no jobs."""
    await client.pause()
    return client


async def test_without_a_service_it_says_how_to_start_one(command: Command) -> None:
    code, out, err = await command()
    assert (code, out) == (2, "")
    assert err.splitlines() == ["Error: No bridge is running.", "Hint: Start it with `videoshop serve`."]


async def test_without_jobs_it_says_so(server: BridgeServer, command: Command) -> None:
    assert await command() == (0, "", "There are no jobs.\n")


async def test_jobs_are_listed_as_they_stand(paused: Client, clip: Path, command: Command) -> None:
    one, two = [await submit(paused, clip) for _ in range(2)]
    await paused.hold(one)
    await paused.prioritise(two, 3)
    code, out, err = await command()
    lines = out.splitlines()
    assert code == 0
    assert "paused" in err
    assert [line.split()[0] for line in lines[1:]] == [str(two)[:8], str(one)[:8]]
    assert "held" in lines[2]
    assert "priority +3" in lines[1]
    assert all("a clip.mp4" in line and "flow" in line and "python" in line for line in lines[1:])


async def test_programs_get_the_list_as_json(client: Client, clip: Path, command: Command) -> None:
    job = await submit(client, clip)
    await client.result(job)
    code, out, _ = await command("--json")
    told = json.loads(out)
    assert code == 0
    assert told["paused"] is False
    assert [(entry["job"], entry["state"]) for entry in told["jobs"]] == [(str(job), "done")]


async def test_all_of_the_history_is_listed_on_request(paused: Client, clip: Path, command: Command) -> None:
    for _ in range(105):
        await paused.cancel(await submit(paused, clip))
    assert len((await command())[1].splitlines()) == 51
    assert len((await command("--all"))[1].splitlines()) == 106


async def test_a_job_is_watched_to_its_end_and_its_result_is_named(
    client: Client, clip: Path, command: Command
) -> None:
    job = await submit(client, clip, steps="5", pause="0.05")
    code, out, _ = await command("watch", str(job)[:6])
    lines = out.splitlines()
    assert code == 0
    assert "running, propagate" in lines
    result = (await states(client))[job].result
    assert result is not None
    assert lines[-2:] == [f"{str(job)[:8]} done", result.folder]


async def test_watching_a_job_that_fails_ends_with_its_error(client: Client, clip: Path, command: Command) -> None:
    job = await submit(client, clip, act="refuse")
    code, _, err = await command("watch", str(job))
    assert code == 2
    assert err.splitlines() == [
        "Error: The edited frame is 2×2 but the clip's frames are 4×4.",
        "Hint: Export it.",
    ]


async def test_a_job_is_cancelled_and_retried(paused: Client, clip: Path, command: Command) -> None:
    job = await submit(paused, clip)
    assert await command("cancel", str(job)) == (0, f"{str(job)[:8]} cancelled\n", "")
    assert await command("retry", str(job)) == (0, f"{str(job)[:8]} queued\n", "")
    assert (await states(paused))[job].state == "queued"


async def test_a_job_is_held_and_released(paused: Client, clip: Path, command: Command) -> None:
    job = await submit(paused, clip)
    assert await command("hold", str(job)) == (0, f"{str(job)[:8]} held\n", "")
    assert await command("release", str(job)) == (0, f"{str(job)[:8]} queued\n", "")


async def test_a_job_is_moved(paused: Client, clip: Path, command: Command) -> None:
    one, two = [await submit(paused, clip) for _ in range(2)]
    assert (await command("move", str(two), "--before", str(one)))[0] == 0
    assert (await paused.queue()).order == (two, one)
    assert (await command("move", str(two)))[0] == 0
    assert (await paused.queue()).order == (one, two)
    assert (await command("move", str(two), "--priority", "1"))[0] == 0
    assert (await paused.queue()).order == (two, one)
    code, _, err = await command("move", str(two), "--priority", "1", "--before", str(one))
    assert code == 2
    assert "exclude each other" in err


async def test_a_job_is_run_again_with_other_settings(paused: Client, clip: Path, command: Command) -> None:
    job = await submit(paused, clip, steps="5", pause="1")
    code, out, _ = await command(
        "rerun", str(job), "--set", "pause=0", "--seed", "7", "--range", "3:", "--format", "mkv"
    )
    assert code == 0
    params = await paused.describe(UUID(out.strip()))
    assert params["settings"] == {"steps": "5", "pause": "0"}
    assert (params["seed"], params["range"], params["formats"]) == (7, {"start": 3, "stop": None}, ["mkv"])


async def test_a_rerun_with_what_no_method_knows_is_refused(paused: Client, clip: Path, command: Command) -> None:
    job = await submit(paused, clip)
    code, _, err = await command("rerun", str(job), "--method", "magic")
    assert code == 2
    assert err.startswith("Error:")
    assert "method" in err


async def test_all_that_is_known_of_a_job_is_shown(paused: Client, clip: Path, command: Command) -> None:
    job = await submit(paused, clip, steps="5")
    shown = json.loads((await command("show", str(job)))[1])
    assert (shown["job"], shown["state"], shown["params"]["settings"]) == (str(job), "queued", {"steps": "5"})


async def test_an_ended_job_is_removed_after_asking(
    client: Client, clip: Path, command: Command, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await submit(client, clip)
    await client.result(job)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert (await command("remove", str(job)))[0] == 130
    assert (places.jobs / str(job)).exists()
    assert await command("remove", "--yes", str(job)) == (0, f"{str(job)[:8]} removed\n", "")
    assert not (places.jobs / str(job)).exists()


async def test_the_queue_is_paused_and_goes_on(client: Client, clip: Path, command: Command) -> None:
    assert (await command("pause", "--now"))[0] == 0
    job = await submit(client, clip)
    assert (await states(client))[job].state == "queued"
    assert (await command("resume"))[0] == 0
    assert (await client.result(job)).state == "done"


async def test_an_id_that_is_no_jobs_or_several_jobs_is_refused(paused: Client, clip: Path, command: Command) -> None:
    code, _, err = await command("cancel", "ffff")
    assert code == 2
    assert "knows no such job" in err
    first = UUID("aaaaaaaa-0000-4000-8000-000000000001")
    for id in (first, UUID(int=first.int + 1)):
        grant = await paused.grant(clip)
        edited = await paused.upload_raw(bytes(48), 4, 4, 3, 8)
        await paused.submit(m.JobParams(grant=grant, keyframes=(m.KeyframeParams(edited=edited),)), job=id)
    code, _, err = await command("cancel", "aaaa")
    assert code == 2
    assert "The ids of 2 jobs begin with “aaaa”." in err

"""The diffusion method through the installed command and through the service, on a small model with random weights."""

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from bridge_server.client import Client, Preview
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.errors import UnreachableError
from bridge_server.protocol import messages as m
from engine.request import FrameRange
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK, COMMAND, EDIT, TINY, engines, tree
from tests.end_to_end.pictures import report_of

SERVE = (str(COMMAND), "serve", "--port", "0")
SETTINGS = {"steps": "10", "strength": "0.6", "guidance_from": "0"}
STEPS = 6


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A machine on which the small model is installed as `svd`."""
    home = tmp_path_factory.mktemp("home")
    names = {CONFIG: "config", DATA: "data", "VIDEOSHOP_WEIGHTS": "weights", "XDG_CACHE_HOME": "cache"}
    environment = os.environ | {name: str(home / folder) for name, folder in names.items()}
    command = [str(COMMAND), "weights", "download", "svd", "--from", str(TINY), "--accept-license"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(scope="module")
def service(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(SERVE, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Listening on ws://localhost:")
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


@pytest_asyncio.fixture
async def client(service: "subprocess.Popen[str]", environment: dict[str, str]) -> AsyncIterator[Client]:
    async with await Client.connect(Places(Path(environment[CONFIG]), Path(environment[DATA]))) as client:
        yield client


async def asked(client: Client, **more: Any) -> m.JobParams:
    keyframe = m.KeyframeParams(
        edited=await client.upload_png(BOX_EDITED), frame=20, mask=await client.upload_png(BOX_MASK)
    )
    params: dict[str, Any] = {
        "range": FrameRange(start=20, stop=24),
        "method": "videoshop",
        "formats": ("png",),
        "settings": SETTINGS,
    }
    return m.JobParams(grant=await client.grant(BOX), keyframes=(keyframe,), **(params | more))


async def result_of(client: Client, params: m.JobParams) -> Path:
    ended = await client.result((await client.submit(params)).job)
    assert ended.error is None
    assert ended.result is not None
    return Path(ended.result.folder)


def alone(environment: dict[str, str], seed: int, output: Path) -> Path:
    """The same job by the command, with nothing stored before."""
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    options = ["--range", "20:24", "--method", "videoshop", "--format", "png", "--seed", str(seed), *settings]
    command = [str(COMMAND), "propagate", str(BOX), *map(str, EDIT), *options, "--output", str(output)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return output


def pictures(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if name.endswith(".png")}


def test_the_command_counts_its_passes_and_edits_again_without_inversion(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The figures of the paper's own run: 14 frames, 13 of 25 steps."""
    command = [str(COMMAND), "propagate", str(BOX), *map(str, EDIT), "--range", "20:34", "--method", "videoshop"]
    command += ["--set", "preset=reference"]
    for guidance, passes in ((4, (39, 17, 14)), (3, (26, 2, 14))):
        options = ["--set", f"guidance_last={guidance}", "--format", "mkv", "--output", str(tmp_path / "out")]
        subprocess.run([*command, *options], env=environment, check=True, capture_output=True)
        report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
        assert tuple(report["passes"].values()) == passes
        assert report["method"] == "videoshop"
        assert report["weights"] is None


async def test_a_job_tells_its_steps_and_the_service_answers_meanwhile(client: Client) -> None:
    accepted = await client.submit(await asked(client, seed=5))
    grant, stages, answered, last = await client.grant(BOX), [], False, None
    async for news in client.watch(accepted.job):
        if isinstance(news, Preview):
            assert news.jpeg[:2] == b"\xff\xd8"
            continue
        stages.append(news.stage)
        last = news
        if news.stage == "invert" and not answered:
            assert (await client.probe(grant)).frames == 60
            answered = True
    assert answered
    told = [stage for stage in dict.fromkeys(stages) if stage is not None]
    assert [stage for stage in told if stage in ("invert", "generate", "decode")] == ["invert", "generate", "decode"]
    assert isinstance(last, m.JobState)
    assert last.state == "done"


@pytest.mark.parametrize("stage", ["invert", "generate"])
async def test_a_killed_engine_fails_the_job_and_the_next_goes_on_where_it_was(
    stage: str, client: Client, service: "subprocess.Popen[str]", environment: dict[str, str], tmp_path: Path
) -> None:
    seed = 11 if stage == "invert" else 12
    params = await asked(client, seed=seed)
    accepted = await client.submit(params)

    def kill_engines() -> None:
        for engine in engines(service.pid):
            engine.kill()

    await _at(client, accepted.job, stage, kill_engines)
    failed = await client.result(accepted.job)
    assert failed.error is not None
    assert failed.error.code == "engine.crashed"
    await client.retry(accepted.job)
    ended = await client.result(accepted.job)
    assert ended.result is not None
    resumed = Path(ended.result.folder)
    assert report_of(resumed).passes.network < 3 * STEPS
    undisturbed = alone(environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")}, seed, tmp_path / "out")
    assert report_of(undisturbed).passes.network == 3 * STEPS
    assert pictures(resumed) == pictures(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_job_goes_on_from_its_checkpoints_when_the_service_is_back(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path
) -> None:
    environment = environment | {CONFIG: str(tmp_path / "config"), DATA: str(tmp_path / "data")}
    places = Places(tmp_path / "config", tmp_path / "data")
    seed = int(number) + 20
    with subprocess.Popen(SERVE, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        async with await Client.connect(places) as client:
            job = (await client.submit(await asked(client, seed=seed))).job
            with pytest.raises(UnreachableError):
                await _at(client, job, "generate", lambda: process.send_signal(number))
    with subprocess.Popen(SERVE, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        async with await Client.connect(places) as client:
            ended = await client.result(job)
        process.send_signal(signal.SIGINT)
    assert ended.result is not None
    assert ended.attempt == 2
    resumed = Path(ended.result.folder)
    assert 0 < report_of(resumed).passes.network < 3 * STEPS
    undisturbed = alone(environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")}, seed, tmp_path / "out")
    assert pictures(resumed) == pictures(undisturbed)


async def _at(client: Client, job: UUID, stage: str, act: Callable[[], None]) -> None:
    """Do something at the third step of a stage, and watch the job to its end."""
    async for news in client.watch(job):
        if isinstance(news, m.JobProgress) and news.stage == stage and news.done >= 3:
            act()

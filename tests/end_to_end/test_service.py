"""Through the service: `videoshop serve` in its own process, a real engine under it, the client over a real socket."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import psutil
import pytest
import pytest_asyncio

from bridge_server.client import Client, Preview
from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.protocol import messages as m
from engine.media.clip import Clip
from engine.media.still import read_still
from engine.request import FrameRange
from tests.bridge_server.processes import gone
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK, COMMAND, engines, tree
from tests.end_to_end.pictures import Image, frames, report_of


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    folder = tmp_path_factory.mktemp("service")
    environment = os.environ | {CONFIG: str(folder / "config"), DATA: str(folder / "data")}
    command = [str(COMMAND), "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Listening on ws://localhost:")
        yield process
        children = engines(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert all(gone(engine.pid) for engine in children)


@pytest.fixture(scope="module")
def places(service: "subprocess.Popen[str]") -> Places:
    environment = psutil.Process(service.pid).environ()
    return Places(Path(environment[CONFIG]), Path(environment[DATA]))


@pytest_asyncio.fixture
async def client(places: Places) -> AsyncIterator[Client]:
    async with await Client.connect(places) as client:
        yield client


async def label(client: Client, edited: UUID | None = None, mask: UUID | None = None, **more: Any) -> m.JobParams:
    """The bundled edit of frame 20."""
    keyframe = m.KeyframeParams(
        edited=edited or await client.upload_png(BOX_EDITED), frame=20, mask=mask or await client.upload_png(BOX_MASK)
    )
    return m.JobParams(grant=await client.grant(BOX), keyframes=(keyframe,), **more)


SHORT: dict[str, Any] = {"range": FrameRange(start=18, stop=24), "formats": ("mkv", "png")}


async def succeeded(client: Client, **more: Any) -> Path:
    """Run a short job; the folder of its result."""
    ended = await client.result((await client.submit(await label(client, **(SHORT | more)))).job)
    assert ended.error is None
    assert ended.result is not None
    return Path(ended.result.folder)


async def at_work(client: Client, job: UUID) -> None:
    """Wait until frames of a job are being painted."""
    async for news in client.watch(job):
        if isinstance(news, m.JobProgress) and news.stage == "propagate" and news.done >= 5:
            return
    pytest.fail("the job ended before it was seen at work")


def rows(image: Image, bits: int) -> bytes:
    """Interleaved rows of a picture in [0, 1], as the protocol has them."""
    codes = np.rint(image * ((1 << bits) - 1))
    return codes.astype("<u2" if bits == 16 else np.uint8).tobytes()


async def test_raw_16_bit_rows_and_a_png_of_the_same_frame_give_the_same_result(client: Client) -> None:
    edited, mask = read_still(BOX_EDITED).rgb, read_still(BOX_MASK).rgb[..., 0]
    raw = {
        "edited": await client.upload_raw(rows(edited, 16), 640, 480, 3, 16),
        "mask": await client.upload_raw(rows(mask, 16), 640, 480, 1, 16),
    }
    from_raw, from_png = await succeeded(client, **raw), await succeeded(client)
    results = [
        {name: data for name, data in tree(folder).items() if name.endswith(".png")} for folder in (from_raw, from_png)
    ]
    assert len(results[0]) == 12
    assert results[0] == results[1]
    for one, other in zip(*(frames(folder / "flat.mkv") for folder in (from_raw, from_png)), strict=True):
        assert all(np.array_equal(*planes) for planes in zip(one.planes, other.planes, strict=True))


async def test_progress_rises_previews_show_the_edit_and_the_result_is_where_it_is_said_to_be(client: Client) -> None:
    accepted = await client.submit(await label(client))
    news = [item async for item in client.watch(accepted.job)]
    told = [item for item in news if not isinstance(item, Preview)]
    assert [item.seq for item in told] == sorted({item.seq for item in told})
    work = [item for item in told if item.stage == "propagate"]
    assert [item.done for item in work] == sorted(item.done for item in work)
    assert any(item.message and "frames to paint" in item.message for item in told)
    previews = [item for item in news if isinstance(item, Preview)]
    assert len(previews) >= 3
    assert previews[0].frame == 20
    edited = cv2.imread(str(BOX_EDITED))
    for preview in previews:
        picture = cv2.imdecode(np.frombuffer(preview.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (480, 640, 3)
        if preview.frame == 20:
            assert edited is not None
            assert cv2.norm(picture, edited, cv2.NORM_L1) / picture.size < 4
    ended = told[-1]
    assert isinstance(ended, m.JobState)
    assert ended.state == "done"
    assert ended.result is not None
    folder = Path(ended.result.folder)
    assert sorted(ended.result.files) == sorted(tree(folder)) == ["flat.mp4", "layer.mov", "report.json"]
    assert report_of(folder).quality.outside_max_abs_diff == 0
    for name in ("flat.mp4", "layer.mov"):
        with Clip.open(folder / name) as clip:
            assert clip.info.frames == 60


async def test_the_service_says_what_the_clip_is_and_finds_the_edited_frame(client: Client) -> None:
    grant = await client.grant(BOX)
    info = await client.probe(grant)
    assert (info.frames, info.fps, info.width, info.height, info.has_audio) == (60, "30", 640, 480, True)
    located = await client.locate(grant, await client.upload_png(BOX_EDITED))
    assert located.frame == 20
    assert read_still(await client.frame(grant, 59)).rgb.shape == (480, 640, 3)


async def test_what_the_engine_refuses_fails_the_job_with_code_message_and_hint(client: Client) -> None:
    keyframe = m.KeyframeParams(edited=await client.upload_png(BOX_EDITED), frame=99)
    params = m.JobParams(grant=await client.grant(BOX), keyframes=(keyframe,))
    ended = await client.result((await client.submit(params)).job)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error.code == "edit.frame_out_of_range"
    assert ended.error.message == "Frame 99 was edited but the clip has 60 frames, 0 to 59."
    assert ended.error.hint


async def test_a_job_cancelled_at_work_leaves_no_file_and_the_next_one_runs(client: Client, places: Places) -> None:
    job = (await client.submit(await label(client))).job
    await at_work(client, job)
    await client.cancel(job)
    ended = await client.result(job)
    assert (ended.state, ended.result) == ("cancelled", None)
    assert not (places.jobs / str(job) / "out").exists()
    assert report_of(await succeeded(client)).range == (18, 24)


async def test_an_engine_killed_at_work_fails_its_job_with_the_reason_and_the_next_one_runs(
    client: Client, places: Places, service: "subprocess.Popen[str]"
) -> None:
    job, waiting = [(await client.submit(await label(client, formats=("mp4",)))).job for _ in range(2)]
    await at_work(client, job)
    folder = str(places.jobs / str(job))
    (busy,) = (engine for engine in engines(service.pid) if any(folder in file.path for file in engine.open_files()))
    busy.kill()
    ended = await client.result(job)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error.code == "engine.crashed"
    assert "by signal 9" in ended.error.message
    assert ended.error.retryable
    assert not (places.jobs / str(job) / "out").exists()
    assert (await client.result(waiting)).state == "done"
    assert (places.jobs / str(waiting) / "out" / "flat.mp4").exists()


async def test_a_client_that_goes_away_does_not_stop_its_job(client: Client, places: Places) -> None:
    leaving = await Client.connect(places)
    job = (await leaving.submit(await label(leaving, formats=("mp4",)))).job
    await at_work(leaving, job)
    await leaving.close()
    ended = await client.result(job)
    assert ended.state == "done"
    assert ended.result is not None
    assert report_of(Path(ended.result.folder)).range == (0, 60)

"""The plain status page in a real browser, at the real service with a real engine under it."""

import asyncio
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from websockets.asyncio.server import ServerConnection, serve

from bridge_server.client import Client
from bridge_server.pages import FOLDER, answer, pages
from bridge_server.protocol import messages as m
from engine.request import FrameRange
from tests.end_to_end.command import BOX, BOX_EDITED, BOX_MASK
from tests.end_to_end.page_service import Service, beside, well_behaved

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT: dict[str, Any] = {"range": FrameRange(start=19, stop=22), "formats": ("mkv",)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("browser"))
    service.start()
    yield service
    service.end(signal.SIGINT)


@pytest_asyncio.fixture(loop_scope="module")
async def client(service: Service) -> AsyncIterator[Client]:
    async with beside(service.places) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 240, "height": 700})
    async with well_behaved(context, patience=15) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def paired(page: Page, service: Service, client: Client) -> Page:
    """The page as `videoshop open` opens it, paired."""
    await page.goto(f"{service.url}#{await code(client)}")
    await says(page, "Connected.")
    return page


async def code(client: Client) -> str:
    return (await client.open_pairing()).code


async def submit(client: Client, clip: Path = BOX, **more: Any) -> UUID:
    """The bundled edit of frame 20 of the bundled clip."""
    edited, mask = await client.upload_png(BOX_EDITED), await client.upload_png(BOX_MASK)
    keyframe = m.KeyframeParams(edited=edited, frame=20, mask=mask)
    return (await client.submit(m.JobParams(grant=await client.grant(clip), keyframes=(keyframe,), **more))).job


async def says(page: Page, text: str) -> None:
    await expect(page.get_by_role("status")).to_contain_text(text)


def rows(page: Page, title: str) -> Locator:
    return page.get_by_role("list", name=title).get_by_role("listitem")


async def press(row: Locator, name: str) -> None:
    await row.get_by_role("button", name=name).click()


async def test_a_page_pairs_by_the_code_behind_the_hash_and_shows_a_job_from_its_start_to_its_end(
    paired: Page, service: Service, client: Client
) -> None:
    assert paired.url == service.url
    await submit(client)
    running = rows(paired, "Queue").filter(has=paired.get_by_role("progressbar"))
    await expect(running.get_by_role("heading", name=BOX.name)).to_be_visible()
    await expect(running).to_contain_text(re.compile(r"Propagating\s*\d+ of \d+"))
    picture = running.get_by_role("img", name=re.compile(r"Frame \d+ of box\.mp4"))
    await expect(picture).to_have_js_property("naturalWidth", 640)
    await expect(rows(paired, "Queue")).to_have_count(0)
    done = rows(paired, "Ended").first
    await expect(done).to_contain_text("Done")
    await expect(done).to_contain_text("flat.mp4, layer.mov, report.json")
    await expect(done.get_by_role("img", name="as it became")).to_have_js_property("naturalWidth", 640)
    assert await paired.evaluate("document.documentElement.scrollWidth") <= 240


async def test_jobs_are_held_released_moved_cancelled_and_retried_by_buttons_while_the_queue_is_paused(
    paired: Page, client: Client, tmp_path: Path
) -> None:
    await paired.get_by_role("button", name="Pause queue").click()
    await expect(paired.get_by_text("Paused: no other job starts")).to_be_visible()
    clips = [Path(shutil.copy(BOX, tmp_path / name)) for name in ("one.mp4", "other.mp4")]
    first, second = [await submit(client, clip, **SHORT) for clip in clips]
    queue = rows(paired, "Queue")
    await expect(queue).to_contain_text(["one.mp4", "other.mp4"])

    await press(queue.nth(1), "Move up")
    await expect(queue).to_contain_text(["other.mp4", "one.mp4"])
    assert (await client.pause()).order == (second, first)

    await press(queue.nth(0), "Hold")
    await expect(queue.nth(0)).to_contain_text("Held")
    assert (await known(client, second)).held
    await press(queue.nth(0), "Release")
    await expect(queue.nth(0)).to_contain_text("Waiting")

    await press(queue.nth(1), "Cancel")
    await expect(queue).to_have_count(1)
    await in_state(client, first, "cancelled")
    await press(rows(paired, "Ended").first, "Retry")
    await expect(queue).to_have_count(2)

    await paired.get_by_role("button", name="Resume queue").click()
    await in_state(client, second, "done")
    await in_state(client, first, "done")
    await expect(queue).to_have_count(0)


async def test_a_running_job_is_cancelled_and_the_page_can_be_used_by_keys_alone(paired: Page, client: Client) -> None:
    job = await submit(client)
    queue = rows(paired, "Queue")
    await expect(queue.get_by_role("progressbar")).to_be_visible(timeout=15_000)
    for _ in range(2):
        await paired.keyboard.press("Tab")
    focused = paired.locator(":focus-visible")
    await expect(focused).to_have_accessible_name(f"Cancel: {BOX.name}")
    assert await focused.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    await paired.keyboard.press("Enter")
    await in_state(client, job, "cancelled")
    await expect(rows(paired, "Ended").first).to_contain_text("Cancelled")


ASK_TO_FORGET_IT = """() => {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    send.call(this, text.replace("job.cancel", "job.remove"));
  };
}"""


async def test_what_the_bridge_refuses_is_said_with_its_hint(paired: Page, client: Client) -> None:
    await paired.get_by_role("button", name="Pause queue").click()
    await submit(client, **SHORT)
    row = rows(paired, "Queue").first
    await expect(row).to_contain_text("Waiting")
    await paired.evaluate(ASK_TO_FORGET_IT)
    await press(row, "Cancel")
    await expect(paired.get_by_role("alert")).to_contain_text(re.compile(r"\..+\."))


async def test_a_bridge_that_was_killed_is_found_again_and_its_jobs_with_it(paired: Page, service: Service) -> None:
    ended = await rows(paired, "Ended").count()
    assert ended > 0
    service.end(signal.SIGKILL)
    await says(paired, "Trying again in")
    await expect(paired.get_by_role("button", name="Pause queue")).to_be_disabled()
    assert await rows(paired, "Ended").count() == ended
    service.start()
    await says(paired, "Connected.")
    await expect(paired.get_by_role("button", name="Pause queue")).to_be_enabled()
    assert await rows(paired, "Ended").count() == ended
    await paired.reload()
    await says(paired, "Connected.")


async def test_a_page_without_code_or_with_an_old_one_says_what_to_do_and_shows_nothing(
    page: Page, service: Service, client: Client
) -> None:
    await page.goto(service.url)
    await says(page, "Not paired. Run `videoshop open`")
    await page.goto(f"{service.url}#AAAAA-AAAAA")
    await says(page, "the pairing code is not valid any more")
    await expect(page.get_by_role("listitem")).to_have_count(0)
    await page.goto(f"{service.url}#{await code(client)}")
    await says(page, "Connected.")


@pytest.mark.parametrize(
    ("hello", "reason"),
    [({}, "Not trusted"), ({"protocol_min": 2, "protocol_max": 3}, "of different versions")],
    ids=["proof", "version"],
)
async def test_a_program_that_took_the_port_learns_nothing_but_a_proof(
    page: Page, hello: dict[str, int], reason: str
) -> None:
    heard: list[str] = []

    async def pretend(connection: ServerConnection) -> None:
        said = m.Hello(id="s1", bridge_version="0", instance=uuid4(), challenge="5e" * 32).model_copy(update=hello)
        await connection.send(m.encode(said))
        async for text in connection:
            heard.append(json.loads(text)["type"])
            await connection.send(m.encode(m.Identified(id="s2", re="c1", hmac="00" * 32, session=uuid4())))

    files = pages(FOLDER / "never built")
    async with serve(pretend, "127.0.0.1", 0, process_request=lambda _, request: answer(request, files)) as server:
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
        await page.goto(url)
        await page.evaluate("sessionStorage.setItem('videoshop.token', 'a5'.repeat(32))")
        await page.reload()
        await says(page, reason)
        await asyncio.sleep(1.5)  # longer than until the first new try, if there were one
    assert heard == ([] if hello else ["identify"])


async def known(client: Client, job: UUID) -> m.Snapshot:
    return next(snapshot for snapshot in await client.jobs() if snapshot.job == job)


async def in_state(client: Client, job: UUID, state: m.State) -> None:
    """Wait until a job is in a state."""
    async with asyncio.timeout(30):
        while (await known(client, job)).state != state:
            await asyncio.sleep(0.05)

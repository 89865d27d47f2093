"""Pages of others in a real browser: whatever they try, the bridge is shut for them."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page

from bridge_server.client import Client
from bridge_server.desktop.paths import Places
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.end_to_end.doors import EVERYTHING, open_door, opened
from tests.end_to_end.page_service import close

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = "evil.test"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BridgeServer]:
    folder = tmp_path_factory.mktemp("rogue")
    places = Places(folder / "config", folder / "data")
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def job(bridge: BridgeServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[UUID]:
    """A job at work, which nobody else may know of or touch."""
    clip = tmp_path_factory.mktemp("clip") / "clip.mp4"
    clip.write_bytes(b"frames")
    async with await Client.connect(bridge.places) as client:
        edited = await client.upload_raw(bytes(48), 4, 4, 3, 8)
        keyframe = m.KeyframeParams(edited=edited, frame=2)
        slow = {"steps": "100000", "pause": "0.1"}
        params = m.JobParams(grant=await client.grant(clip), keyframes=(keyframe,), settings=slow)
        job = (await client.submit(params)).job
        yield job
        assert [(kept.job, kept.state) for kept in await client.jobs()] == [(job, "running")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door() -> AsyncIterator[int]:
    async with open_door() as port:
        yield port


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await context.new_page()
    await close(context)


@pytest_asyncio.fixture(loop_scope="module", params=["port", "evil", "sandbox", "data", "file"])
async def rogue(request: pytest.FixtureRequest, page: Page, door: int, tmp_path: Path) -> Page | Frame:
    """A page of another origin: of another port, of another host, and of none in three ways."""
    match request.param:
        case "port":
            await page.goto(f"http://localhost:{door}/")
        case "evil":
            await page.goto(f"http://{EVIL}:{door}/")
        case "data":
            await page.goto("data:text/html,<body>")
        case "file":
            (tmp_path / "rogue.html").write_text("<!doctype html><body>")
            await page.goto((tmp_path / "rogue.html").as_uri())
        case "sandbox":
            await page.goto(f"http://localhost:{door}/")
            await page.set_content('<iframe sandbox="allow-scripts" srcdoc="<body>"></iframe>')
            (frame,) = page.main_frame.child_frames
            return frame
    return page


async def test_what_a_page_of_another_origin_can_do_to_an_open_door_it_cannot_do_to_the_bridge(
    rogue: Page | Frame, bridge: BridgeServer, door: int, job: UUID
) -> None:
    assert await opened(rogue, f"localhost:{door}") == EVERYTHING
    for host in ("localhost", "127.0.0.1", EVIL):
        assert await opened(rogue, f"{host}:{bridge.port}") == set()


async def test_a_name_that_was_bound_to_this_machine_is_answered_nothing(
    page: Page, bridge: BridgeServer, job: UUID
) -> None:
    response = await page.goto(f"http://{EVIL}:{bridge.port}/")
    assert response is not None
    assert (response.status, await response.text()) == (403, "Host not allowed.\n")


async def test_a_page_that_has_the_bridges_port_under_another_name_cannot_do_anything(
    page: Page, bridge: BridgeServer, job: UUID
) -> None:
    """As after DNS rebinding: for the browser, page and bridge are of one origin."""
    address = f"http://{EVIL}:{bridge.port}/attack"
    await page.route(address, lambda route: route.fulfill(content_type="text/html", body="<!doctype html><body>"))
    await page.goto(address)
    assert await opened(page, f"{EVIL}:{bridge.port}") == set()


async def test_a_form_that_posts_a_job_reaches_nothing(page: Page, door: int, bridge: BridgeServer, job: UUID) -> None:
    await page.goto(f"http://localhost:{door}/")
    form = f'<form method="post" enctype="text/plain" action="http://localhost:{bridge.port}/bridge">'
    await page.set_content(f'{form}<input name=\'{{"v":1,"type":"job.cancel"\' value=\'}}\'></form>')
    async with page.expect_event("requestfailed"):
        await page.evaluate("document.forms[0].submit()")


async def test_a_page_that_opens_the_bridges_page_has_no_hold_on_it(
    page: Page, door: int, bridge: BridgeServer, job: UUID
) -> None:
    await page.goto(f"http://localhost:{door}/")
    async with page.expect_popup() as popup:
        await page.evaluate(f"window.other = window.open('http://localhost:{bridge.port}/')")
    shown = await popup.value
    await shown.get_by_text("Not paired.").wait_for()
    assert await page.evaluate("window.other.closed")
    assert await shown.evaluate("window.opener") is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_the_bridges_own_page_may_do_what_it_needs(page: Page, bridge: BridgeServer, host: str) -> None:
    await page.goto(f"http://{host}:{bridge.port}/")
    assert await opened(page, f"{host}:{bridge.port}") == EVERYTHING - {"frame"}

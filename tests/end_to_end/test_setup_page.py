"""Setting up from the page: the real service and its process, a real browser, and a stand-in for the models' hub."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.end_to_end.page_service import Service, beside, built_panel, well_behaved
from tests.engine.videoshop.hub import Hub
from tests.engine.videoshop.small import write_like_svd

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_like_svd(tmp_path_factory.mktemp("origin") / "model")


@pytest.fixture(scope="module")
def hub(origin: Path) -> Iterator[Hub]:
    with Hub("stabilityai/stable-video-diffusion-img2vid", origin) as hub:
        yield hub


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    more = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "", "NO_PROXY": "127.0.0.1,localhost"}
    service = Service(folder, built_panel(tmp_path_factory.mktemp("built")), **more)
    service.start()
    yield service
    service.end(signal.SIGINT)


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, service: Service) -> AsyncIterator[Page]:
    """The page as the tray opens it for who has just installed the app."""
    context = await browser.new_context(viewport={"width": 900, "height": 1100}, locale="en-GB")
    async with well_behaved(context, patience=60) as page, beside(service.places) as client:
        await page.goto(f"{service.url}#{(await client.open_pairing()).code}/setup")
        await expect(page.locator(".vs-link")).to_contain_text("Connected.")
        yield page


def model(page: Page) -> Locator:
    return page.get_by_role("list", name="Diffusion method").locator("li").filter(has_text="Model svd").first


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def picture(page: Page, name: str) -> None:
    """Keep what is seen, for who wants to look at it."""
    if folder := os.environ.get("VIDEOSHOP_TESTS_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def test_the_section_is_open_and_tells_how_everything_stands(page: Page) -> None:
    assert "/setup" not in page.url
    await expect(page.get_by_role("button", name="Set up", exact=True)).to_have_attribute("aria-expanded", "true")
    method = page.get_by_role("list", name="Diffusion method")
    await expect(method.locator("li").first).to_contain_text("It is part of this Python.")
    await expect(method.locator("li").first).to_contain_text("Installed")
    await expect(model(page)).to_contain_text("Not installed")
    await expect(model(page)).to_contain_text("14 frames at once")
    await picture(page, "setup")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a system without Adobe's programs")
async def test_where_adobes_programs_do_not_run_it_says_so(page: Page) -> None:
    await expect(page.locator(".vs-setup")).to_contain_text("Photoshop and After Effects run on Windows and macOS")


async def test_a_code_for_photoshops_panel_is_shown(page: Page) -> None:
    await press(page, "Code for a panel")
    await expect(page.locator(".vs-pairing")).to_have_text(re.compile(r"^[0-9A-Z]{5}-[0-9A-Z]{5}$"))


async def test_a_model_is_agreed_to_fetched_stopped_gone_on_with_and_removed(page: Page, hub: Hub) -> None:
    await press(page, "Install: Model svd")
    await expect(page.get_by_role("group", name="Licence of Model svd")).to_contain_text("Free for research")
    assert hub.asked == []  # nothing is fetched before
    await picture(page, "setup-licence")
    hub.breaks[UNET] = [3_000_000, *[0] * 9]  # and then it waits
    await press(page, "I agree and install")
    await expect(model(page)).to_contain_text("Downloading")
    await expect(page.get_by_role("progressbar", name="Progress of Model svd")).to_be_visible()
    async with asyncio.timeout(60):
        while 3_000_000 not in hub.asked_for(UNET):  # it has what was sent, and asks for the rest
            await asyncio.sleep(0.05)
    await picture(page, "setup-fetching")
    await press(page, "Stop: Model svd")
    await expect(model(page)).to_contain_text("Stopped; goes on where it was")

    hub.breaks.clear()
    await press(page, "Continue: Model svd")
    await press(page, "I agree and install")
    await expect(model(page).locator(".vs-state")).to_have_text("Installed")
    assert hub.asked_for(UNET)[-1] == 3_000_000

    await press(page, "Remove: Model svd")
    await press(page, "Delete its files?: Model svd")
    await expect(model(page)).to_contain_text("Not installed")


async def test_what_fails_is_told_and_a_token_helps_where_the_hub_wants_one(page: Page, hub: Hub) -> None:
    hub.token = "hf_secret"
    await press(page, "Install: Model svd")
    await press(page, "I agree and install")
    await expect(model(page)).to_contain_text(f"The hub does not hand out {hub.repository} to you.")
    await picture(page, "setup-failed")
    await model(page).get_by_label("Token of your account at the models' hub").fill("hf_secret")
    await press(page, "Continue: Model svd")
    await press(page, "I agree and install")
    await expect(model(page).locator(".vs-state")).to_have_text("Installed")
    assert "hf_secret" not in await page.content()


async def test_the_method_leads_here_as_long_as_it_lacks_a_model(page: Page, service: Service) -> None:
    async with beside(service.places) as client:
        await client.take_away("svd")
    await expect(model(page)).to_contain_text("Not installed")
    await page.get_by_label("Full", exact=False).first.check()
    lacking = page.locator(".vs-lacking")
    await expect(lacking).to_contain_text("No model is ready.")
    await lacking.get_by_role("button", name="Set up…").click()
    await expect(page.get_by_role("button", name="Set up", exact=True)).to_be_focused()
